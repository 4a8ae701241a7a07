"""Lines and columns of byte offsets, and the line that a report shows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Final

from pushwarden.model import REDACTED, Span

SNIPPET_WIDTH: Final = 200
"""Longest snippet in characters; a longer line is cut around the hit."""
_MARGIN: Final = 60
_REDACTED: Final = REDACTED.encode()
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

    __slots__ = ("_last", "_starts", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._starts: list[int] | None = None
        self._last = (0, _ASCII, 0, 0)

    @property
    def starts(self) -> list[int]:
        """Offsets of the first byte of each line; a line ends at LF, CRLF or a lone CR."""
        if self._starts is None:
            self._starts = [0, *accumulate(map(len, self.data.splitlines(keepends=True)))]
            if len(self._starts) > 1 and self.data[-1] not in b"\r\n":
                self._starts.pop()
        return self._starts

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
        begin, end = self.bounds(line)
        known, kind, place, count = self._last
        if known != line or place > offset:
            kind = kind if known == line else _kind(self.data[begin:end])
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
        first = self.line(start)
        last = self.line(max(start, end - 1))
        return Span(start, end, first, self.column(first, start), last, self.column(last, end))

    def snippet(self, start: int, end: int, secrets: Sequence[tuple[int, int]]) -> str:
        """Return the line on which ``start`` stands, its secrets redacted, cut to a readable width.

        Args:
            start: offset of the hit.
            end: offset after the hit.
            secrets: places of all secrets in the content, as pairs of offsets, in order and without overlap.
        """
        begin, stop = self.bounds(self.line(start))
        begin = max(begin, start - 4 * _MARGIN)
        stop = min(stop, max(start, min(end, stop)) + 4 * SNIPPET_WIDTH)
        return _cut(*_redact(self.data, begin, stop, start, secrets))


def _redact(data: bytes, begin: int, stop: int, focus: int, secrets: Sequence[tuple[int, int]]) -> tuple[str, int]:
    """Return the text of ``data[begin:stop]`` without its secrets, and the index in it that belongs to ``focus``."""
    parts: list[bytes] = []
    at, length, place = begin, 0, 0
    for index in range(bisect_right(secrets, begin, key=_END), len(secrets)):
        s, e = secrets[index]
        if s >= stop or (s > focus and length > place + SNIPPET_WIDTH):
            stop = min(stop, s)
            break
        before = data[at : max(s, begin)]
        parts += (before, _REDACTED)
        length += len(before) if before.isascii() else len(before.decode(errors="replace"))
        place = length if s <= focus else place
        length += len(_REDACTED)
        at = min(e, stop)
    parts.append(data[at:stop])
    return _readable(b"".join(parts)), place


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
