"""How much a value reads like words: a letter trigram model of source code and documentation.

The table holds ``-log2 P(c | a, b)`` in sixteenths of a bit over a 32-letter alphabet; ``bench/judge/language.py``
counts it from the Python standard library, installed packages and Debian's documentation.
"""

from __future__ import annotations

from typing import Final

SYMBOLS: Final = 32
BOUNDARY: Final = 0
DIGIT: Final = 27
SEPARATOR: Final = 28
OTHER: Final = 29
FOREIGN: Final = 30
SCALE: Final = 16.0


def _alphabet() -> bytes:
    """Return the translation of every byte into its symbol: letters without case, digits, separators, the rest."""
    table = bytearray([FOREIGN if byte >= 0x80 else OTHER for byte in range(256)])
    for offset in range(26):
        table[ord("a") + offset] = table[ord("A") + offset] = 1 + offset
    for byte in b"0123456789":
        table[byte] = DIGIT
    for byte in b"_-./ :\t":
        table[byte] = SEPARATOR
    return bytes(table)


ALPHABET: Final = _alphabet()


def surprise(value: bytes, table: bytes) -> tuple[float, float]:
    """Return the mean surprise of the letters of ``value`` in bits, and the highest mean over six in a row."""
    text = b"\0" + value.translate(ALPHABET) + b"\0"
    costs = [table[(a << 10) | (b << 5) | c] for a, b, c in zip(text, text[1:], text[2:], strict=False)]
    total = sum(costs)
    if len(costs) <= 6:
        mean = total / (len(costs) * SCALE) if costs else 0.0
        return mean, mean
    window = sum(costs[:6])
    worst = window
    for gone, come in zip(costs, costs[6:], strict=False):
        window += come - gone
        worst = max(worst, window)
    return total / (len(costs) * SCALE), worst / (6 * SCALE)
