"""Count the letter trigrams of ordinary source code and documentation into a table of surprises.

    python bench/judge/language.py OUT FOLDER [FOLDER ...]

The folders are read in sorted order; the same files give the same bytes.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from pushwarden.detect.generic.language import ALPHABET, LONGEST_WORD, SCALE, SHORTEST_WORD, SYMBOLS, WORD_BITS, slots

WORDS = re.compile(rb"[A-Za-z\x80-\xff][A-Za-z0-9_\-./\x80-\xff]{1,40}")
MIXED = re.compile(rb"[0-9][A-Za-z]+[0-9]")
KINDS = {".py", ".txt", ".md", ".rst", ".pyi", ".html", ".js", ".css", ".c", ".h", ".yml", ".yaml", ".toml", ".mo", ""}
LARGEST = 400_000
PARTS = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+")
# Short words are rarely words: four letters must be seen often.
COMMON = {4: 60, 5: 25, **dict.fromkeys(range(6, 13), 8)}


def words(folders: list[Path]) -> Counter[bytes]:
    counts: Counter[bytes] = Counter()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in KINDS and path.is_file() and path.stat().st_size < LARGEST:
                counts.update(set(WORDS.findall(path.read_bytes())))
    return counts


def table(counts: Counter[bytes]) -> bytes:
    seen = np.zeros((SYMBOLS, SYMBOLS, SYMBOLS))
    for word, number in sorted(counts.items()):
        if number < 2 or MIXED.search(word):  # once is a typo; letters between digits are a hash
            continue
        weight = math.log2(1 + number)
        text = b"\0" + word.translate(ALPHABET) + b"\0"
        for a, b, c in zip(text, text[1:], text[2:], strict=False):
            seen[a, b, c] += weight
    pair = seen.sum(axis=0)
    backed = (pair + 2.0 / SYMBOLS) / (pair.sum(axis=1, keepdims=True) + 2.0)
    chance = (seen + 8.0 * backed[None, :, :]) / (seen.sum(axis=2, keepdims=True) + 8.0)
    return np.clip(np.rint(-np.log2(chance) * SCALE), 0, 255).astype(np.uint8).tobytes()


def filter_of(counts: Counter[bytes]) -> bytes:
    """The Bloom filter of the words that at least COMMON files hold."""
    common: Counter[bytes] = Counter()
    for word, number in counts.items():
        for part in {each.lower() for each in PARTS.findall(word)}:
            if SHORTEST_WORD <= len(part) <= LONGEST_WORD:
                common[part] += number
    bits = bytearray(1 << (WORD_BITS - 3))
    kept = [word for word, number in common.items() if number >= COMMON[len(word)]]
    for word in kept:
        for slot in slots(word):
            bits[slot >> 3] |= 1 << (slot & 7)
    print(len(kept), "words")
    return bytes(bits)


def main() -> None:
    out, *folders = map(Path, sys.argv[1:])
    counts = words(folders)
    out.write_bytes(table(counts) + filter_of(counts))


if __name__ == "__main__":
    main()
