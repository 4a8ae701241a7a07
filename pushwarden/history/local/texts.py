"""What people wrote into commits and tags: messages and names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from pushwarden.model import Person

NOT_WRITTEN: Final = frozenset({b"tree", b"parent", b"object", b"type", b"gpgsig", b"gpgsig-sha256", b"encoding"})
"""Headers that git writes: ids and signatures (https://git-scm.com/docs/signature-format)."""
PEOPLE: Final = (b"author", b"committer", b"tagger")
AUTHORS: Final = (b"author", b"tagger")

_PERSON: Final = re.compile(
    rb"(?P<name>.*?) ?<(?P<email>[^>]*)> ?(?P<seconds>-?\d{1,12})? ?(?P<zone>[+-]\d{4})?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Written:
    """The parts of a commit or tag that a person chose."""

    message: bytes
    """With headers that git does not know in front of it, so that nothing hides there."""
    people: tuple[bytes, ...]
    """``name <email>`` of author, committer or tagger, each once."""


def parse_written(raw: bytes) -> Written:
    """Take a commit or tag object apart; anything malformed counts as message."""
    head, _, message = raw.partition(b"\n\n")
    people: dict[bytes, None] = {}
    extra: list[bytes] = []
    keep = False
    for line in head.split(b"\n"):
        if line.startswith(b" "):  # continues the header before it
            if keep:
                extra.append(line[1:])
            continue
        key, _, value = line.partition(b" ")
        keep = key not in NOT_WRITTEN and key not in PEOPLE
        if keep:
            extra.append(value if key == b"tag" else line)
        elif key in PEOPLE:
            people.setdefault(value.rpartition(b">")[0] + b">" if b">" in value else value)
    text = b"\n".join([*extra, message]) if extra else message
    return Written(text, tuple(people))


def author_of(raw: bytes) -> Person | None:
    """Return the author of a commit, or the tagger of a tag; None where it names none."""
    for line in raw.partition(b"\n\n")[0].split(b"\n"):
        key, _, value = line.partition(b" ")
        if key in AUTHORS:
            return parse_person(value)
    return None


def parse_person(value: bytes) -> Person:
    """Return the person of an author line; what is missing or wrong is left empty."""
    match = _PERSON.match(value)
    if match is None:
        return Person(value.decode("utf-8", "replace"), "", "")
    return Person(
        match["name"].decode("utf-8", "replace"),
        match["email"].decode("utf-8", "replace"),
        _date(match["seconds"], match["zone"]),
    )


def _date(seconds: bytes | None, zone: bytes | None) -> str:
    if seconds is None:
        return ""
    offset = UTC
    if zone is not None:
        minutes = int(zone[1:3]) * 60 + int(zone[3:])
        if minutes < 24 * 60:
            offset = timezone(timedelta(minutes=-minutes if zone[:1] == b"-" else minutes))
    try:
        return datetime.fromtimestamp(int(seconds), offset).isoformat()
    except (OverflowError, OSError, ValueError):  # a year that no calendar has
        return ""
