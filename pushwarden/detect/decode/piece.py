"""Decoded bytes and where they came from."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final, NamedTuple

GAP: Final = b"\n" * 9
"""What stands between pieces of text that were decoded together, so that none is taken for the neighbour of another."""


JOINED: Final = "concatenation"
"""The kind of a secret that was written as several literals."""


_SUSPECTED: Final = frozenset({"base64", "hex", "utf-16"})
"""Encodings whose alphabet other things are written in too."""
_TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e]{16}")


class Segment(NamedTuple):
    """Bytes that were decoded as one: ``data[start:end]`` came from ``source[source_start:source_end]``."""

    start: int
    end: int
    source_start: int
    source_end: int
    kind: str = ""
    """The encoding; empty for bytes that stand there as they are."""

    def before(self, offset: int) -> int:
        """Return the source offset of the byte at ``offset``, rounded down to whole encoded units."""
        return self.source_start + (offset - self.start) * self._source_length // max(1, self.end - self.start)

    def behind(self, offset: int) -> int:
        """Return the source offset after the byte before ``offset``, rounded up."""
        return self.source_start - (self.start - offset) * self._source_length // max(1, self.end - self.start)

    @property
    def _source_length(self) -> int:
        return self.source_end - self.source_start


@dataclass(slots=True)
class Builder:
    """Collects decoded bytes with their segments."""

    parts: list[bytes] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    length: int = 0

    def add(self, decoded: bytes, source_start: int, source_end: int, kind: str = "") -> None:
        """Append bytes that came from ``source[source_start:source_end]``."""
        if decoded:
            begin = self.length
            self.length = end = begin + len(decoded)
            self.segments.append(Segment(begin, end, source_start, source_end, kind))
            self.parts.append(decoded)

    def extend(self, other: Builder) -> None:
        """Append what another builder of the same source collected."""
        self.parts += other.parts
        self.segments += (
            Segment(each.start + self.length, each.end + self.length, each.source_start, each.source_end, each.kind)
            for each in other.segments
        )
        self.length += other.length

    def gap(self) -> None:
        """Separate what follows from what was."""
        self.parts.append(GAP)
        self.length += len(GAP)

    def piece(self) -> Piece:
        """Return what was collected."""
        return Piece(b"".join(self.parts), tuple(self.segments))


@dataclass(frozen=True, slots=True)
class Piece:
    """Decoded bytes with the way back."""

    data: bytes
    segments: tuple[Segment, ...]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the source of what ``data[start:end]`` was decoded from."""
        first, last = self._at(start), self._at(max(start, end - 1))
        return first.before(max(start, first.start)), last.behind(min(end, last.end))

    def kinds(self, start: int, end: int) -> tuple[str, ...]:
        """Return the encodings that ``data[start:end]`` was written in."""
        at = max(0, bisect_right(self.segments, start, key=lambda each: each.start) - 1)
        found, last = set(), self.segments[at]
        while at < len(self.segments) and self.segments[at].start < end:
            here = self.segments[at]
            found.add(here.kind)
            if not here.kind and not last.kind and here.source_start > last.source_end:
                found.add(JOINED)
            last, at = here, at + 1
        return tuple(sorted(found - {""}))

    def holds_text(self) -> bool:
        """Tell whether anything that was decoded reads like text: base64 of noise is often taken for base64 of text."""
        return any(
            each.kind and (each.kind not in _SUSPECTED or _TEXT.search(self.data, each.start, each.end))
            for each in self.segments
        )

    def _at(self, offset: int) -> Segment:
        return self.segments[max(0, bisect_right(self.segments, offset, key=lambda each: each.start) - 1)]
