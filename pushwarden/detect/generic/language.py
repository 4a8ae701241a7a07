"""How much a value reads like words: letter trigrams of source code and documentation, and a list of common words.

The table holds ``-log2 P(c | a, b)`` in sixteenths of a bit over a 32-letter alphabet; ``bench/judge/language.py``
counts table and words from pinned packages.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

SYMBOLS: Final = 32
BOUNDARY: Final = 0
DIGIT: Final = 27
SEPARATOR: Final = 28
OTHER: Final = 29
FOREIGN: Final = 30
SCALE: Final = 16.0
WINDOW: Final = 6
LONGEST_WORD: Final = 12
SHORTEST_WORD: Final = 4
_LETTER_RUN: Final = re.compile(rb"[a-z]{4,}")


class Language(NamedTuple):
    """What ordinary text is made of."""

    table: bytes
    """Surprise of each symbol behind two others."""
    words: frozenset[bytes]
    """Common words of SHORTEST_WORD to LONGEST_WORD letters, in lower case."""
    stems: frozenset[bytes]
    """The first SHORTEST_WORD letters of each word."""

    @classmethod
    def of(cls, table: bytes, words: frozenset[bytes]) -> Language:
        """Return the language of a table and words."""
        return cls(table, words, frozenset({word[:SHORTEST_WORD] for word in words}))


def _alphabet() -> bytes:
    """Return the translation of every byte into its symbol: letters without case, digits, separators, the rest."""
    table = bytearray([FOREIGN if byte > ord("\x7f") else OTHER for byte in range(256)])
    for offset in range(26):
        table[ord("a") + offset] = table[ord("A") + offset] = 1 + offset
    for byte in b"0123456789":
        table[byte] = DIGIT
    for byte in b"_-./ :\t":
        table[byte] = SEPARATOR
    return bytes(table)


ALPHABET: Final = _alphabet()


def _costs(value: bytes, table: bytes) -> list[int]:
    """Return the surprise of each letter of ``value``, and of its end."""
    text = value.translate(ALPHABET) + b"\0"
    return [
        table[two << 10 | one << 5 | letter] for two, one, letter in zip(b"\0" + text, text, text[1:], strict=False)
    ]


def surprise(value: bytes, table: bytes) -> tuple[float, float]:
    """Return the mean surprise of the letters of ``value`` in bits, and the highest mean over six in a row."""
    costs = _costs(value, table)
    length = len(costs)
    if length <= WINDOW:
        mean = sum(costs) / (length * SCALE) if costs else 0.0
        return mean, mean
    window = worst = sum(costs[:WINDOW])
    for gone, come in zip(costs, costs[WINDOW:], strict=False):
        window += come - gone
        worst = max(worst, window)
    return sum(costs) / (length * SCALE), worst / (WINDOW * SCALE)


def mean_surprise(value: bytes, table: bytes) -> float:
    """Return the mean surprise of the letters of ``value`` in bits."""
    costs = _costs(value, table)
    return sum(costs) / (len(costs) * SCALE) if costs else 0.0


def coverage(low: bytes, language: Language) -> tuple[float, int]:
    """Return the share of the letters of ``low`` (lower case) that common words cover at best, and the longest word's length."""
    covered = longest = 0
    for run in _LETTER_RUN.findall(low):
        if run in language.words:
            covered += len(run)
            longest = max(longest, len(run))
            continue
        most, length = _covered(run, language)
        covered += most
        longest = max(longest, length)
    if not covered:
        return 0.0, 0
    letters = sum(map(low.count, b"abcdefghijklmnopqrstuvwxyz"))
    return covered / letters, longest


def _covered(run: bytes, language: Language) -> tuple[int, int]:
    """Return how many letters of ``run`` words cover at best, and the longest of those words that stand in it."""
    words, stems = language.words, language.stems
    size = len(run)
    best = [0] * (size + 1)
    longest = most = 0
    for at in range(size - SHORTEST_WORD + 1):
        most = max(most, best[at])
        if run[at : at + SHORTEST_WORD] not in stems:
            continue
        for length in range(SHORTEST_WORD, min(LONGEST_WORD, size - at) + 1):
            if run[at : at + length] in words:
                best[at + length] = max(best[at + length], most + length)
                longest = max(longest, length)
    return max(most, *best[-SHORTEST_WORD:]), longest
