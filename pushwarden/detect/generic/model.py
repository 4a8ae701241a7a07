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

from pushwarden.detect.generic.features import HASH_BITS
from pushwarden.detect.generic.language import SYMBOLS
from pushwarden.errors import PushwardenError

MAGIC: Final = b"PWJUDGE1"
_HEADER: Final = struct.Struct("<8sHHHddddddd")
_NODE: Final = struct.Struct("<hhhd")


class ModelError(PushwardenError):
    """The weights beside the code are not the ones this code reads."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a tree: a question, or with ``feature`` -1 an answer."""

    feature: int
    left: int
    right: int
    value: float
    """The threshold of a question (at most: left), the score of an answer."""


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

    language: bytes
    weights: array[int]
    scale: float
    intercept: float
    base: float
    cuts: Cuts
    trees: tuple[tuple[tuple[int, int, int, float], ...], ...]

    def linear(self, hashes: Iterable[int]) -> float:
        """Return the linear score of hashed features."""
        weights = self.weights
        return self.intercept + self.scale * sum([weights[each] for each in hashes])

    def score(self, numbers: Sequence[float]) -> float:
        """Return the score of the trees (log odds) for the statistics with the linear score behind them."""
        total = self.base
        for tree in self.trees:
            feature, left, right, value = tree[0]
            while feature >= 0:
                feature, left, right, value = tree[left if numbers[feature] <= value else right]
            total += value
        return total


def pack(model: Model) -> bytes:
    """Return the data file of ``model``."""
    cuts = model.cuts
    head = _HEADER.pack(
        MAGIC,
        HASH_BITS,
        SYMBOLS,
        len(model.trees),
        model.scale,
        model.intercept,
        model.base,
        cuts.linear,
        cuts.low,
        cuts.medium,
        cuts.high,
    )
    parts = [head, model.language, model.weights.tobytes()]
    for tree in model.trees:
        parts.append(struct.pack("<H", len(tree)))
        parts.extend(_NODE.pack(feature, left, right, value) for feature, left, right, value in tree)
    return b"".join(parts)


def unpack(raw: bytes) -> Model:
    """Return the model in a data file.

    Raises:
        ModelError: the file is of another format or cut off.
    """
    advice = "; install Pushwarden again, or train with bench/judge/train.py"
    try:
        magic, bits, symbols, count, scale, intercept, base, *cuts = _HEADER.unpack_from(raw)
        if magic != MAGIC or bits != HASH_BITS or symbols != SYMBOLS:
            raise ModelError("judge weights: the file is of another format than this version reads" + advice)
        at = _HEADER.size
        language = raw[at : (at := at + symbols**3)]
        weights = array("b", raw[at : (at := at + (1 << bits))])
        trees = []
        for _ in range(count):
            (size,) = struct.unpack_from("<H", raw, at)
            at += 2
            trees.append(tuple(_NODE.iter_unpack(raw[at : (at := at + size * _NODE.size)])))
    except struct.error as error:
        raise ModelError("judge weights: the file is cut off" + advice) from error
    return Model(language, weights, scale, intercept, base, Cuts(*cuts), tuple(trees))


@functools.cache
def load() -> Model:
    """Return the model that ships with Pushwarden."""
    return unpack(resources.files("pushwarden.detect.generic").joinpath("model.bin").read_bytes())
