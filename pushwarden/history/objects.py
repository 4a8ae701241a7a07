"""Git's commits and tags, read from their bytes. Formats: https://git-scm.com/docs/gitformat-pack and git-cat-file(1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from pushwarden.model import Person

_PERSON: Final = re.compile(
    r"(?P<name>.*?) ?<(?P<email>.*?)>(?: (?P<seconds>-?\d{1,12}) (?P<zone>[+-]\d{4}))?.*", re.DOTALL
)
_KNOWN: Final = frozenset((b"tree", b"parent", b"author", b"committer", b"object", b"type", b"tag", b"tagger"))
"""Headers that are read, and the name of a tag, which is told as it is."""
_KIND: Final = 0o170000
"""The bits of a mode that say what stands there: git looks at no others, and takes 040755 for a folder, too."""
_SUBMODULE: Final = 0o160000
_SYMLINK: Final = 0o120000
_TREE: Final = 0o040000


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as git stores it. Names, addresses and dates are whatever the committer wrote."""

    commit_id: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: bytes


@dataclass(frozen=True, slots=True)
class Tag:
    """An annotated tag."""

    tag_id: str
    target: str
    tagger: Person
    message: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece of content stands: the first commit of the push that holds it, and the path there."""

    commit: str
    path: bytes
    mode: int

    @property
    def shown_path(self) -> str:
        """The path as text; bytes that are not UTF-8 become surrogate escapes."""
        return self.path.decode("utf-8", "surrogateescape")


class MalformedObjectError(ValueError):
    """The bytes are not a commit, tag or tree."""


def is_tree(mode: int) -> bool:
    """Tell whether a tree entry is a folder."""
    return mode & _KIND == _TREE


def is_submodule(mode: int) -> bool:
    """Tell whether a tree entry is a commit of another repository, which is not ours to read."""
    return mode & _KIND == _SUBMODULE


def is_symlink(mode: int) -> bool:
    """Tell whether a tree entry is a symbolic link; its content is the target's path."""
    return mode & _KIND == _SYMLINK


def parse_commit(commit_id: str, data: bytes) -> Commit:
    """Read a commit.

    Raises:
        MalformedObjectError: it has no tree or cannot be read.
    """
    headers, message = _split(data)
    trees = [value for key, value in headers if key == b"tree"]
    if not trees:
        raise MalformedObjectError(f"commit {commit_id} has no tree")
    return Commit(
        commit_id,
        trees[0].decode("ascii", "replace"),
        tuple(value.decode("ascii", "replace") for key, value in headers if key == b"parent"),
        _person(headers, b"author"),
        _person(headers, b"committer"),
        message,
    )


def parse_tag(tag_id: str, data: bytes) -> Tag:
    """Read an annotated tag.

    Raises:
        MalformedObjectError: it names no object.
    """
    headers, message = _split(data)
    targets = [value for key, value in headers if key == b"object"]
    if not targets:
        raise MalformedObjectError(f"tag {tag_id} names no object")
    return Tag(tag_id, targets[0].decode("ascii", "replace"), _person(headers, b"tagger"), message)


def person(name: str, email: str, when: str) -> Person:
    """Return a person from name, address and git's ``epoch +zone``."""
    seconds, _, zone = when.partition(" ")
    return Person(name, email, _date(seconds, zone or "+0000"))


def _split(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the headers, and the message with what anybody may write into headers behind it.

    A secret can stand in a header that git does not know, or in the lines that go on with one (signatures, merged tags).
    """
    head, _, message = data.partition(b"\n\n")
    headers: list[tuple[bytes, bytes]] = []
    more: list[bytes] = []
    for line in head.split(b"\n"):
        if line.startswith(b" "):  # goes on with the header above it
            more.append(line[1:])
            continue
        key, _, value = line.partition(b" ")
        headers.append((key, value))
        if key not in _KNOWN:
            more.append(line)
    return headers, b"\n".join((message, *more)) if more else message


def _person(headers: list[tuple[bytes, bytes]], key: bytes) -> Person:
    raw = next((value for name, value in headers if name == key), b"")
    match = _PERSON.fullmatch(raw.decode("utf-8", "surrogateescape"))
    if match is None:
        return Person(raw.decode("utf-8", "surrogateescape"), "", "")
    return Person(match["name"], match["email"], _date(match["seconds"] or "", match["zone"] or "+0000"))


def _date(seconds: str, zone: str) -> str:
    try:
        sign = -1 if zone.startswith("-") else 1
        offset = timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])))
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))).astimezone(offset).isoformat()
    except (ValueError, OverflowError):
        return ""  # anybody can write anything here
