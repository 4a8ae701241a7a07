"""Fit the judge and score candidates with models that never saw their repository."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from dataset import UNKNOWN, Dataset
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from pushwarden.detect.generic import features

LINEAR = {"C": 0.3, "solver": "lbfgs", "max_iter": 120, "tol": 1e-3}
TREES = {
    "max_iter": 80,
    "learning_rate": 0.15,
    "max_features": 0.3,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 30,
    "l2_regularization": 5.0,
    "max_bins": 128,
    "early_stopping": False,
}
BAGS = 2
"""Forests that differ in the questions they were offered; the mean of their scores counts."""
INNER = 4
OUTER = 5


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model whose weights are whole numbers from -127 to 127 times a scale, as they are shipped."""

    weights: np.ndarray
    scale: float
    intercept: float

    @classmethod
    def fit(cls, hashed: sp.csr_matrix, truth: np.ndarray, weight: np.ndarray) -> Linear:
        model = LogisticRegression(**LINEAR).fit(hashed, truth, sample_weight=weight)
        scale = float(np.abs(model.coef_).max()) / 127
        return cls(np.rint(model.coef_[0] / scale).astype(np.int8), scale, float(model.intercept_[0]))

    def scores(self, hashed: sp.csr_matrix) -> np.ndarray:
        """The parts of name, surroundings and value, and with the intercept their sum."""
        weights = self.weights.astype(np.float64)
        bounds = np.cumsum([0, *features.GROUPS])
        parts = [self.scale * (hashed[:, a:b] @ weights[a:b]) for a, b in pairwise(bounds)]
        return np.column_stack([*parts, sum(parts) + self.intercept])

    def packed(self) -> array[int]:
        return array("b", self.weights.tobytes())


def folds(groups: list[str], count: int, seed: int) -> np.ndarray:
    """Number of the fold of each candidate; all candidates of a repository share one."""
    names = sorted(set(groups))
    order = np.random.RandomState(seed).permutation(len(names))
    fold = {names[name]: place % count for place, name in enumerate(order)}
    return np.array([fold[group] for group in groups])


def outer_folds(data: Dataset, seed: int) -> np.ndarray:
    """Number of the fold of each candidate; ordinary code is in none, it always trains."""
    clean = np.array([place.path.startswith("clean/") for place in data.places])
    outer = np.full(len(clean), -1)
    outer[~clean] = folds([group for group, other in zip(data.groups, clean, strict=True) if not other], OUTER, seed)
    return outer


Trees = list[HistGradientBoostingClassifier]


def fit(data: Dataset, chosen: np.ndarray) -> tuple[Linear, Trees]:
    """Fit on the chosen candidates; the trees see linear scores of models that did not see the repository either."""
    rows = np.flatnonzero(chosen & (data.truth != UNKNOWN))
    truth, hashed = data.truth[rows], data.hashed[rows]
    weight = data.weight[rows]
    groups = data.groups
    inner = folds([groups[row] for row in rows], INNER, 1)
    linear = np.zeros((len(rows), 1 + len(features.GROUPS)))
    for fold in range(INNER):
        held = inner == fold
        linear[held] = Linear.fit(hashed[~held], truth[~held], weight[~held]).scores(hashed[held])
    seen = np.column_stack([data.numbers[rows], linear])
    trees = [HistGradientBoostingClassifier(**TREES, random_state=seed) for seed in range(BAGS)]
    for each in trees:
        each.fit(seen, truth, sample_weight=weight)
    return Linear.fit(hashed, truth, weight), trees


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of candidates (log odds): linear of name and value, linear of all, final."""

    early: np.ndarray
    linear: np.ndarray
    final: np.ndarray


def score(data: Dataset, rows: np.ndarray, linear: Linear, trees: Trees) -> Scores:
    """Scores of some candidates."""
    parts = linear.scores(data.hashed[rows])
    seen = np.column_stack([data.numbers[rows], parts])
    final = np.mean([each.decision_function(seen) for each in trees], axis=0)
    return Scores(parts[:, -1] - parts[:, 1], parts[:, -1], final)


def held_out(data: Dataset, seed: int = 0) -> Scores:
    """Scores of every candidate by models fitted without its repository."""
    outer = outer_folds(data, seed)
    made = np.zeros((3, len(data.truth)))
    for fold in range(OUTER):
        rows = np.flatnonzero(outer == fold)
        held = score(data, rows, *fit(data, outer != fold))
        made[:, rows] = held.early, held.linear, held.final
    return Scores(*made)
