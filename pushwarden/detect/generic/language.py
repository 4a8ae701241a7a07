"""How much a value reads like words: a letter trigram model of source code and documentation.

The table holds ``-log2 P(c | a, b)`` in sixteenths of a bit over a 32-letter alphabet; ``bench/judge/language.py``
counts it from the Python standard library, installed packages and Debian's documentation.
"""

from __future__ import annotations

import re
from typing import Final
from zlib import crc32

SYMBOLS: Final = 32
BOUNDARY: Final = 0
DIGIT: Final = 27
SEPARATOR: Final = 28
OTHER: Final = 29
FOREIGN: Final = 30
SCALE: Final = 16.0
WINDOW: Final = 6
_LETTER_RUN: Final = re.compile(rb"[a-z]+")


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


def surprise(value: bytes, table: bytes) -> tuple[float, float]:
    """Return the mean surprise of the letters of ``value`` in bits, and the highest mean over six in a row."""
    text = b"\0" + value.translate(ALPHABET) + b"\0"
    costs = [table[(a << 10) | (b << 5) | c] for a, b, c in zip(text, text[1:], text[2:], strict=False)]
    total = sum(costs)
    if len(costs) <= WINDOW:
        mean = total / (len(costs) * SCALE) if costs else 0.0
        return mean, mean
    window = sum(costs[:WINDOW])
    worst = window
    for gone, come in zip(costs, costs[WINDOW:], strict=False):
        window += come - gone
        worst = max(worst, window)
    return total / (len(costs) * SCALE), worst / (WINDOW * SCALE)


LONGEST_WORD: Final = 12
SHORTEST_WORD: Final = 4
WORD_BITS: Final = 19
WORD_MASK: Final = (1 << WORD_BITS) - 1


def slots(word: bytes) -> tuple[int, int, int, int]:
    """Return the bits of the word filter that ``word`` sets."""
    one = crc32(word)
    two = one * 0x9E3779B1
    return one & WORD_MASK, one >> (32 - WORD_BITS), two & WORD_MASK, (two >> 30) & WORD_MASK


def known(word: bytes, words: bytes) -> bool:
    """Whether ``word`` is in the filter (or, about once in a thousand, seems to be)."""
    return all(words[slot >> 3] >> (slot & 7) & 1 for slot in slots(word))


def coverage(low: bytes, words: bytes) -> tuple[float, int]:
    """Return the share of the letters of ``low`` that common words cover at best, and the longest word's length.

    Args:
        low: text in lower case.
        words: a Bloom filter of common words.
    """
    letters = covered = longest = 0
    for run in _LETTER_RUN.findall(low):
        best = [0] * (len(run) + 1)
        for end in range(1, len(run) + 1):
            most = best[end - 1]
            for length in range(SHORTEST_WORD, min(LONGEST_WORD, end) + 1):
                if best[end - length] + length > most and known(run[end - length : end], words):
                    most = best[end - length] + length
                    longest = max(longest, length)
            best[end] = most
        letters += len(run)
        covered += best[-1]
    return (covered / letters if letters else 0.0), longest
