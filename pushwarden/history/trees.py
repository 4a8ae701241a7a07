"""Walk the commits and trees of a push: the order of commits, where new content stands, what a commit changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dulwich.errors import ObjectFormatException
from dulwich.objects import parse_tree

from pushwarden.history.objects import Commit, MalformedObjectError, Place, is_submodule, is_tree
from pushwarden.model import Gap


class TreeNotHereError(LookupError):
    """A tree that is needed is not part of the push."""


class TooManyChangesError(LookupError):
    """Two commits differ in more places than anybody can look at: trees of trees of the same tree, most likely."""


CHANGES_MAX: Final = 100_000
"""How many differing files and folders are looked at between two commits."""
PATH_BYTES_MAX: Final = 16_384
"""Folders nested deeper than this are not entered. Linux itself takes paths of 4,096 bytes."""


class Changed(NamedTuple):
    """One path that differs between two commits; an id is None where the path does not exist."""

    path: bytes
    before: str | None
    after: str | None


@dataclass(slots=True)
class Trees:
    """The trees of a push, parsed when they are first needed."""

    raw: dict[str, bytes] = field(default_factory=dict)
    _parsed: dict[str, tuple[tuple[bytes, int, str], ...]] = field(default_factory=dict)

    def __contains__(self, tree_id: str) -> bool:
        return tree_id in self.raw

    def entries(self, tree_id: str) -> tuple[tuple[bytes, int, str], ...]:
        """Return (name, mode, object id) of each entry.

        Raises:
            TreeNotHereError: the tree is not part of the push.
            MalformedObjectError: its bytes are no tree.
        """
        parsed = self._parsed.get(tree_id)
        if parsed is None:
            if tree_id not in self.raw:
                raise TreeNotHereError(tree_id)
            try:
                parsed = tuple((name, mode, sha.decode()) for name, mode, sha in parse_tree(self.raw[tree_id], 20))
            except ObjectFormatException as error:
                raise MalformedObjectError(f"tree {tree_id} is damaged") from error
            self._parsed[tree_id] = parsed
        return parsed

    def diff(self, before: str | None, after: str | None, prefix: bytes = b"") -> Iterator[Changed]:
        """Yield every file that differs between two trees.

        Raises:
            TreeNotHereError: a tree that differs is not part of the push, so nobody can tell from here.
            MalformedObjectError: a tree that differs is no tree.
            TooManyChangesError: more differs than ``CHANGES_MAX``.
        """
        stack: list[tuple[str | None, str | None, bytes]] = [(before, after, prefix)]
        looked = 0
        while stack:
            old_id, new_id, base = stack.pop()
            if old_id == new_id:
                continue
            old = {name: (mode, oid) for name, mode, oid in (self.entries(old_id) if old_id else ())}
            new = {name: (mode, oid) for name, mode, oid in (self.entries(new_id) if new_id else ())}
            for name in sorted(old.keys() | new.keys()):
                was, is_now = old.get(name), new.get(name)
                if was == is_now:
                    continue
                looked += 1
                if looked > CHANGES_MAX:
                    raise TooManyChangesError(f"more than {CHANGES_MAX:,} files and folders differ")
                old_tree = was[1] if was and is_tree(was[0]) else None
                new_tree = is_now[1] if is_now and is_tree(is_now[0]) else None
                if old_tree or new_tree:
                    stack.append((old_tree, new_tree, base + name + b"/"))
                old_file, new_file = _file(was), _file(is_now)
                if old_file or new_file:
                    yield Changed(base + name, old_file, new_file)


def _file(entry: tuple[int, str] | None) -> str | None:
    return entry[1] if entry and not is_tree(entry[0]) and not is_submodule(entry[0]) else None


def oldest_first(commits: Mapping[str, Commit], tips: Iterable[str]) -> list[Commit]:
    """Return the commits reachable from ``tips`` within ``commits``, each after all of its parents."""
    order: list[Commit] = []
    done: set[str] = set()
    stack = [(tip, False) for tip in reversed(list(tips))]
    while stack:
        commit_id, parents_done = stack.pop()
        if parents_done:
            order.append(commits[commit_id])
        elif commit_id in commits and commit_id not in done:
            done.add(commit_id)
            stack.append((commit_id, True))
            stack.extend((parent, False) for parent in reversed(commits[commit_id].parents))
    return order


def places(
    commits: Iterable[Commit], trees: Trees, gaps: list[Gap] | None = None
) -> tuple[dict[str, Place], dict[bytes, Place]]:
    """Return where each blob stands first, and where each name of a file or folder does, oldest commit first.

    Trees that are not part of the push are old, and so is all that is in them: they are passed over. Each tree is
    walked once, wherever else it is mounted, so that trees of trees of the same tree cost nothing. What is nested too
    deeply to be a path, or is no tree, is not entered, and added to ``gaps``.
    """
    where: dict[str, Place] = {}
    names: dict[bytes, Place] = {}
    walked: set[str] = set()
    for commit in commits:
        stack = [(commit.tree, b"")]
        while stack:
            tree_id, prefix = stack.pop()
            if tree_id not in trees or tree_id in walked:
                continue
            walked.add(tree_id)
            for name, mode, object_id in _entries(trees, tree_id, commit.commit_id, gaps):
                if is_tree(mode) and len(prefix) + len(name) > PATH_BYTES_MAX:
                    _note_depth(gaps, commit.commit_id, prefix)
                elif is_tree(mode):
                    stack.append((object_id, prefix + name + b"/"))
                elif object_id not in where and not is_submodule(mode):
                    where[object_id] = Place(commit.commit_id, prefix + name, mode)
                if name not in names:
                    names[name] = Place(commit.commit_id, prefix + name, mode)
    return where, names


def _entries(trees: Trees, tree_id: str, commit_id: str, gaps: list[Gap] | None) -> tuple[tuple[bytes, int, str], ...]:
    try:
        return trees.entries(tree_id)
    except MalformedObjectError as error:
        if gaps is not None:
            gaps.append(Gap("malformed", f"{error}; look at the commit by hand", commit=commit_id))
        return ()


def _note_depth(gaps: list[Gap] | None, commit_id: str, prefix: bytes) -> None:
    if gaps is not None and not any(gap.code == "path-too-long" and gap.commit == commit_id for gap in gaps):
        begin = prefix[:100].decode("utf-8", "surrogateescape")
        why = (
            f"folders below {begin!r} are nested too deeply for a path and were not scanned; look at the commit by hand"
        )
        gaps.append(Gap("path-too-long", why, commit=commit_id))
