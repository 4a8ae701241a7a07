"""Archives, compressed files, office documents and text in pictures, unpacked within limits.

What a file is, its first bytes tell, never its name:
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (zip), RFC 1952 (gzip), https://www.w3.org/TR/png-3/ (PNG).
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from pushwarden.detect.decode.limits import MEGABYTE, Budget
from pushwarden.detect.decode.member import BROKEN, Member, read_member
from pushwarden.detect.decode.packed import (
    BZIP2,
    GZIP,
    PDF,
    PNG,
    UNKNOWN,
    XZ,
    ZIP,
    ZIP_END,
    ZLIB,
    ends_as_zip,
    is_packed,
    is_tar,
)
from pushwarden.detect.decode.stream import Decompressor, Stream
from pushwarden.detect.decode.tarballs import untar
from pushwarden.detect.decode.zips import unzip

_PDF_STREAM: Final = re.compile(rb">>[\s]{0,4}stream\r?\n")
_PDF_DEFLATED: Final = b"/FlateDecode"
_PDF_WORDS_BYTES: Final = 412
"""So far before the end of a stream's dictionary its way of packing is looked for."""
_XZ_MEMORY: Final = 128 * MEGABYTE
"""What unpacking may take: ``xz -9`` asks for half of it, and a made-up header for gigabytes."""


_Unpacker: TypeAlias = Callable[[bytes, Budget], Iterator[Member]]


def unpack(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield what is packed in ``data``; what cannot be unpacked is recorded in ``budget`` as a gap."""
    for magic, name in UNKNOWN.items():
        if data.startswith(magic):
            budget.gap("unsupported-archive", f"{name} archive not unpacked", "unpack it and scan what is in it")
    for unpacker in _unpackers(data):
        yield from _unpacked(unpacker, data, budget)


def _unpacked(unpacker: _Unpacker, data: bytes, budget: Budget) -> Iterator[Member]:
    try:
        yield from unpacker(data, budget)
    except BROKEN as error:
        if budget.lenient:
            return
        why = type(error).__name__
        budget.gap(
            "unreadable",
            f"archive not fully unpacked: it is damaged or encrypted ({why})",
            "unpack it yourself and scan that",
        )


def _unpackers(data: bytes) -> list[_Unpacker]:
    """Return what unpacks ``data``: by what it begins with, and as a zip archive that was appended to something else."""
    found = [unpacker for magic, unpacker in _UNPACKERS if data.startswith(magic)]
    if not found and is_tar(data):
        found = [untar]
    if ends_as_zip(data) and unzip not in found:
        found.append(unzip)
    return found


def _stream(name: str, make: Callable[[], Decompressor]) -> _Unpacker:
    def unpacker(data: bytes, budget: Budget) -> Iterator[Member]:
        reader = Stream(data, make, budget.late)
        content = read_member(reader.read, len(data), budget)
        if content is not None:
            yield Member(name, "", content, 0, len(data))
        if reader.broken:
            raise EOFError
        if reader.whole:
            yield from _behind(data, reader)

    return unpacker


def _behind(data: bytes, reader: Stream) -> Iterator[Member]:
    """Yield what stands behind the streams of a file, if it is an archive, too: rubbish there is no fault."""
    rest = data[reader.rest :]
    if is_packed(rest):
        yield Member("appended", "", rest, reader.rest, len(data))


def _gunzip() -> Decompressor:
    return zlib.decompressobj(wbits=31)


def _unxz() -> Decompressor:
    return lzma.LZMADecompressor(memlimit=_XZ_MEMORY)


def _inflate() -> Decompressor:
    return zlib.decompressobj()


def _zlib(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield a zlib stream (RFC 1950); its two bytes of header are also text, so what does not unpack is no archive."""
    reader = Stream(data, _inflate, budget.late)
    content = read_member(reader.read, len(data), budget)
    if content:
        yield Member("zlib", "", content, 0, len(data))
    if reader.whole:
        yield from _behind(data, reader)


def _png(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield the compressed text chunks; the others are readable as they are."""
    at = len(PNG)
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
    end, view = 0, memoryview(data)
    for found in _PDF_STREAM.finditer(data):
        start = found.end()
        words = data.rfind(_PDF_DEFLATED, max(0, found.start() - _PDF_WORDS_BYTES), found.start())
        if words < 0 or data.find(b">", words, found.start()) >= 0:
            continue
        if end < start:
            end = data.find(b"endstream", start)
            end = len(data) if end < 0 else end
        content = read_member(Stream(view[start:end], _inflate, budget.late).read, end - start, budget)
        if content is None:
            return
        yield Member("pdf", "", content, start, end)


_UNPACKERS: Final[tuple[tuple[bytes, _Unpacker], ...]] = (
    (ZIP, unzip),
    (ZIP_END, unzip),
    (GZIP, _stream("gzip", _gunzip)),
    *((magic, _stream("bzip2", bz2.BZ2Decompressor)) for magic in BZIP2),
    (XZ, _stream("xz", _unxz)),
    *((magic, _zlib) for magic in ZLIB),
    (PNG, _png),
    (PDF, _pdf),
)
