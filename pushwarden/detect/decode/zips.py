"""Zip archives and office documents. Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import Final

from pushwarden.detect.decode.limits import Budget
from pushwarden.detect.decode.member import Member, read_member

_LOCAL: Final = b"PK\x03\x04"
_ENTRY: Final = b"PK\x01\x02"
_LOCAL_BYTES: Final = 30
_BREAK: Final = re.compile(rb"</(?:w:p|w:tr|a:p|text:p|si|row)>")
_MARKUP: Final = re.compile(rb"<[^<>]{0,4096}>")
_ENTRIES_FACTOR: Final = 5
"""A directory that lists so many times the members that are looked at is not read: each entry takes a kilobyte of memory."""


def unzip(data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield the members of a zip archive, and the text of office documents; other bytes may stand before it."""
    if data.count(_ENTRY) > _ENTRIES_FACTOR * budget.limits.members:
        budget.gap("archive-members", "the archive lists too many files", "unpack it and scan what is in it")
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if _leaves_out(data, members, archive.start_dir):
            what = "a part of the zip archive is not in its directory and was not looked at"
            budget.gap("unlisted", what, "unpack it with another program and scan what is in it")
        for info in members:
            if info.is_dir() and not info.compress_size:
                continue
            if info.flag_bits & 1:
                budget.gap("encrypted", "encrypted zip member not looked at", "unpack it and scan what is in it")
                continue
            with archive.open(info) as file:
                content = read_member(file.read, info.compress_size, budget)
            if content is None:
                return
            start = info.header_offset
            end = min(len(data), start + _LOCAL_BYTES + len(info.filename) + info.compress_size)
            yield Member(f"zip:{info.filename}", info.filename, content, start, end)
            if info.filename.endswith(".xml") and b"<" in content[:64]:
                text = _MARKUP.sub(b"", _BREAK.sub(b"\n", content))
                yield Member(f"zip:{info.filename}", info.filename, text, start, end)


def _leaves_out(data: bytes, members: Sequence[zipfile.ZipInfo], end: int) -> bool:
    """Tell whether a member stands between those that the directory lists: some programs unpack it all the same."""
    at = 0
    for info in sorted(members, key=lambda each: each.header_offset):
        start = info.header_offset
        if data.find(_LOCAL, at, start) >= 0:
            return True
        lengths = data[start + 26 : start + _LOCAL_BYTES]
        names = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        at = max(at, start + _LOCAL_BYTES + names + info.compress_size)
    return data.find(_LOCAL, at, max(at, end)) >= 0
