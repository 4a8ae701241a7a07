"""The trained judge: a linear score over hashed words, then boosted trees over it and the statistics.

Everything comes from one data file that ``bench/judge/train.py`` writes; nothing but the standard library reads it.
"""

from __future__ import annotations

import functools
import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Final, NamedTuple, TypeAlias

from pushwarden.detect.generic.features import HASHES
from pushwarden.detect.generic.language import SYMBOLS, Language
from pushwarden.errors import PushwardenError

MAGIC: Final = b"PWJUDGE4"
_HEADER: Final = struct.Struct("<8sIHHIdddddddd")
_NODE: Final = struct.Struct("<hhhd")
LEAVES: Final = 16
"""Most answers of a tree; each is a bit of a word."""

Node: TypeAlias = tuple[int, int, int, float]
"""A question: feature, next node if at most, next node if more, threshold; or with feature -1 an answer: the score."""


class ModelError(PushwardenError):
    """The weights beside the code are not the ones this code reads."""


class Cuts(NamedTuple):
    """Scores from which a candidate is reported, by confidence, and the linear scores that end judging early."""

    early: float
    """Least linear score of name and value."""
    linear: float
    """Least linear score of name, value and surroundings."""
    low: float
    medium: float
    high: float


class Forest(NamedTuple):
    """Trees, turned over: what each threshold that a number exceeds rules out.

    Every answer of every tree is a bit, the answers of a tree from left to right. A question that is answered with *more*
    rules out the answers to its left. What is left over of all bits after all questions has, in each tree, the answer that
    walking it would give as its lowest bit. So a number takes one search and one *and* for all trees together
    (QuickScorer, Lucchese et al. 2015, https://doi.org/10.1145/2766462.2767733).
    """

    questions: tuple[tuple[int, tuple[float, ...], tuple[int, ...]], ...]
    """Feature, its thresholds in order, and the bits left over when none, the first, the first two... are exceeded."""
    answers: tuple[dict[int, float], ...]
    """Of each tree the score of each bit."""
    words: struct.Struct
    every: int
    """All bits."""
    ones: int
    """The lowest bit of each word."""

    @classmethod
    def of(cls, trees: Sequence[Sequence[Node]]) -> Forest:
        """Turn ``trees`` over."""
        every = (1 << LEAVES * len(trees)) - 1
        asked: dict[int, list[tuple[float, int]]] = {}
        answers = []
        for number, tree in enumerate(trees):
            leaves: list[float] = []
            _turn(tree, 0, leaves, asked, LEAVES * number)
            answers.append({1 << at: value for at, value in enumerate(leaves)})
        questions = []
        for feature, ruled_out in sorted(asked.items()):
            ruled_out.sort()
            left = [every]
            for _, bits in ruled_out:
                left.append(left[-1] & ~bits)
            questions.append((feature, tuple(threshold for threshold, _ in ruled_out), tuple(left)))
        ones = every // ((1 << LEAVES) - 1) if trees else 0
        return cls(tuple(questions), tuple(answers), struct.Struct(f"<{len(trees)}H"), every, ones)

    def score(self, numbers: Sequence[float]) -> float:
        """Return the sum of the answers of all trees."""
        left = self.every
        for feature, thresholds, bits in self.questions:
            left &= bits[bisect_left(thresholds, numbers[feature])]
        # A word is never empty, so that taking one from each borrows nothing from its neighbour: the lowest bit of all at once.
        lowest = left & ~(left - self.ones)
        words = self.words.unpack(lowest.to_bytes(self.words.size, "little"))
        return sum(map(dict.__getitem__, self.answers, words))


def _turn(
    tree: Sequence[Node], at: int, leaves: list[float], asked: dict[int, list[tuple[float, int]]], shift: int
) -> int:
    """Number the answers below a node, note what its questions rule out, and return the bits of those answers."""
    feature, low, high, value = tree[at]
    if feature < 0:
        leaves.append(value)
        return 1 << shift + len(leaves) - 1
    left = _turn(tree, low, leaves, asked, shift)
    asked.setdefault(feature, []).append((value, left))
    return left | _turn(tree, high, leaves, asked, shift)


class Model(NamedTuple):
    """Weights ready to use; made once by :func:`load`."""

    language: Language
    weights: array[int]
    scale: float
    intercept: float
    base: float
    cuts: Cuts
    trees: tuple[tuple[Node, ...], ...]
    forest: Forest

    def linear(self, hashes: Iterable[int]) -> float:
        """Return the linear score of hashed features, without the intercept."""
        weights = self.weights
        return self.scale * sum([weights[each] for each in hashes])

    def score(self, numbers: Sequence[float]) -> float:
        """Return the score of the trees (log odds) for the statistics with the linear scores behind them."""
        return self.base + self.forest.score(numbers)


def pack(model: Model) -> bytes:
    """Return the data file of ``model``."""
    words = zlib.compress(b"\n".join(sorted(model.language.words)), 9)
    fields = (model.scale, model.intercept, model.base, *model.cuts)
    parts = [
        _HEADER.pack(MAGIC, HASHES, SYMBOLS, len(model.trees), len(words), *fields),
        model.language.table,
        words,
        model.weights.tobytes(),
    ]
    for tree in model.trees:
        parts.append(struct.pack("<H", len(tree)))
        parts.extend(_NODE.pack(*node) for node in tree)
    return b"".join(parts)


def unpack(raw: bytes) -> Model:
    """Return the model in a data file.

    Raises:
        ModelError: the file is of another format or cut off.
    """
    advice = "; install Pushwarden again, or train with bench/judge/train.py"
    try:
        magic, hashes, symbols, count, size, scale, intercept, base, *cuts = _HEADER.unpack_from(raw)
        if magic != MAGIC or hashes != HASHES or symbols != SYMBOLS:
            raise ModelError("judge weights: the file is of another format than this version reads" + advice)
        at = _HEADER.size
        table = raw[at : (at := at + symbols**3)]
        words = frozenset(zlib.decompress(raw[at : (at := at + size)]).split(b"\n"))
        weights = array("b", raw[at : (at := at + hashes)])
        trees = []
        for _ in range(count):
            (size,) = struct.unpack_from("<H", raw, at)
            at += 2
            trees.append(tuple(_NODE.iter_unpack(raw[at : (at := at + size * _NODE.size)])))
        forest = Forest.of(trees)
    except (struct.error, zlib.error, IndexError) as error:
        raise ModelError("judge weights: the file is cut off" + advice) from error
    language = Language.of(table, words)
    return Model(language, weights, scale, intercept, base, Cuts(*cuts), tuple(trees), forest)


@functools.cache
def load() -> Model:
    """Return the model that ships with Pushwarden."""
    return unpack(resources.files("pushwarden.detect.generic").joinpath("model.bin").read_bytes())
