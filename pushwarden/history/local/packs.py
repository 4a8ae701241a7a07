"""Read objects straight from a repository's packs: no other process, no pipe, each delta base unpacked once.

Formats: https://git-scm.com/docs/gitformat-pack. Whatever is unusual here (an object that is not in a pack of this
repository, a damaged one, a very large one) is left to git, which knows better and says what is wrong.
"""

from __future__ import annotations

import contextlib
import mmap
import zlib
from binascii import unhexlify
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pushwarden.history.local.model import MIB

if TYPE_CHECKING:
    from pushwarden.detect.versions import Copy

INDEX_MAGIC: Final = b"\xfftOc\x00\x00\x00\x02"
PACK_MAGICS: Final = (b"PACK\x00\x00\x00\x02", b"PACK\x00\x00\x00\x03")
FANOUT: Final = 256
FEW: Final = 256
"""Names that are searched from the first to the last."""
OFS_DELTA: Final = 6
REF_DELTA: Final = 7
WHOLE: Final = (1, 2, 3, 4)
"""Commit, tree, blob, tag: stored without a base."""
LARGEST: Final = 16 * MIB
"""Larger objects are left to git."""
CACHE_BYTES: Final = 8 * MIB
"""Contents kept as bases of what comes next; packs store what belongs together side by side."""
PAGES_BYTES: Final = 32 * MIB
"""After so much was read, the pages of the packs are given back: else they count as this process's memory."""
LONGEST_CHAIN: Final = 4096
"""What git itself writes at most (https://git-scm.com/docs/git-pack-objects)."""
_MOST_BITS: Final = 70
"""Of a size: more than git writes. Without an end, a number of a million bytes would take hours to read."""


class PackError(Exception):
    """A pack does not hold what its format says; git is asked instead."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an object's data begins and what it is."""

    kind: int
    size: int
    """Bytes of the data once it is inflated: for a delta the delta's, not the object's."""
    data: int
    base: int | None
    """Offset of the object that a delta changes."""


class Pack:
    """One pack with its index, mapped into memory."""

    def __init__(self, index: Path, width: int) -> None:
        """Map both files.

        Args:
            index: The index, ``pack-....idx``.
            width: Bytes of an object id.

        Raises:
            PackError: They are not what git writes today.
            OSError: They cannot be read.
        """
        self._index = _map(index)
        self._data = _map(index.with_suffix(".pack"))
        self._view = memoryview(self._data)
        if self._index[: len(INDEX_MAGIC)] != INDEX_MAGIC or self._data[: len(PACK_MAGICS[0])] not in PACK_MAGICS:
            raise PackError(f"{index.name} is of another version")
        self._width = width
        counts = memoryview(self._index)[len(INDEX_MAGIC) : len(INDEX_MAGIC) + 4 * FANOUT]
        self._fanout = [int.from_bytes(counts[at : at + 4]) for at in range(0, 4 * FANOUT, 4)]
        self._names = len(INDEX_MAGIC) + 4 * FANOUT
        count = self._fanout[-1]
        self._offsets = self._names + count * (width + 4)  # a CRC stands between name and offset
        self._large = self._offsets + 4 * count
        if len(self._index) < self._large + 2 * width:
            raise PackError(f"{index.name} is cut off")

    def find(self, name: bytes) -> int | None:
        """Return the offset of an object (binary id); None where it is not here."""
        first = name[0]
        low, high = (self._fanout[first - 1] if first else 0), self._fanout[first]
        names, width, start = self._index, self._width, self._names
        while high - low > FEW:
            middle = (low + high) // 2
            at = start + middle * width
            here = names[at : at + width]
            if here < name:
                low = middle + 1
            elif here > name:
                high = middle
            else:
                return self._offset(middle)
        # Searching bytes for bytes is quicker than the last steps of halving.
        at, end = names.find(name, start + low * width, start + high * width), start + high * width
        while at >= 0 and (at - start) % width:
            at = names.find(name, at + 1, end)
        return self._offset((at - start) // width) if at >= 0 else None

    def _offset(self, number: int) -> int:
        at = self._offsets + 4 * number
        offset = int.from_bytes(self._index[at : at + 4])
        if offset >> 31:
            at = self._large + 8 * (offset & 0x7FFFFFFF)
            offset = int.from_bytes(self._index[at : at + 8])
        return offset

    def entry(self, offset: int) -> Entry:
        """Return what stands at an offset.

        Raises:
            PackError: No object begins there.
        """
        data, at = self._data, offset
        byte = data[at]
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 128:
            at += 1
            byte = data[at]
            size |= (byte & 127) << shift
            shift += 7
            if shift > _MOST_BITS:
                raise PackError("an impossible size")
        at += 1
        if kind in WHOLE:
            return Entry(kind, size, at, None)
        if kind == OFS_DELTA:
            byte = data[at]
            back = byte & 127
            while byte & 128:
                at += 1
                byte = data[at]
                back = (back + 1) << 7 | (byte & 127)
                if back > offset:
                    break
            if not 0 < back <= offset:
                raise PackError("a base is not before its delta")
            return Entry(kind, size, at + 1, offset - back)
        base = self.find(data[at : at + self._width]) if kind == REF_DELTA else None
        if base is None:
            raise PackError("the base of a delta is not in the pack")
        return Entry(kind, size, at + self._width, base)

    def give_back(self) -> None:
        """Let go of the pages that were read; they come again from the system's cache."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._data.madvise(mmap.MADV_DONTNEED)

    def inflate(self, entry: Entry) -> bytes:
        """Return the data of an object, or the delta.

        Raises:
            PackError: It is too large or not what its header says.
            zlib.error: It is damaged.
        """
        if entry.size > LARGEST:
            raise PackError("large")
        # Deflated text is hardly ever longer than the text itself; where it is, git is asked.
        most = entry.size + (entry.size >> 8) + 64
        data = zlib.decompress(self._view[entry.data : entry.data + most], bufsize=entry.size or 1)
        if len(data) != entry.size:
            raise PackError("an object is not as long as its header says")
        return data


class Packs:
    """All packs of one repository; opened once, before worker processes are forked."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._packs = tuple(packs)

    @classmethod
    def open(cls, common_dir: Path, width: int) -> Packs:
        """Map the packs of the repository at ``common_dir``; those that cannot be read are left to git."""
        packs = []
        for index in sorted((common_dir / "objects" / "pack").glob("pack-*.idx")):
            with contextlib.suppress(OSError, ValueError, PackError):  # an empty file cannot be mapped: ValueError
                packs.append(Pack(index, width))
        return cls(packs)

    def give_back(self) -> None:
        """Let go of the pages that were read."""
        for pack in self._packs:
            pack.give_back()

    def find(self, name: bytes) -> tuple[Pack, int] | None:
        """Return the pack and the offset of an object (hexadecimal id)."""
        raw = unhexlify(name)
        for pack in self._packs:
            offset = pack.find(raw)
            if offset is not None:
                return pack, offset
        return None


Place = tuple[Pack, int]
"""A pack and an offset in it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's content, and how it is stored."""

    data: bytes
    place: Place | None = None
    """None where it is not in a pack that can be read."""
    base: Place | None = None
    """The object that it is stored as a change of."""
    copies: Sequence[Copy] = ()
    """What it has from there."""


class PackReader:
    """Reads objects one after the other, with the bases of deltas at hand. One for each process."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._kept: dict[Place, bytes] = {}
        self._kept_bytes = 0
        self._read_bytes = 0

    def read(self, name: bytes) -> Stored | None:
        """Return an object; None where git must be asked."""
        try:
            place = self._packs.find(name)
            return None if place is None else self._stored(*place)
        except (PackError, zlib.error, IndexError, ValueError):
            return None

    def _stored(self, pack: Pack, offset: int) -> Stored:
        content = self._kept.get((pack, offset))
        entry = pack.entry(offset) if content is None else None
        if entry is None or entry.base is None:
            return Stored(self._content(pack, offset) if content is None else content, (pack, offset))
        base = self._content(pack, entry.base)
        delta = pack.inflate(entry)
        self._count(len(delta))
        copies: list[Copy] = []
        content = patched(base, delta, copies)
        self._keep(pack, offset, content)
        return Stored(content, (pack, offset), (pack, entry.base), copies)

    def _content(self, pack: Pack, offset: int) -> bytes:
        chain: list[tuple[int, Entry]] = []
        content = self._kept.get((pack, offset))
        while content is None:
            entry = pack.entry(offset)
            chain.append((offset, entry))
            if entry.base is None:
                content = b""
            elif len(chain) > LONGEST_CHAIN:
                raise PackError("a chain of deltas without an end")
            else:
                offset = entry.base
                content = self._kept.get((pack, offset))
        for at, entry in reversed(chain):
            data = pack.inflate(entry)
            self._count(len(data))
            content = data if entry.base is None else patched(content, data)
            self._keep(pack, at, content)
        return content

    def _count(self, size: int) -> None:
        self._read_bytes += size
        if self._read_bytes > PAGES_BYTES:
            self._read_bytes = 0
            self._packs.give_back()

    def _keep(self, pack: Pack, offset: int, content: bytes) -> None:
        kept = self._kept
        kept[pack, offset] = content
        self._kept_bytes += len(content)
        while self._kept_bytes > CACHE_BYTES:
            self._kept_bytes -= len(kept.pop(next(iter(kept))))


def patched(base: bytes, delta: bytes, copies: list[Copy] | None = None) -> bytes:
    """Return what a delta makes of its base.

    Args:
        base: What it changes.
        delta: The instructions.
        copies: Where to add what is copied.

    Raises:
        PackError: The delta does not fit the base, or does not make as much as it says.
        IndexError: It is cut off.
    """
    source, at = _size(delta, 0)
    target, at = _size(delta, at)
    if source != len(base) or target > LARGEST:
        raise PackError("a delta does not fit its base")
    parts: list[bytes] = []
    made, end = 0, len(delta)
    while at < end:
        code = delta[at]
        at += 1
        if code & 128:
            offset, size, at = _copy(delta, code, at)
            piece = base[offset : offset + size]
            if copies is not None:
                _note(copies, made, offset, len(piece))
        else:
            piece = delta[at : at + code]
            at += code
        parts.append(piece)
        made += len(piece)
        if made > target or not piece:
            break
    if made != target:
        raise PackError("a delta does not make what it says")
    return b"".join(parts)


def _note(copies: list[Copy], target: int, source: int, size: int) -> None:
    """Add a copy, joined to the last one where it goes on with that."""
    if copies:
        last_target, last_source, count = copies[-1]
        if last_target + count == target and last_source + count == source:
            copies[-1] = (last_target, last_source, count + size)
            return
    copies.append((target, source, size))


def _copy(delta: bytes, code: int, at: int) -> tuple[int, int, int]:
    """Return offset and size of an instruction that copies, and where it ends."""
    offset = size = 0
    if code & 1:
        offset = delta[at]
        at += 1
    if code & 2:
        offset |= delta[at] << 8
        at += 1
    if code & 4:
        offset |= delta[at] << 16
        at += 1
    if code & 8:
        offset |= delta[at] << 24
        at += 1
    if code & 16:
        size = delta[at]
        at += 1
    if code & 32:
        size |= delta[at] << 8
        at += 1
    if code & 64:
        size |= delta[at] << 16
        at += 1
    return offset, size or 0x10000, at


def _size(delta: bytes, at: int) -> tuple[int, int]:
    """Return a delta's next number and where it ends.

    Raises:
        PackError: No size is that large.
        IndexError: It is cut off.
    """
    number = shift = 0
    while True:
        byte = delta[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if shift > _MOST_BITS:
            raise PackError("an impossible size")
        if not byte & 128:
            return number, at


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
