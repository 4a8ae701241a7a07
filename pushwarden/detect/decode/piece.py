"""Decoded bytes and where they came from."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import partial
from typing import Final

GAP: Final = b"\n" * 9
"""What stands between pieces of text that were decoded together, so that none is taken for the neighbour of another."""
FULL: Final = 1 << 22
"""So many bytes of text are looked at together; what is decoded beyond is a piece of its own."""

JOINED: Final = "concatenation"
"""The kind of a secret that was written as several literals."""
KINDS: Final = ("", "base64", "hex", "utf-16", "percent", "unicode", "escape", "html", JOINED)
"""The encodings; nothing stands for bytes that are there as they are."""

_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS)}
_SUSPECTED: Final = frozenset(_NUMBERS[kind] for kind in ("base64", "hex", "utf-16"))
"""Encodings whose alphabet other things are written in too."""
_TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e]{16}")

_offsets: Final = partial(array, "I")


@dataclass(slots=True)
class Segments:
    """Bytes that were decoded as one, in order; four numbers and a kind for each, because there may be millions."""

    starts: array[int] = field(default_factory=_offsets)
    ends: array[int] = field(default_factory=_offsets)
    source_starts: array[int] = field(default_factory=_offsets)
    source_ends: array[int] = field(default_factory=_offsets)
    kinds: bytearray = field(default_factory=bytearray)
    """By their numbers in KINDS."""

    def __len__(self) -> int:
        return len(self.kinds)

    def add(self, start: int, end: int, source_start: int, source_end: int, kind: str) -> None:
        """Append a segment."""
        self.starts.append(start)
        self.ends.append(end)
        self.source_starts.append(source_start)
        self.source_ends.append(source_end)
        self.kinds.append(_NUMBERS[kind])

    def extend(self, other: Segments, shift: int) -> None:
        """Append the segments of another piece of the same source, which begins at ``shift``."""
        self.starts.extend(each + shift for each in other.starts)
        self.ends.extend(each + shift for each in other.ends)
        self.source_starts += other.source_starts
        self.source_ends += other.source_ends
        self.kinds += other.kinds

    def at(self, offset: int) -> int:
        """Return the number of the segment that holds the byte at ``offset``, or else stands before it."""
        return max(0, bisect_right(self.starts, offset) - 1)

    def before(self, offset: int) -> int:
        """Return the source offset of the byte at ``offset``, rounded down to whole encoded units."""
        at = self.at(offset)
        start, end, first, last = self.starts[at], self.ends[at], self.source_starts[at], self.source_ends[at]
        return first + (max(offset, start) - start) * (last - first) // max(1, end - start)

    def behind(self, offset: int) -> int:
        """Return the source offset after the byte before ``offset``, rounded up."""
        at = self.at(max(0, offset - 1))
        start, end, first, last = self.starts[at], self.ends[at], self.source_starts[at], self.source_ends[at]
        return first - (start - min(offset, end)) * (last - first) // max(1, end - start)


@dataclass(slots=True)
class Builder:
    """Collects decoded bytes with their segments."""

    data: bytearray = field(default_factory=bytearray)
    segments: Segments = field(default_factory=Segments)

    def add(self, decoded: bytes, source_start: int, source_end: int, kind: str = "") -> None:
        """Append bytes that came from ``source[source_start:source_end]``."""
        if decoded:
            begin = len(self.data)
            self.data += decoded
            self.segments.add(begin, len(self.data), source_start, source_end, kind)

    def append(self, decoded: bytes, segments: Segments) -> None:
        """Append what was decoded of the same source elsewhere, and separate what follows from it."""
        self.segments.extend(segments, len(self.data))
        self.data += decoded
        self.gap()

    @property
    def is_full(self) -> bool:
        """Whether it is time to take it."""
        return len(self.data) >= FULL

    def gap(self) -> None:
        """Separate what follows from what was."""
        self.data += GAP

    def take(self) -> Piece:
        """Return what was collected, and begin anew."""
        piece = Piece(bytes(self.data), self.segments)
        self.data, self.segments = bytearray(), Segments()
        return piece


@dataclass(frozen=True, slots=True)
class Piece:
    """Decoded bytes with the way back."""

    data: bytes
    segments: Segments

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the source of what ``data[start:end]`` was decoded from."""
        return self.segments.before(start), self.segments.behind(max(start + 1, end))

    def kinds(self, start: int, end: int) -> tuple[str, ...]:
        """Return the encodings that ``data[start:end]`` was written in."""
        segments = self.segments
        at = last = segments.at(start)
        found: set[str] = set()
        while at < len(segments) and segments.starts[at] < end:
            found.add(KINDS[segments.kinds[at]])
            if (
                not segments.kinds[at]
                and not segments.kinds[last]
                and segments.source_starts[at] > segments.source_ends[last]
            ):
                found.add(JOINED)
            last, at = at, at + 1
        return tuple(sorted(found - {""}))

    def holds_text(self) -> bool:
        """Tell whether anything that was decoded reads like text: base64 of noise is often taken for base64 of text."""
        segments = self.segments
        return any(
            kind and (kind not in _SUSPECTED or _TEXT.search(self.data, segments.starts[at], segments.ends[at]))
            for at, kind in enumerate(segments.kinds)
        )
