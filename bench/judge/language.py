"""Count the letter trigrams and the common words of ordinary text and code.

    pip download --no-deps --require-hashes --dest WHEELS -r bench/judge/language.txt
    python bench/judge/language.py WHEELS OUT

language.txt pins packages that hold code, documentation and translations; no labels and no credentials come from them.
The same wheels give the same bytes.
"""

from __future__ import annotations

import math
import re
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from pushwarden.detect.generic.language import ALPHABET, LONGEST_WORD, SCALE, SHORTEST_WORD, SYMBOLS, Language

WORDS = re.compile(rb"[A-Za-z\x80-\xff][A-Za-z0-9_\-./\x80-\xff]{1,40}")
MIXED = re.compile(rb"[0-9][A-Za-z]+[0-9]")
KINDS = {".py", ".txt", ".md", ".rst", ".pyi", ".html", ".js", ".css", ".po", ".json", ".yml", ".yaml", ".toml"}
LARGEST = 2_000_000
PARTS = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+")
# Short words are rarely words: four letters must be seen often.
COMMON = {4: 60, 5: 25, **dict.fromkeys(range(6, 13), 8)}


def words(folder: Path) -> Counter[bytes]:
    """In how many files of the wheels in a folder each word stands."""
    counts: Counter[bytes] = Counter()
    for path in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            for info in wheel.infolist():
                if Path(info.filename).suffix in KINDS and info.file_size < LARGEST:
                    counts.update(set(WORDS.findall(wheel.read(info))))
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


def common(counts: Counter[bytes]) -> list[bytes]:
    """The parts of words, in lower case, that at least COMMON files hold."""
    parts: Counter[bytes] = Counter()
    for word, number in counts.items():
        for part in {each.lower() for each in PARTS.findall(word)}:
            if SHORTEST_WORD <= len(part) <= LONGEST_WORD:
                parts[part] += number
    return sorted(word for word, number in parts.items() if number >= COMMON[len(word)])


def read(file: Path) -> Language:
    """The language in a file that :func:`main` wrote."""
    raw = file.read_bytes()
    return Language.of(raw[: SYMBOLS**3], frozenset(raw[SYMBOLS**3 :].split(b"\n")))


def main() -> None:
    folder, out = map(Path, sys.argv[1:])
    counts = words(folder)
    found = common(counts)
    print(len(found), "words")
    out.write_bytes(table(counts) + b"\n".join(found))


if __name__ == "__main__":
    main()
