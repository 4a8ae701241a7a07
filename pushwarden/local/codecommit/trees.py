"""Commits, tags and trees: parsed, walked and compared. Pure but for the reader that gives an object by its id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

TREE_MODE: Final = 0o040000
SUBMODULE_MODE: Final = 0o160000
SYMLINK_MODE: Final = 0o120000
EXECUTABLE_MODE: Final = 0o100755
FILE_MODE: Final = 0o100644

_PERSON: Final = re.compile(rb"(?P<name>.*?) ?<(?P<email>[^>]*)> ?(?P<date>.*)", re.DOTALL)


class Objects(Protocol):
    """Where objects come from."""

    def typed(self, object_id: str, kind: str) -> bytes | None:
        """Return the data of the object when it is stored and of that kind."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """Author or committer; ``date`` is "seconds since 1970, space, offset", as git stores it."""

    name: str
    email: str
    date: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A parsed commit object."""

    commit_id: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a tree."""

    mode: int
    object_id: str

    @property
    def is_tree(self) -> bool:
        """Tell whether it is a folder."""
        return self.mode == TREE_MODE


@dataclass(frozen=True, slots=True)
class Change:
    """A path that differs between two trees; None stands for "not there"."""

    path: bytes
    before: Entry | None
    after: Entry | None

    @property
    def kind(self) -> str:
        """``A``, ``M`` or ``D``; a rename is a D and an A, as in GetDifferences."""
        if self.before is None:
            return "A"
        return "D" if self.after is None else "M"


def parse_commit(commit_id: str, data: bytes) -> Commit:
    """Parse a commit object: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_git_commit_objects."""
    head, _, message = data.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields.setdefault(key, []).append(value)
    encoding = fields.get(b"encoding", [b"utf-8"])[0].decode("ascii", errors="replace")
    return Commit(
        commit_id=commit_id,
        tree=fields[b"tree"][0].decode("ascii"),
        parents=tuple(parent.decode("ascii") for parent in fields.get(b"parent", [])),
        author=_parse_person(fields.get(b"author", [b""])[0], encoding),
        committer=_parse_person(fields.get(b"committer", [b""])[0], encoding),
        message=decode(message, encoding),
    )


def decode(data: bytes, encoding: str = "utf-8") -> str:
    """Return text; JSON cannot carry bytes, so what does not decode becomes U+FFFD."""
    try:
        return data.decode(encoding, errors="replace")
    except LookupError:
        return data.decode("utf-8", errors="replace")


def tag_target(data: bytes) -> str:
    """Return the id of the object that an annotated tag names."""
    return data.split(b"\n", 1)[0].removeprefix(b"object ").decode("ascii")


def parse_tree(data: bytes) -> dict[bytes, Entry]:
    """Parse a tree object into its names, in git's order."""
    entries: dict[bytes, Entry] = {}
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        entries[data[space + 1 : end]] = Entry(int(data[at:space], 8), data[end + 1 : end + 21].hex())
        at = end + 21
    return entries


def format_tree(entries: Mapping[bytes, Entry]) -> bytes:
    """Return the tree object of ``entries``: sorted as git sorts, folders as if their names ended in a slash."""
    ordered = sorted(entries.items(), key=lambda item: item[0] + b"/" if item[1].is_tree else item[0])
    return b"".join(b"%o %s\0%s" % (entry.mode, name, bytes.fromhex(entry.object_id)) for name, entry in ordered)


def read_tree(objects: Objects, tree_id: str) -> dict[bytes, Entry]:
    """Return the names of a stored tree.

    Raises:
        KeyError: it is not stored.
    """
    data = objects.typed(tree_id, "tree")
    if data is None:
        raise KeyError(tree_id)
    return parse_tree(data)


def find(objects: Objects, tree_id: str, path: bytes) -> Entry | None:
    """Return what stands at ``path`` (no leading slash; empty for the root), None when nothing does."""
    entry = Entry(TREE_MODE, tree_id)
    for name in (part for part in path.split(b"/") if part):
        if not entry.is_tree:
            return None
        found = read_tree(objects, entry.object_id).get(name)
        if found is None:
            return None
        entry = found
    return entry


def walk(objects: Objects, tree_id: str, prefix: bytes = b"") -> Iterator[tuple[bytes, Entry]]:
    """Yield every file, symlink and submodule below a tree with its path."""
    for name, entry in read_tree(objects, tree_id).items():
        if entry.is_tree:
            yield from walk(objects, entry.object_id, prefix + name + b"/")
        else:
            yield prefix + name, entry


def diff(objects: Objects, before: str | None, after: str | None, prefix: bytes = b"") -> Iterator[Change]:
    """Yield the paths that differ between two trees, by path; None stands for an empty tree."""
    if before == after:
        return
    old = read_tree(objects, before) if before else {}
    new = read_tree(objects, after) if after else {}
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was != now:
            yield from _diff_entry(objects, prefix + name, was, now)


def _diff_entry(objects: Objects, path: bytes, was: Entry | None, now: Entry | None) -> Iterator[Change]:
    old_leaf = was if was is not None and not was.is_tree else None
    new_leaf = now if now is not None and not now.is_tree else None
    if old_leaf or new_leaf:
        yield Change(path, old_leaf, new_leaf)
    old_tree = was.object_id if was is not None and was.is_tree else None
    new_tree = now.object_id if now is not None and now.is_tree else None
    if old_tree or new_tree:
        yield from diff(objects, old_tree, new_tree, path + b"/")


def format_commit(tree: str, parents: Sequence[str], author: tuple[str, str], when_s: int, message: str) -> bytes:
    """Return a commit object whose author is also its committer; ``when_s`` counts seconds since 1970, UTC."""
    name, email = (_clean(part) for part in author)
    person = f"{name} <{email}> {when_s} +0000"
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {person}", f"committer {person}"]
    return ("\n".join(lines) + "\n\n" + message).encode()


def _clean(text: str) -> str:
    return re.sub(r"[<>\n\0]", "", text)


def _parse_person(data: bytes, encoding: str) -> Person:
    found = _PERSON.fullmatch(data)
    if found is None:
        return Person(decode(data, encoding), "", "")
    return Person(decode(found["name"], encoding), decode(found["email"], encoding), decode(found["date"], "ascii"))
