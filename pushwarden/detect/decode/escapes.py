r"""Text written with escapes (``%5F``, ``\u005f``, ``\x5f``, ``&#95;``) or in several adjacent string literals.

All of them are undone in one pass over the lines on which a probe found one, so that mixtures are read as well.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Final

from pushwarden.detect.decode.piece import FULL, JOINED, Builder

_TOKEN: Final = rb"[A-Za-z0-9_\-/+=.~:@]"
_WORD: Final = _TOKEN + rb"{3}"
_QUOTES: Final = (b'"', b"'")
_BLANK: Final = rb"[ \t]{0,8}"
PROBES: Final = (
    rb"[A-Za-z0-9]%[2-7][0-9A-Fa-f][A-Za-z0-9]",
    rb"(?:%[2-7][0-9A-Fa-f]){3}",
    rb"\\u00[2-7][0-9A-Fa-f]",
    rb"\\u\{0{0,4}[2-7][0-9A-Fa-f]\}",
    rb"\\x[2-7][0-9A-Fa-f]",
    rb"&#(?:[0-9]{2,3}|[xX]0{0,2}[2-7][0-9A-Fa-f]);",
    *(
        _TOKEN + quote + _BLANK + operator + _BLANK + rb"(?:\\?\r?\n[ \t]{0,80})?[\"']" + _TOKEN
        for quote in _QUOTES
        for operator in (rb"\+", rb"\.\.?", rb"&", rb"\|\|")
    ),
    *(_WORD + quote + _BLANK + rb"\\?\r?\n[ \t]{0,80}(?:[+.&]" + _BLANK + rb")?[\"']" + _WORD for quote in _QUOTES),
    *(
        _TOKEN + rb"\\[nr]" + quote + _BLANK + rb"(?:\\?\r?\n[ \t]{0,80}(?:[+.&]" + _BLANK + rb")?)?[\"']" + _WORD
        for quote in _QUOTES
    ),
    *(_WORD + quote + b" " * blanks + other + _WORD for quote in _QUOTES for other in _QUOTES for blanks in range(3)),
)
"""Expressions for the engine's database: places where there is something to undo.

One for each quote and each operator: hyperscan is quick where it can begin with certain bytes.
"""

_ESCAPE: Final = re.compile(
    rb"""
    [%\\&"'](?:
      (?<=%)(?P<percent>[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*+)
    | (?<=\\)(?P<unicode>\\?u00[0-9A-Fa-f]{2}(?:\\{1,2}u00[0-9A-Fa-f]{2})*+)
    | (?<=\\)\\?u\{0{0,4}(?P<braces>[0-9A-Fa-f]{2})\}
    | (?<=\\)(?P<backslash>\\?x[0-9A-Fa-f]{2}(?:\\{1,2}x[0-9A-Fa-f]{2})*+)
    | (?<=&)(?P<entity>\#(?:[0-9]{2,3}|[xX]0{0,2}[0-9A-Fa-f]{2});(?:&\#(?:[0-9]{2,3}|[xX]0{0,2}[0-9A-Fa-f]{2});)*+)
    | (?<=[A-Za-z0-9_\-/+=.~:@]["'])(?P<concat>
        [ \t]{0,8}(?:\\?\r?\n[ \t]{0,80})?(?:(?:[+.&]|\.\.|\|\|)[ \t]{0,8}(?:\\?\r?\n[ \t]{0,80})?)?["']
        (?=[A-Za-z0-9_\-/+=.~:@]))
    )
    """,
    re.VERBOSE,
)
"""It begins with one of five bytes, so that :mod:`re` runs over the others."""
_PAIRS: Final = re.compile(rb"(?:%|\\{1,2}x|\\{1,2}u00)([0-9A-Fa-f]{2})")
_ENTITIES: Final = re.compile(rb"&#(?:([0-9]{2,3})|[xX]0{0,2}([0-9A-Fa-f]{2}));")
_REACH: Final = 4096
"""Bytes of a line looked at on each side of what has to be undone; keeps huge lines cheap."""
_LABELS: Final = {
    "percent": "percent",
    "unicode": "unicode",
    "braces": "unicode",
    "backslash": "escape",
    "entity": "html",
    "concat": JOINED,
}


def undo(data: bytes, ends: Iterable[int], out: Builder) -> Iterator[None]:
    """Undo the escapes on the lines around ``ends`` (ascending) and add the text to ``out``; yield after each stretch."""
    for start, end in (part for each in stretches(data, ends) for part in _parts(*each)):
        done = start
        for found in _ESCAPE.finditer(data, start, end):
            low, high = found.span()
            if low > done:
                out.add(data[done:low], done, low)
            kind = str(found.lastgroup)
            if kind != "concat":  # joined literals leave nothing in their place
                out.add(_decoded(found, kind), low, high, _LABELS[kind])
            done = high
        if done == start:
            continue  # The probe saw more than there is; what is not undone must not be looked at again.
        out.add(data[done:end], done, end)
        out.gap()
        yield


def _parts(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield parts of a stretch which overlap so far that whatever hides in it lies in one of them."""
    while end - start > FULL:
        yield start, start + FULL
        start += FULL - _OVERLAP
    yield start, end


_OVERLAP: Final = 1 << 16
"""A private key of 16,384 bits takes 50,000 bytes where each letter is written with four."""


def stretches(data: bytes, ends: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the lines around ``ends`` (ascending), joined where they touch; long lines only around the places."""
    start = end = -1
    for place in ends:
        if place <= end:
            continue
        low, high = _line(data, place)
        if low <= end:
            end = high
            continue
        if end >= 0:
            yield start, end
        start, end = low, high
    if end >= 0:
        yield start, end


def _line(data: bytes, place: int) -> tuple[int, int]:
    """Return the lines of ``place``: its own and, for literals that go on, one before."""
    least, most = max(0, place - _REACH), min(len(data), place + _REACH)
    low = data.rfind(b"\n", least, max(least, place - 1))
    low = data.rfind(b"\n", least, low) if low > least else low
    high = data.find(b"\n", place, most)
    return (least if low < 0 else low + 1), (most if high < 0 else high)


def _decoded(found: re.Match[bytes], kind: str) -> bytes:
    """Return what the escapes mean."""
    if kind == "braces":
        return bytes([int(found["braces"], 16)])
    if kind == "entity":
        codes = (int(ten) if ten else int(sixteen, 16) for ten, sixteen in _ENTITIES.findall(found[0]))
        return "".join(map(chr, codes)).encode()
    return binascii.unhexlify(b"".join(_PAIRS.findall(found[0])))
