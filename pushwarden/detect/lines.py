"""Lines and columns of byte offsets, and the line that a report shows."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from operator import itemgetter
from typing import Final

from pushwarden.model import REDACTED, Span

SNIPPET_WIDTH: Final = 200
"""Longest snippet in characters; a longer line is cut around the hit."""
_MARGIN: Final = 60
_CROWD: Final = 16
"""More secrets than this make a line crowded."""
_REDACTED: Final = REDACTED.encode()
_BLOCK: Final = 1 << 20
_BREAK: Final = re.compile(rb"\n|\r(?!\n)")
_CUT: Final = "\N{HORIZONTAL ELLIPSIS}"


_ASCII: Final = "ascii"
_UTF8: Final = "utf-8"
_BYTES: Final = "bytes"


def _kind(line: bytes) -> str:
    """Return how the characters of a line are counted."""
    if line.isascii():
        return _ASCII
    try:
        line.decode()
    except UnicodeDecodeError:
        return _BYTES
    return _UTF8


class LineIndex:
    """Where the lines of some bytes begin; built at the first question, because most content has no finding."""

    __slots__ = ("_crowd", "_last", "_starts", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._starts: array[int] | None = None
        self._last = (0, _ASCII, 0, 0)
        self._crowd: tuple[int, str, dict[int, int]] = (0, "", {})

    @property
    def starts(self) -> Sequence[int]:
        """Offsets of the first byte of each line; a line ends at LF, CRLF or a lone CR."""
        if self._starts is None:
            self._starts = array("I", (0,))
            for begin, end in self._blocks():
                lengths = map(len, self.data[begin:end].splitlines(keepends=True))
                self._starts.extend(islice(accumulate(lengths, initial=begin), 1, None))
            if len(self._starts) > 1 and self.data[-1] not in b"\r\n":
                self._starts.pop()
        return self._starts

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Yield parts of the content that end with a line: a list of millions of lines takes gigabytes."""
        begin, size = 0, len(self.data)
        while begin < size:
            found = _BREAK.search(self.data, begin + _BLOCK)
            end = found.end() if found else size
            yield begin, end
            begin = end

    def line(self, offset: int) -> int:
        """Return the line of ``offset``, from 1."""
        return bisect_right(self.starts, offset)

    def bounds(self, line: int) -> tuple[int, int]:
        """Return the offsets of a line's first byte and of the end of its text, without its line break."""
        starts = self.starts
        begin = starts[line - 1]
        end = starts[line] if line < len(starts) else len(self.data)
        while end > begin and self.data[end - 1] in b"\r\n":
            end -= 1
        return begin, end

    def column(self, line: int, offset: int) -> int:
        """Return the column of ``offset`` in ``line``, from 1: code points where the line is UTF-8, else bytes."""
        known, kind, place, count = self._last
        if known != line or place > offset:
            starts = self.starts
            begin = starts[line - 1]
            if known != line:
                kind = _kind(self.data[begin : starts[line] if line < len(starts) else None])
            place, count = begin, 0
        if kind is _UTF8:
            # On from the last place asked for, so that many findings on one huge line are counted once.
            count += len(self.data[place:offset].decode(errors="ignore"))
        else:
            count += offset - place
        self._last = (line, kind, offset, count)
        return count + 1

    def span(self, start: int, end: int) -> Span:
        """Return the place of ``data[start:end]``."""
        starts = self.starts
        first = last = self.line(start)
        if first < len(starts) and end > starts[first]:
            last = self.line(end - 1)
        return Span(start, end, first, self.column(first, start), last, self.column(last, end))

    def snippet(self, start: int, end: int, secrets: Sequence[tuple[int, int]]) -> str:
        """Return the line on which ``start`` stands, its secrets redacted, cut to a readable width.

        Args:
            start: offset of the hit.
            end: offset after the hit.
            secrets: places of all secrets in the content, as pairs of offsets, in order and without overlap.
        """
        line = self.line(start)
        begin, stop = self.bounds(line)
        at = bisect_right(secrets, max(begin, start - 4 * _MARGIN), key=_END)
        if at + _CROWD < len(secrets) and secrets[at + _CROWD][0] < stop:
            if self._crowd[0] != line:
                at = bisect_right(secrets, begin, key=_END)
                self._crowd = (line, *_redact(self.data, begin, stop, secrets, at=at))
            _, whole, places = self._crowd
            place = places.get(start, len(whole))  # what begins with the line break itself stands behind the line
            first = max(0, place - 4 * _MARGIN)
            return _cut(whole[first : place + 2 * SNIPPET_WIDTH], place - first)
        begin = max(begin, start - 4 * _MARGIN)
        stop = min(stop, max(start, min(end, stop)) + 4 * SNIPPET_WIDTH)
        text, places = _redact(self.data, begin, stop, secrets, at=at, focus=start)
        return _cut(text, places.get(start, 0))


def _redact(
    data: bytes, begin: int, stop: int, secrets: Sequence[tuple[int, int]], *, at: int, focus: int | None = None
) -> tuple[str, dict[int, int]]:
    """Return the text of ``data[begin:stop]`` without its secrets, and the index in it of each secret by its offset.

    The first of them is ``secrets[at]``. The text ends well behind ``focus``, where one is given.
    """
    parts: list[bytes] = []
    places: dict[int, int] = {}
    done, length, enough = begin, 0, len(data)
    for index in range(at, len(secrets)):
        s, e = secrets[index]
        if s >= stop or length > enough:
            stop = min(stop, s)
            break
        before = data[done : max(s, begin)]
        parts += (before, _REDACTED)
        length += len(before) if before.isascii() else len(before.decode(errors="replace"))
        places[s] = length
        if s == focus:
            enough = length + SNIPPET_WIDTH
        length += len(_REDACTED)
        done = min(e, stop)
    parts.append(data[done:stop])
    return _readable(b"".join(parts)), places


_END: Final = itemgetter(1)


def _readable(raw: bytes) -> str:
    """Decode for people: unknown bytes and control characters become a replacement character."""
    text = raw.decode(errors="replace").replace("\t", " ")
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _cut(text: str, focus: int) -> str:
    """Strip ``text`` and cut it to SNIPPET_WIDTH characters around ``focus``."""
    lead = len(text) - len(text.lstrip())
    text, focus = text.strip(), max(0, focus - lead)
    if len(text) <= SNIPPET_WIDTH:
        return text
    first = max(0, min(focus - _MARGIN, len(text) - SNIPPET_WIDTH + 2))
    body = text[first : first + SNIPPET_WIDTH - 2]
    return (_CUT if first else "") + body + (_CUT if first + len(body) < len(text) else "")
