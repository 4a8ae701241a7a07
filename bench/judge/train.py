"""Train the judge of generic secrets, measure it on repositories it never saw, and write its weights.

    OMP_NUM_THREADS=1 python bench/judge/train.py CREDDATA LANGUAGE OUT

CREDDATA is the unpacked folder with data/ and meta/; LANGUAGE is what language.py wrote. The same files and versions
give the same bytes. See README.md beside this file for the figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from dataset import Dataset, read
from fit import Linear, fit, held_out
from pushwarden.detect.generic.model import Cuts, Model, pack

# Precision aimed at on unseen repositories; each leaves a margin to the promise.
AIM = {"medium": 0.965, "high": 0.993}


def by_line(data: Dataset, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best score of each credential found, and of each line without one: the way the scorer counts."""
    line: dict[tuple[str, int], float] = {}
    credential: dict[tuple[str, int], float] = {}
    for place, value in zip(data.places, scores, strict=True):
        if place.rows:
            for row in place.rows:
                credential[place.path, row] = max(value, credential.get((place.path, row), -99.0))
        elif not place.excused:
            line[place.path, place.line] = max(value, line.get((place.path, place.line), -99.0))
    return np.sort([*credential.values()]), np.sort([*line.values()])


def figures(hits: np.ndarray, wrong: np.ndarray, cut: float, total: int) -> tuple[float, float, float]:
    found = len(hits) - int(np.searchsorted(hits, cut))
    false = len(wrong) - int(np.searchsorted(wrong, cut))
    precision, recall = found / max(1, found + false), found / total
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def choose(hits: np.ndarray, wrong: np.ndarray, total: int) -> dict[str, float]:
    """The cut of best F1, and the lowest cuts that keep the aimed precision."""
    marks = np.unique(np.round(np.concatenate([hits, wrong]), 2))
    every = [(cut, *figures(hits, wrong, cut, total)) for cut in marks]
    cuts = {"low": float(max(every, key=lambda each: each[3])[0])}
    for name, aim in AIM.items():
        cuts[name] = float(min(cut for cut, precision, recall, _ in every if precision >= aim and recall > 0.05))
    return cuts


def export(linear: Linear, trees: HistGradientBoostingClassifier, language: bytes, cuts: Cuts) -> Model:
    packed = []
    for (predictor,) in trees._predictors:
        packed.append(
            tuple(
                (-1, 0, 0, float(node["value"]))
                if node["is_leaf"]
                else (int(node["feature_idx"]), int(node["left"]), int(node["right"]), float(node["num_threshold"]))
                for node in predictor.nodes
            )
        )
    base = float(np.ravel(trees._baseline_prediction)[0])
    return Model(language, linear.packed(), linear.scale, linear.intercept, base, cuts, tuple(packed))


def main() -> None:
    root, language_file, out = map(Path, sys.argv[1:])
    language = language_file.read_bytes()
    data = read(root, language)
    print(
        f"{len(data.truth)} candidates, {int((data.truth == 1).sum())} of credentials, {data.total} credentials labelled"
    )
    first, final = held_out(data)
    hits, wrong = by_line(data, final)
    cuts = choose(hits, wrong, data.total)
    for name, cut in cuts.items():
        precision, recall, both = figures(hits, wrong, cut, data.total)
        print(f"{name:6s} cut {cut:6.2f}: precision {precision:.4f} recall {recall:.4f} F1 {both:.4f}")
    # The linear score may end judging where it costs at most one credential in two hundred.
    line_hits, _ = by_line(data, np.where(final >= cuts["low"], first, -99.0))
    floor = float(np.quantile(line_hits[line_hits > -99.0], 0.005))
    linear, trees = fit(data, np.ones(len(data.truth), dtype=bool))
    out.write_bytes(pack(export(linear, trees, language, Cuts(floor, cuts["low"], cuts["medium"], cuts["high"]))))


if __name__ == "__main__":
    main()
