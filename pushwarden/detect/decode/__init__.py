"""Decoders: from encoded bytes to the bytes that a secret hides in, with the way back to the place in the original."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pushwarden.detect.decode import escapes, runs
from pushwarden.detect.decode.packed import is_packed
from pushwarden.detect.decode.piece import Builder, Piece

_BASE64: Final = (runs.BASE64_TEXT, runs.BASE64_UTF16, runs.BASE64_PACKED)
PROBES: Final = (*_BASE64, runs.HEX_TEXT, runs.HEX_LIST, runs.UTF16_TEXT, *escapes.PROBES)
"""Expressions for the engine's database: where they match, there is something to decode."""
AMONG_RUNS: Final = frozenset({0, 1, len(_BASE64)})
"""Numbers of the probes that find something only in runs of at least RUN letters of base64 (the last is hexadecimal)."""
_HEX, _HEX_LIST, _UTF16 = len(_BASE64), len(_BASE64) + 1, len(_BASE64) + 2


def decode(data: bytes, probes: Mapping[int, Sequence[int]]) -> Iterator[Piece]:
    """Yield what is encoded in ``data``.

    Args:
        data: the content.
        probes: where each of PROBES ends in it, ascending.
    """
    text = Builder()
    if base64 := _base64(data, probes):
        for start, end, phase in runs.base64_runs(data, base64):
            whole = Builder()
            decoded = runs.decode_base64(data, start, end, phase, whole)
            if is_packed(decoded):
                yield Piece(decoded, whole.piece().segments)
            else:
                text.extend(whole)
    if probes.get(_HEX):
        runs.hex_runs(data, probes[_HEX], text)
    if probes.get(_HEX_LIST):
        runs.hex_lists(data, probes[_HEX_LIST], text)
    if probes.get(_UTF16):
        runs.utf16_runs(data, probes[_UTF16], text)
    if escaped := _ends(probes, range(_UTF16 + 1, len(PROBES))):
        escapes.undo(data, escaped, text)
    if text.length:
        yield text.piece()


def encoded_stretches(data: bytes, probes: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Yield what :func:`decode` looks at: while these stretches stay as they are, it yields the same."""
    for start, end, _ in runs.base64_runs(data, _base64(data, probes)):
        yield start - 1, end + runs.LOOK_AHEAD
    for number, stretches in (
        (_HEX, runs.hex_stretches),
        (_HEX_LIST, runs.hex_list_stretches),
        (_UTF16, runs.utf16_stretches),
    ):
        if probes.get(number):
            yield from stretches(data, probes[number])
    if escaped := _ends(probes, range(_UTF16 + 1, len(PROBES))):
        yield from ((start - 1, end + 1) for start, end in escapes.stretches(data, escaped))


def _base64(data: bytes, probes: Mapping[int, Sequence[int]]) -> list[int]:
    """Return the ends of base64: of what is only tried around long runs those in one, wherever else it was tried."""
    tried = sorted({*probes.get(0, ()), *probes.get(1, ())})
    return (
        sorted({*runs.in_long_runs(data, tried), *probes.get(_HEX - 1, ())}) if tried else [*probes.get(_HEX - 1, ())]
    )


def _ends(probes: Mapping[int, Sequence[int]], numbers: range) -> list[int]:
    return sorted({end for number in numbers for end in probes.get(number, ())})
