"""What is remembered of a repository between scans, so that the next one reads only what is new.

No secret and nothing made from one is kept: only which objects were scanned, and what was found at which place of them,
redacted. The secret is read there again; content in which it is encoded is scanned again each time. Where a file's *name*
holds a secret, nothing is kept at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, overload

from pushwarden import __version__
from pushwarden.history.local.early import place_of
from pushwarden.history.local.log import Change, Commit
from pushwarden.history.local.recall import Recall, from_json, to_json
from pushwarden.history.local.repository import Repository

FORMAT: Final = 2
PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Memory:
    """Where states are kept, and for which rules they hold."""

    folder: Path
    rules: str
    """Digest of the rules and the limits: other ones may find something else."""


@dataclass(frozen=True, slots=True)
class Store:
    """What is in a repository's object store, by name; taken before a scan, so that what comes meanwhile is new."""

    packs: frozenset[str]
    loose: frozenset[str]


@dataclass(frozen=True, slots=True)
class State:
    """What a whole and gapless scan has learnt."""

    store: Store
    graph: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    """(commit, parents), children first."""
    commits: tuple[Commit, ...]
    """The commits that may have introduced something, oldest first; only changes that matter."""
    replaced: dict[bytes, tuple[tuple[bytes, bytes], ...]]
    blobs: dict[bytes, tuple[bytes, ...]]
    """Blob in which something was found, to its paths in the history; without one for a blob that no commit has."""
    texts: dict[bytes, bool]
    """Commit or tag in whose message or people something was found; True for a tag."""
    blob_count: int
    byte_count: int
    recall: Recall
    """What was found in them."""
    known: bytes
    """The ids of all objects that were scanned: binary, sorted, one after the other."""


def look(repository: Repository) -> Store | None:
    """Return what is in the object store; None where it borrows from another one."""
    objects = repository.common_dir / "objects"
    if (objects / "info" / "alternates").exists():
        return None
    packs = frozenset(name for name in _names(objects / "pack") if name.endswith(".idx"))
    folders = [name for name in _names(objects) if len(name) == 2]  # noqa: PLR2004 - the first byte of an id
    loose = frozenset(folder + name for folder in folders for name in _names(objects / folder) if "_" not in name)
    return Store(packs, loose)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - 256 folders, and only names are wanted
    except OSError:
        return []


def load(memory: Memory, repository: Repository) -> State | None:
    """Return what is remembered; None where nothing is, or where it cannot be read."""
    place = _place(memory, repository)
    try:
        raw = json.loads((place / "state.json").read_bytes())
        known = (place / "known").read_bytes()
        return _from_json(raw, known) if raw["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None  # the price is a full scan


def save(memory: Memory, repository: Repository, state: State) -> None:
    """Remember a state; where that is not possible, the next scan is a full one."""
    place = _place(memory, repository)
    with contextlib.suppress(OSError):
        place.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        # First the ids: a state that is older than its ids only makes objects count as known that it scanned too.
        _replace(place / "known", state.known)
        _replace(place / "state.json", json.dumps(_to_json(state)).encode())


def forget(memory: Memory, repository: Repository) -> None:
    """Drop what is remembered."""
    with contextlib.suppress(OSError):
        (_place(memory, repository) / "state.json").unlink(missing_ok=True)


def _place(memory: Memory, repository: Repository) -> Path:
    key = "\0".join((memory.rules, __version__, str(FORMAT)))
    return place_of(memory.folder, repository.common_dir) / hashlib.sha256(key.encode()).hexdigest()[:32]


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def pack_ids(names: Iterable[bytes]) -> bytes:
    """Return hex ids as sorted binary, one after the other."""
    return b"".join(sorted(bytes.fromhex(name.decode()) for name in names))


class Ids(Sequence[bytes]):
    """Looks ids up without unpacking them."""

    def __init__(self, known: bytes, width: int) -> None:
        self._known, self._width = known, width

    def __len__(self) -> int:
        return len(self._known) // self._width

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        return self._known[index * self._width : (index + 1) * self._width]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, bytes):
            return False
        wanted = bytes.fromhex(name.decode())
        index = bisect_left(self, wanted)
        return index < len(self) and self[index] == wanted


def _to_json(state: State) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "packs": sorted(state.store.packs),
        "loose": sorted(state.store.loose),
        "graph": "\n".join(_text(b" ".join((commit, *parents))) for commit, parents in state.graph),
        "commits": [
            [_text(b" ".join((each.id, *each.parents))), [_change_to_json(change) for change in each.changes]]
            for each in state.commits
        ],
        "replaced": {_text(merge): [[_text(b), _text(p)] for b, p in pairs] for merge, pairs in state.replaced.items()},
        "blobs": {_text(blob): [_text(path) for path in paths] for blob, paths in state.blobs.items()},
        "texts": {_text(name): is_tag for name, is_tag in state.texts.items()},
        "blob_count": state.blob_count,
        "byte_count": state.byte_count,
        "recall": to_json(state.recall),
    }


def _from_json(raw: dict[str, Any], known: bytes) -> State:
    rows = (_bytes(line).split() for line in raw["graph"].splitlines())
    heads = ((_bytes(head).split(), changes) for head, changes in raw["commits"])
    return State(
        store=Store(frozenset(raw["packs"]), frozenset(raw["loose"])),
        graph=tuple((row[0], tuple(row[1:])) for row in rows),
        commits=tuple(
            Commit(head[0], tuple(head[1:]), tuple(_change_from_json(each) for each in changes))
            for head, changes in heads
        ),
        replaced={
            _bytes(merge): tuple((_bytes(blob), _bytes(path)) for blob, path in pairs)
            for merge, pairs in raw["replaced"].items()
        },
        blobs={_bytes(blob): tuple(map(_bytes, paths)) for blob, paths in raw["blobs"].items()},
        texts={_bytes(name): bool(is_tag) for name, is_tag in raw["texts"].items()},
        blob_count=int(raw["blob_count"]),
        byte_count=int(raw["byte_count"]),
        recall=from_json(raw["recall"]),
        known=known,
    )


def _change_to_json(change: Change) -> list[str]:
    return [_text(change.path), _text(change.mode), _text(change.new), *map(_text, change.old)]


def _change_from_json(raw: list[str]) -> Change:
    path, mode, new, *old = map(_bytes, raw)
    return Change(path, mode, new, tuple(old))


def _text(data: bytes) -> str:
    return data.decode("latin-1")  # every byte has a letter, so that any path comes back as it was


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
