"""Tar archives. Format: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from typing import Final, Self

from pushwarden.detect.decode.limits import MEGABYTE, Budget
from pushwarden.detect.decode.member import Member, read_member

_MORE: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
"""Headers that go on in blocks of their own, and that :mod:`tarfile` reads whole."""
_MORE_BYTES: Final = MEGABYTE
_DIGITS: Final = re.compile(rb"\d{100}")
"""No record of a header has such a number; older releases of :mod:`tarfile` take quadratic time for one (CVE-2024-6232)."""


def untar(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield the files of a tar archive, those behind damaged blocks and behind the end of a first archive, too."""
    file = io.BytesIO(data)
    damaged: list[int] = []
    with tarfile.open(fileobj=file, mode="r:", tarinfo=_checked(file, budget, damaged), ignore_zeros=True) as archive:
        for info in archive:
            if not info.isfile():
                continue
            inner = archive.extractfile(info)
            content = read_member(inner.read, info.size, budget) if inner else b""
            if content is None:
                return
            start = info.offset_data
            yield Member(f"tar:{info.name}", info.name, content, start, min(len(data), start + info.size))
    if damaged:
        raise tarfile.ReadError("some blocks are no headers")


def _checked(file: io.BytesIO, budget: Budget, damaged: list[int]) -> type[tarfile.TarInfo]:
    """Return a reader of headers that refuses those on which :mod:`tarfile` would spend too much, and notes bad ones."""

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            try:
                info = super().frombuf(buf, encoding, errors)
            except tarfile.HeaderError:
                if len(buf) == tarfile.BLOCKSIZE and buf.strip(b"\0"):
                    damaged.append(file.tell())
                raise
            # Sizes below zero would make the same header come again and again (CVE-2025-8194).
            if info.size < 0 or budget.late():
                raise tarfile.HeaderError("bad size")
            if info.type in _MORE and (info.size > _MORE_BYTES or _has_long_number(file, info.size)):
                raise tarfile.HeaderError("bad header")
            return info

    return Header


def _has_long_number(file: io.BytesIO, size: int) -> bool:
    with file.getbuffer() as view:
        return _DIGITS.search(view, file.tell(), file.tell() + size) is not None
