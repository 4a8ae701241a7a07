"""Decoders: from encoded bytes to the bytes that a secret hides in, with the way back to the place in the original."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pushwarden.detect.decode import escapes, runs
from pushwarden.detect.decode.packed import is_packed
from pushwarden.detect.decode.piece import Builder, Piece
from pushwarden.detect.ends import united

_BASE64: Final = (runs.BASE64_TEXT, runs.BASE64_UTF16, runs.BASE64_PACKED)
PROBES: Final = (*_BASE64, runs.HEX_TEXT, runs.HEX_LIST, runs.UTF16_TEXT, *escapes.PROBES)
"""Expressions for the engine's database: where they match, there is something to decode."""
AMONG_RUNS: Final = frozenset({0, 1, len(_BASE64)})
"""Numbers of the probes that find something only in runs of at least RUN letters of base64 (the last is hexadecimal)."""
_HEX, _HEX_LIST, _UTF16 = len(_BASE64), len(_BASE64) + 1, len(_BASE64) + 2


def decode(data: bytes, probes: Mapping[int, Sequence[int]]) -> Iterator[Piece]:
    """Yield what is encoded in ``data``; text together, until there is much of it.

    Args:
        data: the content.
        probes: where each of PROBES ends in it, ascending.
    """
    text = Builder()
    for start, end, phase in runs.base64_runs(data, _base64(data, probes)):
        decoded, segments = runs.decode_base64(data, start, end, phase)
        if is_packed(decoded):
            yield Piece(decoded, segments)
        elif decoded:
            text.append(decoded, segments)
            if text.is_full:
                yield text.take()
    for _ in _texts(data, probes, text):
        if text.is_full:
            yield text.take()
    if text.data:
        yield text.take()


def _texts(data: bytes, probes: Mapping[int, Sequence[int]], text: Builder) -> Iterator[None]:
    """Add what is no base64; yield after each piece of it."""
    for number, decoder in ((_HEX, runs.hex_runs), (_HEX_LIST, runs.hex_lists), (_UTF16, runs.utf16_runs)):
        if probes.get(number):
            yield from decoder(data, probes[number], text)
    if escaped := _ends(probes, range(_UTF16 + 1, len(PROBES))):
        yield from escapes.undo(data, escaped, text)


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


def _base64(data: bytes, probes: Mapping[int, Sequence[int]]) -> Sequence[int]:
    """Return the ends of base64: of what is only tried around long runs those in one, wherever else it was tried."""
    tried = _ends(probes, (0, 1))
    if not tried:
        return probes.get(_HEX - 1, ())
    return united([array("I", runs.in_long_runs(data, tried)), probes.get(_HEX - 1, ())])


def _ends(probes: Mapping[int, Sequence[int]], numbers: Iterable[int]) -> Sequence[int]:
    return united([probes.get(number, ()) for number in numbers])
