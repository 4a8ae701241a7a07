"""Read a git pack from a hostile sender within bounds of memory, size and time.

dulwich resolves the deltas; before it may, every entry is surveyed here with bounded inflation, because a pack of a few
kilobytes can claim objects of many gigabytes. Format: https://git-scm.com/docs/gitformat-pack
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dulwich.errors import ApplyDeltaError, ChecksumMismatch
from dulwich.object_format import SHA1
from dulwich.pack import DeltaChainIterator, PackData, UnpackedObject, UnresolvedDeltas

from pushwarden.errors import PushwardenError

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
_OFS_DELTA, _REF_DELTA = 6, 7
_HEADER_BYTES: Final = 12
_TRAILER_BYTES: Final = 20
_CHUNK_BYTES: Final = 1 << 16
_MAX_OBJECTS: Final = 5_000_000


class PackDamagedError(PushwardenError):
    """The bytes are not a whole, sound pack."""


class PackTooBigError(PushwardenError):
    """Unpacked, the pack would exceed the limits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one push."""

    object_bytes: int = 64 << 20
    """Content larger than this is not scanned (a gap says so)."""
    total_bytes: int = 8 << 30
    pack_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class PackObject:
    """One object of a pack, resolved."""

    kind: int
    object_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first, bounded look at a pack found."""

    entries: tuple[tuple[int, int, bytes | int | None], ...]
    """Offset, type and delta base of each entry that is within the limits."""
    oversized: tuple[int, ...]
    """The unpacked sizes, in bytes, of entries that are not."""


class _Walker(DeltaChainIterator[PackObject]):
    def _result(self, unpacked: UnpackedObject) -> PackObject:
        chunks: bytes | list[bytes] | None = unpacked.obj_chunks
        if unpacked.obj_type_num is None or chunks is None:
            raise PackDamagedError("a pack holds an object without a type")
        content = chunks if isinstance(chunks, bytes) else b"".join(chunks)
        return PackObject(unpacked.obj_type_num, unpacked.sha().hex(), content)


def survey(path: Path, limits: Limits) -> Survey:
    """Look at every entry of a pack without keeping any.

    Raises:
        PackDamagedError: the file is not a sound pack.
        PackTooBigError: unpacked, it exceeds ``limits.total_bytes``.
    """
    if path.stat().st_size < _HEADER_BYTES + _TRAILER_BYTES:
        raise PackDamagedError("the pack is too short to be one; fetch it again")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:8] != b"PACK\0\0\0\2":
            raise PackDamagedError("the pack does not begin like one; fetch it again")
        count = int.from_bytes(data[8:12], "big")
        if count > _MAX_OBJECTS:
            raise PackTooBigError(f"the push holds {count:,} objects, more than {_MAX_OBJECTS:,}")
        entries: list[tuple[int, int, bytes | int | None]] = []
        oversized: list[int] = []
        position, total = _HEADER_BYTES, 0
        for _ in range(count):
            entry, size, position = _entry(data, position, limits.object_bytes)
            if size > limits.object_bytes:
                oversized.append(size)
            else:
                entries.append(entry)
                total += size
            if total > limits.total_bytes:
                raise PackTooBigError(f"unpacked, the push is larger than {limits.total_bytes:,} bytes")
        if position != len(data) - _TRAILER_BYTES:
            raise PackDamagedError("the pack has bytes that belong to no object; fetch it again")
    return Survey(tuple(entries), tuple(oversized))


def objects(path: Path, found: Survey) -> Iterator[PackObject]:
    """Yield every surveyed object, deltas resolved, mostly in the pack's order (commits, trees, blobs).

    Raises:
        PackDamagedError: deltas do not resolve.
    """
    with PackData(path, object_format=SHA1) as pack:
        walker = _Walker(None, SHA1.hash_func, object_format=SHA1)
        walker.set_pack_data(pack)
        for offset, kind, base in found.entries:
            entry = UnpackedObject(kind, delta_base=base)
            entry.offset = offset
            walker.record(entry)
        try:
            yield from walker
        except UnresolvedDeltas as error:
            # Deltas on an oversized object cannot be resolved; the object itself is reported already.
            if not found.oversized:
                raise PackDamagedError(
                    f"{len(error.shas)} objects of the pack lack their base; fetch it again"
                ) from None
        except (ApplyDeltaError, ChecksumMismatch, AssertionError, zlib.error, ValueError) as error:
            raise PackDamagedError(f"the pack is damaged ({type(error).__name__}); fetch it again") from None


def _entry(data: mmap.mmap, start: int, object_bytes: int) -> tuple[tuple[int, int, bytes | int | None], int, int]:
    try:
        kind, size, position = _header(data, start)
        base: bytes | int | None = None
        if kind == _REF_DELTA:
            base, position = data[position : position + 20], position + 20
        elif kind == _OFS_DELTA:
            base, position = _offset(data, position, start)
        elif kind not in {COMMIT, TREE, BLOB, TAG}:
            raise PackDamagedError(f"the pack holds an object of unknown type {kind}; fetch it again")
        head, position = _inflate_past(data, position, size)
        if base is not None and size <= object_bytes:
            size = max(size, delta_target_bytes(head))
    except IndexError:
        raise PackDamagedError("the pack ends in the middle of an object; fetch it again") from None
    return (start, kind, base), size, position


def _header(data: mmap.mmap, position: int) -> tuple[int, int, int]:
    byte = data[position]
    kind, size, shift = (byte >> 4) & 7, byte & 15, 4
    while byte & 0x80:
        position += 1
        byte = data[position]
        size |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:  # noqa: PLR2004 - more than git itself can write
            raise PackDamagedError("the pack holds an impossible object size; fetch it again")
    return kind, size, position + 1


def _offset(data: mmap.mmap, position: int, start: int) -> tuple[int, int]:
    """Return how far before ``start`` a delta's base begins, and the position behind that number."""
    byte = data[position]
    value = byte & 0x7F
    while byte & 0x80:
        position += 1
        byte = data[position]
        value = ((value + 1) << 7) | (byte & 0x7F)
        if value > start:
            break
    if not 0 < value <= start:
        raise PackDamagedError("the base of an object of the pack does not stand before it; fetch it again")
    return value, position + 1


def _inflate_past(data: mmap.mmap, position: int, size: int) -> tuple[bytes, int]:
    """Return the first bytes of the entry at ``position`` and the position after it; inflate no more than ``size``."""
    inflater = zlib.decompressobj()
    head, produced = b"", 0
    # Most objects are small: a slice of about the right length saves copying the rest of the pack again and again.
    step = min(_CHUNK_BYTES, size + (size >> 8) + 64)
    try:
        while not inflater.eof:
            chunk = data[position : position + step]
            if not chunk:
                raise PackDamagedError("the pack ends in the middle of an object; fetch it again")
            position += len(chunk)
            while chunk and not inflater.eof:
                out = inflater.decompress(chunk, _CHUNK_BYTES)
                produced += len(out)
                head = head or out[:32]
                chunk = inflater.unconsumed_tail
                if produced > size:
                    raise PackDamagedError("an object of the pack is longer than it says; fetch it again")
            step = _CHUNK_BYTES
    except zlib.error:
        raise PackDamagedError("an object of the pack cannot be inflated; fetch it again") from None
    if produced != size:
        raise PackDamagedError("an object of the pack is shorter than it says; fetch it again")
    return head, position - len(inflater.unused_data)


def delta_target_bytes(head: bytes) -> int:
    """Return how large a delta says that its result is.

    Raises:
        IndexError: ``head``, the delta's first bytes, is too short to say.
    """
    value, index = 0, 0
    for _ in range(2):  # the source's size first, then the target's
        value, shift = 0, 0
        while True:
            byte = head[index]
            index += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
    return value
