"""The trained judge: a linear score over hashed words, then boosted trees over it and the statistics.

Everything comes from one data file that ``bench/judge/train.py`` writes; nothing but the standard library reads it.
"""

from __future__ import annotations

import functools
import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from pushwarden.detect.generic.features import HASHES
from pushwarden.detect.generic.language import SYMBOLS, WORD_BITS
from pushwarden.errors import PushwardenError

MAGIC: Final = b"PWJUDGE3"
_HEADER: Final = struct.Struct("<8sIHHdddddddHd")
_NODE: Final = struct.Struct("<hhhd")


class ModelError(PushwardenError):
    """The weights beside the code are not the ones this code reads."""


Node = tuple[int, int, int, float]
"""A question: feature, next node if at most, next node if more, threshold; or with feature -1 an answer: the score."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Scores from which a candidate is reported, by confidence, and the linear score that ends judging early."""

    linear: float
    low: float
    medium: float
    high: float


@dataclass(frozen=True, slots=True)
class Model:
    """Weights ready to use; made once by :func:`load`."""

    table: bytes
    """Trigrams, see :mod:`pushwarden.detect.generic.language`."""
    words: bytes
    """The filter of common words."""
    weights: array[int]
    scale: float
    intercept: float
    base: float
    cuts: Cuts
    pause: int
    """Number of trees after which hopeless candidates are let go."""
    hopeless: float
    trees: tuple[tuple[Node, ...], ...]

    def linear(self, hashes: Iterable[int]) -> float:
        """Return the linear score of hashed features, without the intercept."""
        weights = self.weights
        return self.scale * sum([weights[each] for each in hashes])

    def score(self, numbers: Sequence[float]) -> float:
        """Return the score of the trees (log odds) for the statistics with the linear scores behind them."""
        first = self._sum(self.trees[: self.pause], numbers) + self.base
        if first < self.hopeless:
            return min(first, self.cuts.low - 1.0)
        return first + self._sum(self.trees[self.pause :], numbers)

    @staticmethod
    def _sum(trees: Iterable[tuple[Node, ...]], numbers: Sequence[float]) -> float:
        total = 0.0
        for tree in trees:
            feature, left, right, value = tree[0]
            while feature >= 0:
                feature, left, right, value = tree[left if numbers[feature] <= value else right]
            total += value
        return total


def pack(model: Model) -> bytes:
    """Return the data file of ``model``."""
    cuts = model.cuts
    fields = (
        model.scale,
        model.intercept,
        model.base,
        cuts.linear,
        cuts.low,
        cuts.medium,
        cuts.high,
        model.pause,
        model.hopeless,
    )
    parts = [
        _HEADER.pack(MAGIC, HASHES, SYMBOLS, len(model.trees), *fields),
        model.table,
        model.words,
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
        magic, hashes, symbols, count, scale, intercept, base, linear, low, medium, high, pause, hopeless = (
            _HEADER.unpack_from(raw)
        )
        if magic != MAGIC or hashes != HASHES or symbols != SYMBOLS:
            raise ModelError("judge weights: the file is of another format than this version reads" + advice)
        at = _HEADER.size
        table = raw[at : (at := at + symbols**3)]
        words = raw[at : (at := at + (1 << (WORD_BITS - 3)))]
        weights = array("b", raw[at : (at := at + hashes)])
        trees = []
        for _ in range(count):
            (size,) = struct.unpack_from("<H", raw, at)
            at += 2
            trees.append(tuple(_NODE.iter_unpack(raw[at : (at := at + size * _NODE.size)])))
    except struct.error as error:
        raise ModelError("judge weights: the file is cut off" + advice) from error
    cuts = Cuts(linear, low, medium, high)
    return Model(table, words, weights, scale, intercept, base, cuts, pause, hopeless, tuple(trees))


@functools.cache
def load() -> Model:
    """Return the model that ships with Pushwarden."""
    return unpack(resources.files("pushwarden.detect.generic").joinpath("model.bin").read_bytes())
