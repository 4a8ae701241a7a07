"""Whole files in UTF-16: turned into UTF-8 for the rules, with the way back to the stored bytes."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import pairwise
from typing import Final

from pushwarden.detect.lines import LineIndex

_BOMS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SAMPLE: Final = 4096
_LEAST: Final = 16
_SHARE: Final = 0.7
"""This share of the bytes at odd (or even) places must be zero, and nearly none of the others."""


def wide_encoding(data: bytes) -> tuple[str, int] | None:
    """Return the encoding of a file in UTF-16, and the length of its byte order mark; None for other files."""
    for bom, name in _BOMS if data[:1] in b"\xff\xfe" else ():
        if data.startswith(bom) and len(data) > len(bom):
            return None if data[2:4] == b"\0\0" and name == "utf-16-le" else (name, len(bom))
    if len(data) < _LEAST or len(data) % 2 or data.find(b"\0", 0, _SAMPLE) < 0:
        return None
    sample = data[:_SAMPLE]
    even, odd = sample[0::2].count(0) / len(sample) * 2, sample[1::2].count(0) / len(sample) * 2
    if odd > _SHARE and even < 1 - _SHARE:
        return "utf-16-le", 0
    if even > _SHARE and odd < 1 - _SHARE:
        return "utf-16-be", 0
    return None


class WideText:
    """A file in UTF-16 as UTF-8."""

    def __init__(self, data: bytes, encoding: str, bom: int) -> None:
        self._bom = bom
        self.data = data[bom:].decode(encoding, "replace").encode()
        self.lines = LineIndex(self.data)
        self._stored: array[int] | None = None

    def origin(self, offset: int) -> int:
        """Return the offset in the file of the byte at ``offset`` of the text."""
        if self.data.isascii():
            return self._bom + 2 * offset
        line = bisect_right(self.lines.starts, offset) - 1
        begin = self.lines.starts[line]
        return self._starts[line] + _units(self.data[begin:offset])

    @property
    def _starts(self) -> array[int]:
        """Offsets in the file where the lines begin."""
        if self._stored is None:
            starts = self.lines.starts
            self._stored = array("I", (self._bom,))
            for begin, end in pairwise(starts):
                self._stored.append(self._stored[-1] + _units(self.data[begin:end]))
        return self._stored


def _units(text: bytes) -> int:
    """Return how many bytes ``text`` takes in UTF-16."""
    return len(text) * 2 if text.isascii() else len(text.decode(errors="ignore").encode("utf-16-le"))
