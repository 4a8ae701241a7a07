"""The words that every part of Pushwarden shares: frozen, typed, no input or output.

A *match* is what detection sees in bytes. A *finding* is a match with its history: the path, the commit that introduced
it, who wrote that. A *gap* is something that was not looked at, and why. Secrets travel as :class:`Secret`, whose text
form is redacted, so that no log line, exception or report shows one by accident.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

REDACTED: Final = "********"
"""What stands in the place of a secret wherever text leaves the process; it tells nothing, not even the length."""

FINGERPRINT_HEX_DIGITS: Final = 32


class Confidence(enum.IntEnum):
    """How sure a rule is; a promise about precision, because actions hang on it."""

    LOW = 1
    """Worth a look."""
    MEDIUM = 2
    """At least nine in ten are real."""
    HIGH = 3
    """At least ninety-nine in a hundred are real."""

    @property
    def label(self) -> str:
        """The lower-case name that files and reports use: ``low``, ``medium`` or ``high``."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Confidence:
        """Return the confidence that ``text`` names.

        Raises:
            ValueError: ``text`` is none of ``low``, ``medium`` and ``high``.
        """
        for each in cls:
            if each.label == text:
                return each
        msg = f"confidence must be low, medium or high, not {text!r}"
        raise ValueError(msg)


class Secret:
    """The bytes of a credential; shows itself as ``********`` wherever it is printed, logged or formatted."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the bytes themselves. Every call is a place to review."""
        return self._value

    def fingerprint(self, key: bytes, rule_id: str) -> str:
        """Return a keyed fingerprint of (rule, secret): 32 lower-case hex digits (HMAC-SHA256, truncated).

        Without the key, nobody can test guesses against it; with the same key the same secret always gives the same text.
        """
        digest = hmac.new(key, rule_id.encode() + b"\0" + self._value, hashlib.sha256).hexdigest()
        return digest[:FINGERPRINT_HEX_DIGITS]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    def __reduce__(self) -> tuple[type[Secret], tuple[bytes]]:
        return (Secret, (self._value,))


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file as it is stored; for a decoded secret, the encoded text that holds it."""

    start: int
    """Offset of the first byte, from 0."""
    end: int
    """Offset after the last byte."""
    start_line: int
    """Line of the first byte, from 1; lines end at LF, CRLF or a lone CR."""
    start_column: int
    """Column of the first byte, from 1, in code points of the line (in bytes where the line is not UTF-8)."""
    end_line: int
    """Line of the last byte."""
    end_column: int
    """Column after the last byte."""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule's hit in one piece of content."""

    rule_id: str
    title: str
    confidence: Confidence
    secret: Secret
    span: Span
    snippet: str
    """The line of the hit, cut to a readable width, with every secret that was found on it redacted."""
    decoded_from: tuple[str, ...] = ()
    """The encodings that wrapped the secret, outermost first: ``("zip:inner/a.txt", "base64")``."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not scanned. One gap makes a result *incomplete*."""

    code: str
    """A stable kebab-case word: ``too-large``, ``archive-depth``, ``timeout``, ``unreadable``, ..."""
    message: str
    """What, why, and what to do next; one sentence, fit to show, no secret."""
    path: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What detection says of one piece of content. No matches and no gaps means clean."""

    matches: tuple[Match, ...] = ()
    gaps: tuple[Gap, ...] = ()


class Source(enum.Enum):
    """Where in a repository a finding stood."""

    FILE = "file"
    FILE_NAME = "file-name"
    COMMIT_MESSAGE = "commit-message"
    TAG_MESSAGE = "tag-message"
    NOTE = "note"
    AUTHOR = "author"
    """Name or e-mail address of an author, committer or tagger."""
    SYMLINK = "symlink"


@dataclass(frozen=True, slots=True)
class Person:
    """An author or committer, as the commit says it: anybody can write anything here."""

    name: str
    email: str
    date: str
    """ISO 8601 with offset, ``2026-11-23T10:00:00+01:00``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A match together with where it came from."""

    match: Match
    path: str
    """Path in the repository (undecodable bytes as surrogate escapes), or ``<commit-message>`` and the like."""
    source: Source = Source.FILE
    commit: str | None = None
    """The commit (or tag object) that introduced it; None for content outside git."""
    author: Person | None = None


class Result(enum.Enum):
    """How a scan ended."""

    CLEAN = "clean"
    FINDINGS = "findings"
    INCOMPLETE = "incomplete"
    """Something was not looked at; there may be findings as well."""


SOURCE: Final = "pushwarden"
"""The source of every event that Pushwarden publishes."""
SECURITY_EVENT: Final = "CodeCommit Security Event"
"""One per push that brought in a secret or could not be scanned whole."""
SECURITY_RESPONSE: Final = "CodeCommit Security Response"
"""What was done about an event, or why not."""
SECURITY_RESOLUTION: Final = "CodeCommit Security Resolution"
"""Somebody in charge has dealt with an incident. Nobody is mailed; it is for records and other systems."""
BACKFILL_REPORT: Final = "CodeCommit Backfill Report"
"""The whole history was scanned; what was found in it is old, and people decide about it."""
