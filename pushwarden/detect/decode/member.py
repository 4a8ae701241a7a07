"""What was unpacked, and the limits that every unpacker keeps."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pushwarden.detect.decode.limits import MEGABYTE, Budget

_CHUNK: Final = 1 << 16
_RATIO_FROM: Final = 10 * MEGABYTE
BROKEN: Final = (
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
    MemoryError,
)
"""What the standard library raises for damaged, encrypted or unknown archives; and where one asks for memory that is not there."""


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


def read_member(read: Callable[[int], bytes], packed: int, budget: Budget) -> bytes | None:
    """Read one member within the limits; None when a limit on the whole was met."""
    limits = budget.limits
    budget.members += 1
    if budget.late():
        return None
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
