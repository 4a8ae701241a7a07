"""Looks into a pack while it passes by: CodeCommit takes no offset deltas.

The format is https://git-scm.com/docs/gitformat-pack. Nothing of the pack is kept in memory.
"""

from __future__ import annotations

import zlib
from typing import Final, Protocol

OFS_DELTA: Final = 6
REF_DELTA: Final = 7

_ID_BYTES: Final = 20
_WINDOW_BYTES: Final = 4096
_INFLATE_BYTES: Final = 1 << 20


class Source(Protocol):
    """Where the pack comes from."""

    def read_some(self) -> bytes:
        """Return what is at hand; empty at the end."""
        ...


class Sink(Protocol):
    """Where the pack goes."""

    def write(self, data: bytes, /) -> int:
        """Take all of ``data``."""
        ...


class _EndOfPackError(Exception):
    """The bytes ended before the pack did."""


class _Tee:
    """Reads from ``source`` in small pieces and writes everything that was read to ``sink``."""

    def __init__(self, source: Source, sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self._data = memoryview(b"")
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return exactly ``size`` bytes."""
        data = bytes(self.window(size))
        while len(data) < size:
            data += bytes(self.window(size - len(data)))
        return data

    def window(self, size: int) -> memoryview:
        """Return between 1 and ``size`` bytes."""
        if self._at == len(self._data):
            data = self._source.read_some()
            if not data:
                raise _EndOfPackError
            self._sink.write(data)
            self._data, self._at = memoryview(data), 0
        view = self._data[self._at : self._at + size]
        self._at += len(view)
        return view

    def give_back(self, count: int) -> None:
        """Put the last ``count`` bytes of the last window back."""
        self._at -= count

    def rest(self) -> None:
        """Copy what is left."""
        while data := self._source.read_some():
            self._sink.write(data)


def copy_pack(source: Source, sink: Sink) -> bool:
    """Copy a pack and tell whether it holds offset deltas.

    A pack that is broken or cut is copied as it is: git will say what is wrong with it.
    """
    tee = _Tee(source, sink)
    try:
        found = _has_offset_deltas(tee)
    except (_EndOfPackError, zlib.error):
        found = False
    tee.rest()
    return found


def _has_offset_deltas(tee: _Tee) -> bool:
    header = tee.take(12)
    if header[:4] != b"PACK":
        return False
    for _ in range(int.from_bytes(header[8:12], "big")):
        kind = _object_kind(tee)
        if kind == OFS_DELTA:
            return True
        if kind == REF_DELTA:
            tee.take(_ID_BYTES)
        _skip_deflated(tee)
    return False


def _object_kind(tee: _Tee) -> int:
    first = byte = tee.take(1)[0]
    while byte & 0x80:
        byte = tee.take(1)[0]
    return (first >> 4) & 7


def _skip_deflated(tee: _Tee) -> None:
    inflate = zlib.decompressobj()
    window = _WINDOW_BYTES
    while not inflate.eof:
        data: bytes | memoryview = tee.window(window)
        while data and not inflate.eof:
            inflate.decompress(data, _INFLATE_BYTES)
            data = inflate.unconsumed_tail
        window = min(window * 2, _INFLATE_BYTES)
    tee.give_back(len(inflate.unused_data))
