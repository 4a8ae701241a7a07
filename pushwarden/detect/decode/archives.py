"""Archives, compressed files, office documents and text in pictures, unpacked within limits.

What a file is, its first bytes tell, never its name:
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (zip), RFC 1952 (gzip), https://www.w3.org/TR/png-3/ (PNG).
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from pushwarden.detect.decode.limits import MEGABYTE, Budget

_CHUNK: Final = 1 << 16
_RATIO_FROM: Final = 10 * MEGABYTE
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_TAR_MAGIC: Final = slice(257, 262)
_PDF_STREAM: Final = re.compile(rb"/FlateDecode[^>]{0,400}>>[\s]{0,4}stream\r?\n")
_BREAK: Final = re.compile(rb"</(?:w:p|w:tr|a:p|text:p|si|row)>")
_MARKUP: Final = re.compile(rb"<[^<>]{0,4096}>")
_CANNOT: Final = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_BROKEN: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    struct.error,
    NotImplementedError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
)
"""What the standard library raises for damaged, encrypted or unknown archives."""


@dataclass(frozen=True, slots=True)
class Member:
    """One unpacked file."""

    label: str
    """``zip:inner/a.txt``, ``gzip``, ..."""
    path: str
    """Its name inside; empty where it has none."""
    data: bytes
    start: int
    """Where in the archive's bytes it stands."""
    end: int


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def is_packed(data: bytes) -> bool:
    """Tell whether ``data`` begins like something that can be unpacked (or that would have to be)."""
    return (data[:1] in _FIRST_BYTES and data.startswith(_MAGICS)) or data[_TAR_MAGIC] == b"ustar"


def unpack(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield what is packed in ``data``; what cannot be unpacked is recorded in ``budget`` as a gap."""
    for magic, name in _CANNOT.items():
        if data.startswith(magic):
            budget.gap("unsupported-archive", f"{name} archive not unpacked", "unpack it and scan what is in it")
    unpacker = _unpacker(data)
    if unpacker is None:
        return
    try:
        yield from unpacker(data, budget)
    except _BROKEN as error:
        if budget.lenient:
            return
        why = type(error).__name__
        budget.gap(
            "unreadable",
            f"archive not fully unpacked: it is damaged or encrypted ({why})",
            "unpack it yourself and scan that",
        )


def _unpacker(data: bytes) -> Callable[[bytes, Budget], Iterator[Member]] | None:
    if data[:1] in _FIRST_BYTES:
        for magic, unpacker in _UNPACKERS:
            if data.startswith(magic):
                return unpacker
    if data[_TAR_MAGIC] == b"ustar":
        return _tar
    return None


def _zip(data: bytes, budget: Budget) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                budget.gap("encrypted", "encrypted zip member not looked at", "unpack it and scan what is in it")
                continue
            with archive.open(info) as file:
                content = _read(file.read, info.compress_size, budget)
            if content is None:
                return
            start = info.header_offset
            end = min(len(data), start + 30 + len(info.filename) + info.compress_size)
            yield Member(f"zip:{info.filename}", info.filename, content, start, end)
            if info.filename.endswith(".xml") and b"<" in content[:64]:
                text = _MARKUP.sub(b"", _BREAK.sub(b"\n", content))
                yield Member(f"zip:{info.filename}", info.filename, text, start, end)


def _tar(data: bytes, budget: Budget) -> Iterator[Member]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for info in archive:
            if not info.isfile():
                continue
            file = archive.extractfile(info)
            content = _read(file.read, info.size, budget) if file else b""
            if content is None:
                return
            yield Member(
                f"tar:{info.name}", info.name, content, info.offset_data, min(len(data), info.offset_data + info.size)
            )


def _stream(name: str, make: Callable[[], _Decompressor]) -> Callable[[bytes, Budget], Iterator[Member]]:
    def unpacker(data: bytes, budget: Budget) -> Iterator[Member]:
        reader = _Stream(data, make)
        content = _read(reader.read, len(data), budget)
        if content is not None:
            yield Member(name, "", content, 0, len(data))
        if reader.broken:
            raise EOFError

    return unpacker


class _Stream:
    """Reads concatenated compressed streams; rubbish behind the last is no fault."""

    def __init__(self, data: bytes, make: Callable[[], _Decompressor]) -> None:
        self._make, self._decompressor, self._data = make, make(), data
        self._whole = 0
        self._done = False
        self.broken = False

    def read(self, size: int) -> bytes:
        """Return up to ``size`` unpacked bytes; nothing at the end."""
        while not self._done:
            try:
                out = self._decompressor.decompress(self._data, size)
            except _BROKEN:
                self._end()
                return b""
            self._data = getattr(self._decompressor, "unconsumed_tail", b"")
            if getattr(self._decompressor, "eof", False):
                self._next()
            elif not out and not self._data and getattr(self._decompressor, "needs_input", True):
                self._end()
            if out:
                return out
        return b""

    def _next(self) -> None:
        """Go on with the stream behind the one that ended."""
        self._whole += 1
        self._data = getattr(self._decompressor, "unused_data", b"").lstrip(b"\0")
        self._decompressor = self._make()
        self._done = not self._data

    def _end(self) -> None:
        """Stop: what is left is no stream, or the stream is cut short."""
        self._done = True
        self.broken = not self._whole


def _gunzip() -> _Decompressor:
    return zlib.decompressobj(wbits=31)


def _inflate() -> _Decompressor:
    return zlib.decompressobj()


def _zlib(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield a zlib stream (RFC 1950); its two bytes of header are also text, so what does not unpack is no archive."""
    content = _read(_Stream(data, _inflate).read, len(data), budget)
    if content:
        yield Member("zlib", "", content, 0, len(data))


def _png(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield the compressed text chunks; the others are readable as they are."""
    at = len(_PNG)
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        packed = _png_text(kind, body)
        if packed is not None:
            keyword = body.partition(b"\0")[0].decode("latin-1")[:79]
            for member in _stream(f"png:{keyword}", _inflate)(packed, budget):
                yield Member(member.label, "", member.data, at, min(len(data), at + 12 + size))
        at += 12 + size


def _png_text(kind: bytes, body: bytes) -> bytes | None:
    _, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        return rest[1:]
    if kind == b"iTXt" and rest[:1] == b"\1":
        return rest[2:].split(b"\0", 2)[-1]
    return None


def _pdf(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield the deflated streams of a PDF document."""
    for found in _PDF_STREAM.finditer(data):
        end = data.find(b"endstream", found.end())
        end = len(data) if end < 0 else end
        reader = _Stream(data[found.end() : end], _inflate)
        content = _read(reader.read, end - found.end(), budget)
        if content is None:
            return
        yield Member("pdf", "", content, found.end(), end)


def _read(read: Callable[[int], bytes], packed: int, budget: Budget) -> bytes | None:
    """Read one member within the limits; None when a limit on the whole was met."""
    limits = budget.limits
    budget.members += 1
    if budget.members > limits.members:
        budget.gap(
            "archive-members",
            f"only the first {limits.members} files of the archive were scanned",
            "unpack it and scan what is in it",
        )
        return None
    parts, size = [], 0
    while chunk := read(_CHUNK):
        size += len(chunk)
        budget.unpacked += len(chunk)
        if size > limits.member_bytes or (size > _RATIO_FROM and size > limits.ratio * max(1, packed)):
            budget.gap(
                "archive-size",
                "a file in the archive is too large when unpacked; its beginning was scanned",
                "unpack it and scan what is in it",
            )
            break
        if budget.unpacked > limits.total_bytes or budget.late():
            budget.gap(
                "archive-size",
                "the archive is too large when unpacked; its beginning was scanned",
                "unpack it and scan what is in it",
            )
            return None
        parts.append(chunk)
    return b"".join(parts)


_UNPACKERS: Final[tuple[tuple[bytes, Callable[[bytes, Budget], Iterator[Member]]], ...]] = (
    (b"PK\x03\x04", _zip),
    (b"PK\x05\x06", _zip),
    (b"\x1f\x8b\x08", _stream("gzip", _gunzip)),
    *((b"BZh%d1AY&SY" % level, _stream("bzip2", bz2.BZ2Decompressor)) for level in range(1, 10)),
    (b"\xfd7zXZ\x00", _stream("xz", lzma.LZMADecompressor)),
    *((bytes((0x78, level)), _zlib) for level in (0x01, 0x5E, 0x9C, 0xDA)),
    (_PNG, _png),
    (b"%PDF-", _pdf),
)
_MAGICS: Final = (*(magic for magic, _ in _UNPACKERS), *_CANNOT)
_FIRST_BYTES: Final = frozenset(magic[:1] for magic in _MAGICS)
"""Most content begins with none of them."""
