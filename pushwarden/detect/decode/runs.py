"""Base64, hex and UTF-16 in the middle of other bytes.

The *probes* are expressions for the engine's database: each finds encoded **text**, by what base64 or hex of text looks like,
so that identifiers, hashes and other noise of the same alphabet cost nothing.
"""

from __future__ import annotations

import binascii
import re
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from pushwarden.detect.decode.piece import Builder, Segments
from pushwarden.detect.layers import RUN

_ANY: Final = rb"[A-Za-z0-9+/_\-]"
_FIRST: Final = rb"[I-Za-fCD]"
_SECOND: Final = rb"[AC-HQS-Xgi-nwyz0-3]"
_THIRD: Final = rb"[ABEFIJMNQRUVYZcdghklopstwx014589]"
BASE64_TEXT: Final = rb"(?:" + _FIRST + _SECOND + _THIRD + _ANY + rb"){4}"
"""Four groups of base64 that decode to printable ASCII, tabs or line breaks (RFC 4648, section 4: six bits a letter)."""
BASE64_UTF16: Final = rb"(?:[I-Za-f][AQgw][AB]" + _ANY + rb"A[C-H][AEIMQUYcgkosw048]A){3}"
"""The same of UTF-16 LE, as PowerShell's ``-EncodedCommand`` takes it."""
BASE64_PACKED: Final = rb"(?:H4sI[A-Za-z0-9+/_\-]{28}|(?:UEsDB|QlpoO)[A-Za-z0-9+/_\-]{27}|(?:[/_]Td6WFo|eJ[w-z]|eN[o-r])[A-Za-z0-9+/_\-]{29})"
"""The same of gzip, zip, bzip2, xz and zlib."""
HEX_TEXT: Final = rb"(?:[2-7][0-9a-fA-F]|0[9aAdD]){14}"
HEX_LIST: Final = rb"(?:0x[2-7][0-9a-fA-F],[ \t\r\n]{0,3}){10}"
UTF16_TEXT: Final = rb"(?:[\x09\x0a\x0d\x20-\x7e]\x00){8}"

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LETTERS_MORE: Final = re.compile(rb"[A-Za-z0-9+/]*")
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_NOT_ALPHABET: Final = bytes(set(range(256)) - set(_ALPHABET))
_LINE: Final = rb"""(?:(?:\\[rn]){1,2}|["',+\\ \t]{0,8}\r?\n[ \t>*#/"'+]{0,40})"""
# Repeats are possessive: otherwise each round of one takes memory, and there may be millions.
_MORE: Final = re.compile(
    rb"[A-Za-z0-9+/_\-]*(?:"
    + _LINE
    + rb"[A-Za-z0-9+/_\-]{16,})*+(?:"
    + _LINE
    + rb"[A-Za-z0-9+/]{1,76}={0,2}(?![A-Za-z0-9]))?"
)
_RUN: Final = re.compile(rb"[A-Za-z0-9+/_\-]+")
_PIECES: Final = re.compile(rb"\\[rn]|([A-Za-z0-9+/_\-]+)")
_HEX_MORE: Final = re.compile(rb"(?:[0-9a-fA-F]{2})*+")
_HEX_LIST_MORE: Final = re.compile(rb"(?:0x[0-9a-fA-F]{1,2}[,\s]{0,80})*+")
_HEX_LIST_REST: Final = re.compile(rb"[,\s]{0,80}" + _HEX_LIST_MORE.pattern)
_HEX_ITEM: Final = re.compile(rb"0x([0-9a-fA-F]{1,2})")
_UTF16_MORE: Final = re.compile(rb"(?:[\x01-\xff]\x00)*+[\x01-\xff]?")
_UTF16_BACK: Final = 4096
_STEP: Final = 4096
_BYTES: Final = tuple(bytes((byte,)) for byte in range(256))
LOOK_AHEAD: Final = 256
"""Bytes behind a run of base64 that are looked at for one more line of it, and more than that."""


def run_start(data: bytes, end: int, floor: int, alphabet: bytes) -> int:
    """Return where the run of bytes of ``alphabet`` that ends at ``end`` begins, not before ``floor``."""
    at = end
    while at > floor:
        low = max(floor, at - _STEP)
        kept = len(data[low:at].rstrip(alphabet))
        if kept:
            return low + kept
        at = low
    return floor


def in_long_runs(data: bytes, ends: Sequence[int]) -> Iterator[int]:
    """Yield those of ``ends`` that stand in a run of at least RUN letters: less is no secret, and code is full of it."""
    low = high = 0
    long = False
    for end in ends:
        if end > high:
            low = run_start(data, end, high, _LETTERS)
            more = _LETTERS_MORE.match(data, end)
            high = more.end() if more else end
            long = high - low >= RUN
        if long:
            yield end


def base64_runs(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    r"""Yield (start, end, phase) of base64 that holds ``ends``; the first whole group begins at ``start + phase``.

    A run may go on over line breaks, indented, quoted or written as ``\n``, as long as the lines look like base64.
    """
    at, floor = 0, 0
    while at < len(ends):
        first = ends[at]
        if first <= floor:
            at += 1
            continue
        start = run_start(data, first, floor, _ALPHABET)
        line, more = _RUN.match(data, first), _MORE.match(data, first)
        line_end, end = (line.end() if line else first), (more.end() if more else first)
        phases = []
        while at < len(ends) and ends[at] <= end:
            phase = (ends[at] - start) % 4
            if ends[at] <= line_end and phase not in phases:
                phases.append(phase)
            at += 1
        for phase in phases or [0]:
            yield start, end, phase
        floor = end


def decode_base64(data: bytes, start: int, end: int, phase: int) -> tuple[bytes, Segments]:
    """Decode ``data[start:end]`` from its first whole group on, and tell where each line of it came from."""
    lows, highs, letters = array("I"), array("I"), bytearray()
    for each in _PIECES.finditer(data, start + phase, end):
        if each[1]:
            lows.append(each.start())
            highs.append(each.end())
            letters += each[1]
    if len(letters) % 4 == 1:
        del letters[-1:]
    letters += b"=" * (-len(letters) % 4)
    segments = Segments()
    try:
        decoded = binascii.a2b_base64(letters.translate(_STANDARD) if b"-" in letters or b"_" in letters else letters)
    except binascii.Error:
        return b"", segments
    done = 0
    for low, high in zip(lows, highs, strict=True):
        begin, done = done, done + high - low
        first, last = begin * 3 // 4, min(len(decoded), done * 3 // 4)
        if first < last:
            segments.add(first, last, low, high, "base64")
    return decoded, segments


def hex_runs(data: bytes, ends: Sequence[int], out: Builder) -> Iterator[None]:
    """Decode the hex that holds ``ends`` and add it to ``out``; yield after each run."""
    floor = 0
    for end in ends:
        if end <= floor:
            continue
        start = run_start(data, end, floor, _HEX_DIGITS)
        start += (end - start) % 2
        more = _HEX_MORE.match(data, end)
        floor = more.end() if more else end
        out.add(binascii.unhexlify(data[start:floor]), start, floor, "hex")
        out.gap()
        yield


def hex_stretches(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield what :func:`hex_runs` looks at."""
    done = 0
    for end in ends:
        if end > done:
            more = _HEX_MORE.match(data, end)
            low, done = run_start(data, end, done, _HEX_DIGITS), more.end() if more else end
            yield low - 1, done + 2


def hex_lists(data: bytes, ends: Sequence[int], out: Builder) -> Iterator[None]:
    """Decode ``0x67, 0x68, ...`` around ``ends`` and add it to ``out``; yield after each list."""
    floor = 0
    for end in ends:
        if end <= floor:
            continue
        start = max(
            floor, data.rfind(b"{", floor, end), data.rfind(b"[", floor, end), data.rfind(b"(", floor, end), end - _STEP
        )
        first = _HEX_ITEM.search(data, start, end)
        more = _HEX_LIST_MORE.match(data, first.start()) if first else None
        floor = max(end, more.end()) if more else end
        for item in _HEX_ITEM.finditer(data, first.start() if first else end, floor):
            out.add(_BYTES[int(item[1], 16)], *item.span(), "hex")
        out.gap()
        yield


def hex_list_stretches(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield what :func:`hex_lists` looks at."""
    done = 0
    for end in ends:
        if end > done:
            low, more = max(done, end - _STEP), _HEX_LIST_REST.match(data, end)
            done = more.end() if more else end
            yield low - 1, done + LOOK_AHEAD


def utf16_runs(data: bytes, ends: Sequence[int], out: Builder) -> Iterator[None]:
    """Decode UTF-16 of Latin-1 characters around ``ends``, of either byte order, add it to ``out``; yield after each run."""
    floor = 0
    for end in ends:
        if end <= floor:
            continue
        start = _utf16_start(data, end, floor)
        more = _UTF16_MORE.match(data, end)
        floor = more.end() if more else end
        text = data[start:floor:2]
        out.add(text, start, min(len(data), start + 2 * len(text)), "utf-16")
        out.gap()
        yield


def utf16_stretches(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield what :func:`utf16_runs` looks at."""
    done = 0
    for end in ends:
        if end > done:
            more = _UTF16_MORE.match(data, end)
            low, done = _utf16_start(data, end, done), more.end() if more else end
            yield low - 2, done + 2


def _utf16_start(data: bytes, end: int, floor: int) -> int:
    start = end
    while start - 2 >= floor and data[start - 1] == 0 and data[start - 2] != 0:
        start -= 2
    return start
