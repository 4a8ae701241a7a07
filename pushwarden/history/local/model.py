"""What scanning on this machine hands back, and the bounds it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from pushwarden.model import Finding, Gap, Match, ScanResult

MIB: Final = 1 << 20
UNLIMITED: Final = 1 << 62


class Scanner(Protocol):
    """What this package needs of :class:`pushwarden.detect.Scanner`."""

    def scan(self, data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
        """Return what detection says of ``data``; ``deadline`` is a :func:`time.monotonic` value."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one piece of content may cost; past it there is a gap, never silence."""

    content_bytes: int = UNLIMITED
    """Larger files and blobs are not read."""
    whole_bytes: int = 256 * MIB
    """Larger ones are scanned in windows (:mod:`pushwarden.history.local.windows`)."""
    window_bytes: int = 32 * MIB
    """The core of a window; even."""
    margin_bytes: int = MIB
    """What a window holds more on each side; even, and less than half of the core."""
    content_s: float = 60.0
    """Seconds for one piece of content."""
    by_changes: bool = True
    """Scan a version of a file by what it changed where that tells the same; off: always as a whole."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A match, and whether a comment beside it allows it."""

    match: Match
    allowed: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """What one piece of content gave. Falsy where there is nothing to say."""

    hits: tuple[Hit, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.hits or self.gaps)


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with what only its repository can say."""

    finding: Finding
    allowed: bool = False
    """A comment in the content allows it."""
    in_head: bool | None = None
    """Whether the secret still stands in HEAD; None where there is no HEAD."""
    refs: tuple[str, ...] = ()
    """Short names of the refs whose history holds it, sorted."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was looked at."""

    commits: int = 0
    blobs: int = 0
    files: int = 0
    bytes: int = 0
    refs: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.commits + other.commits,
            self.blobs + other.blobs,
            self.files + other.files,
            self.bytes + other.bytes,
            self.refs + other.refs,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole of a scan."""

    found: tuple[Found, ...] = ()
    gaps: tuple[Gap, ...] = ()
    counts: Counts = Counts()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.found + other.found, self.gaps + other.gaps, self.counts + other.counts)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is."""

    done_bytes: int
    total_bytes: int
    what: str
    """The things that are counted: ``files`` or ``blobs``."""


Report = Callable[[Progress], None]
"""Called now and then with the progress; must be quick."""


def silent(progress: Progress) -> None:
    """Report nothing."""
    del progress
