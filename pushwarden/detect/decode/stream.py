"""Compressed streams, one or many behind each other in a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from pushwarden.detect.decode.member import BROKEN

_FEED: Final = 1 << 14
_ZEROS: Final = re.compile(rb"\0*")


class Decompressor(Protocol):
    """What :mod:`zlib`, :mod:`bz2` and :mod:`lzma` have in common."""

    def decompress(self, data: bytes | memoryview, max_length: int = ..., /) -> bytes:
        """Return up to so many unpacked bytes."""


class Stream:
    """Reads the streams of a file; each byte is given to a decompressor once, however many streams there are."""

    def __init__(self, data: bytes | memoryview, make: Callable[[], Decompressor], late: Callable[[], bool]) -> None:
        """Make a reader.

        Args:
            data: the streams.
            make: makes what unpacks one of them.
            late: tells whether the time is up; asked at the end of each stream.
        """
        self._make, self._late, self._decompressor = make, late, make()
        self._view = memoryview(data)
        self._at = 0
        self._done = False
        self.broken = False
        """Not even one stream was whole."""
        self.whole = 0
        """So many streams were read to their end."""
        self.rest = 0
        """Where the last of them ended, with the zeros behind it."""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` unpacked bytes; nothing at the end."""
        while not self._done:
            wants = getattr(self._decompressor, "needs_input", True)
            fed = self._view[self._at : self._at + _FEED] if wants else self._view[:0]
            try:
                out = self._decompressor.decompress(fed, size)
            except BROKEN:
                self._fail()
                return b""
            self._at += len(fed) - len(getattr(self._decompressor, "unconsumed_tail", b""))
            if getattr(self._decompressor, "eof", False):
                self._next(len(getattr(self._decompressor, "unused_data", b"")))
            elif not out and not fed and wants:
                self._fail()
            if out:
                return out
        return b""

    def _fail(self) -> None:
        """Stop: what is left is no stream, or the stream is cut short."""
        self._done = True
        self.broken = not self.whole

    def _next(self, unused: int) -> None:
        """Go on with the stream behind the one that ended."""
        self.whole += 1
        zeros = _ZEROS.match(self._view, self._at - unused)
        self._at = self.rest = zeros.end() if zeros else self._at - unused
        self._decompressor = self._make()
        self._done = self._at >= len(self._view) or self._late()
