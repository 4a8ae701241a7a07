"""Scan content that is too large to be held: in windows that overlap, so that every decision sees what it looks at.

A hit counts in the window in whose core it begins; on both sides of the core the window holds a margin, which is much wider than
what rules look at. Places are those in the whole content. Two things do not fit: an archive, and encoded text that goes on for
longer than the margin where a core ends. Both are said to be left.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from pushwarden.detect.decode.packed import is_packed
from pushwarden.detect.decode.wide import wide_encoding
from pushwarden.history.local.content import scan_content
from pushwarden.history.local.model import Hit, Limits, Scan, Scanner
from pushwarden.model import Gap

Read = Callable[[int], bytes]
"""Returns so many bytes or fewer; none at the end."""

_BOMS: Final = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
_ENCODED: Final = re.compile(rb"[A-Za-z0-9+/=_\s-]*")
_WORD: Final = 32
"""Bytes: encoded text has longer lines than this, and words are shorter."""
_UNIT: Final = 2
"""Bytes of a unit of UTF-16."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a window begins."""

    offset: int = 0
    lines: int = 0
    """Lines before its own."""
    column: int = 0
    """Columns before it on its own line."""

    def of(self, hit: Hit, prefix: int) -> Hit:
        """Return the hit at its place in the whole content; ``prefix`` bytes stood before the window."""
        span = hit.match.span
        here = replace(
            span,
            start=span.start - prefix + self.offset,
            end=span.end - prefix + self.offset,
            start_line=span.start_line + self.lines,
            end_line=span.end_line + self.lines,
            start_column=span.start_column + (self.column if span.start_line == 1 else 0),
            end_column=span.end_column + (self.column if span.end_line == 1 else 0),
        )
        return replace(hit, match=replace(hit.match, span=here))

    def behind(self, passed: bytes, encoding: str | None) -> _Place:
        """Return the place behind ``passed``, which begins here."""
        text = passed.decode(encoding, "replace").encode() if encoding else passed
        breaks = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
        rest = text[max(text.rfind(b"\n"), text.rfind(b"\r")) + 1 :]
        return _Place(self.offset + len(passed), self.lines + breaks, _columns(rest) + (0 if breaks else self.column))


def scan_windows(scanner: Scanner, read: Read, path: str, limits: Limits) -> tuple[Scan, int]:
    """Return the hits and gaps of what ``read`` gives, and how many bytes that was.

    Args:
        scanner: The rules.
        read: Called until it returns nothing.
        path: The name of the content.
        limits: :attr:`Limits.content_s` holds for each window.

    Raises:
        OSError: ``read`` did.
    """
    hits: list[Hit] = []
    gaps: dict[Gap, None] = {}
    size = 0
    for window in _windows(read, limits):
        scan = scan_content(scanner, window.prefix + window.data, path, limits)
        begins = len(window.prefix) + window.core
        ends = len(window.prefix) + window.end
        hits += (
            window.place.of(hit, len(window.prefix))
            for hit in scan.hits
            if begins <= hit.match.span.start and (window.is_last or hit.match.span.start < ends)
        )
        if size == 0 and is_packed(window.data):
            gaps[_packed(path)] = None
        else:
            gaps |= dict.fromkeys(scan.gaps)
        if not window.is_last and _goes_on(window, limits):
            gaps[_encoded(path, window.place.offset + window.end)] = None
        size = window.place.offset + window.end
    return Scan(tuple(hits), tuple(gaps)), size


@dataclass(frozen=True, slots=True)
class _Window:
    """A part of the content."""

    place: _Place
    prefix: bytes
    """What must stand before the data so that its encoding is known."""
    data: bytes
    core: int
    """Offset of the core in the data."""
    end: int
    """Offset behind the core."""
    is_last: bool


def _windows(read: Read, limits: Limits) -> Iterator[_Window]:
    place, data, core, prefix = _Place(), b"", 0, b""
    encoding: str | None = None
    while True:
        wanted = core + limits.window_bytes + limits.margin_bytes
        data += _filled(read, wanted - len(data))
        is_last = len(data) < wanted
        if place.offset == 0 and (wide := wide_encoding(data)) is not None:
            encoding = wide[0]
        end = len(data) if is_last else core + limits.window_bytes
        seen = data if is_last or encoding else data[: _whole_characters(data)]
        yield _Window(place, prefix, seen, core, end, is_last)
        if is_last:
            return
        begin = _begin(data, end - limits.margin_bytes, end, encoding)
        place = place.behind(data[:begin], encoding)
        data, core, prefix = data[begin:], end - begin, _BOMS[encoding] if encoding else b""


def _filled(read: Read, size: int) -> bytes:
    """Return ``size`` bytes, or all that are left."""
    parts: list[bytes] = []
    while size > 0 and (part := read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _begin(data: bytes, low: int, high: int, encoding: str | None) -> int:
    """Return where the next window may begin, from ``low`` on: with a line, or else with a character."""
    if encoding is not None:
        low += low % _UNIT
        end = "\n".encode(encoding)
        at = data.find(end, low, high)
        while at >= 0 and at % _UNIT:
            at = data.find(end, at + 1, high)
        return low if at < 0 else at + _UNIT
    if (at := data.find(b"\n", low, high)) >= 0:
        return at + 1
    # A carriage return at the end of the search may have its line feed behind it.
    if (at := data.find(b"\r", low, high - 1)) >= 0:
        return at + 1
    while low < high and data[low] & 0xC0 == 0x80:  # noqa: PLR2004 - inside a character of UTF-8
        low += 1
    return low


def _whole_characters(data: bytes) -> int:
    """Return the length of ``data`` without the beginning of a character of UTF-8 at its end."""
    for back in range(1, 4):
        byte = data[-back]
        if byte >= 0xC0:  # noqa: PLR2004 - begins a character
            width = 2 + (byte >= 0xE0) + (byte >= 0xF0)  # noqa: PLR2004 - of three, of four bytes
            return len(data) - (back if width > back else 0)
        if byte < 0x80:  # noqa: PLR2004 - ASCII
            break
    return len(data)


def _columns(text: bytes) -> int:
    """Return the columns of a part of a line: code points, or bytes where it is not UTF-8."""
    try:
        return len(text.decode())
    except UnicodeDecodeError:
        return len(text)


def _goes_on(window: _Window, limits: Limits) -> bool:
    """Tell whether encoded text may reach over the end of a core on both sides farther than the margin."""
    around = window.data[window.end - limits.margin_bytes : window.end + limits.margin_bytes]
    return _ENCODED.fullmatch(around) is not None and len(around) >= _WORD * len(around.split())


def _packed(path: str) -> Gap:
    why = "an archive or packed file of this size is not unpacked; unpack it and scan what is in it"
    return Gap("too-large", why, path=path)


def _encoded(path: str, offset: int) -> Gap:
    why = f"encoded text around byte {offset:,} is too long to be decoded in one piece; decode it and scan that"
    return Gap("too-large", why, path=path)
