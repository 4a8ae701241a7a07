"""Train the judge of generic secrets, measure it on repositories it never saw, and write its weights.

    OMP_NUM_THREADS=1 python bench/judge/train.py CREDDATA LANGUAGE OUT [CLEAN ...]

CREDDATA is the unpacked folder with data/ and meta/; LANGUAGE is what language.py wrote;
CLEAN are folders of ordinary code without credentials, of which half the packages train. The same files and versions
give the same bytes. See README.md beside this file for the figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from dataset import Dataset, read
from fit import Linear, fit, held_out
from sklearn.ensemble import HistGradientBoostingClassifier

from pushwarden.detect.generic.language import SYMBOLS
from pushwarden.detect.generic.model import Cuts, Model, Node, pack

# Precision aimed at on unseen repositories; each leaves a margin to the promise.
PAUSE = 20
LEAST_RECALL = 0.05
AIM = {"medium": 0.965, "high": 0.993}


def by_line(data: Dataset, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best score of each credential found, and of each line without one: the way the scorer counts."""
    line: dict[tuple[str, int], float] = {}
    credential: dict[tuple[str, int], float] = {}
    for place, value, made in zip(data.places, scores, data.made, strict=True):
        if made or place.path.startswith("clean/"):
            continue
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


def choose(hits: np.ndarray, wrong: np.ndarray, total: int, others: int) -> dict[str, float]:
    """The cut of best F1 together with the credentials that other rules find, and the lowest cuts of the aimed precision."""
    marks = np.unique(np.round(np.concatenate([hits, wrong]), 2))
    every = [(float(cut), *figures(hits, wrong, cut, total)) for cut in marks]
    together = np.sort(np.concatenate([hits, np.full(others, 99.0)]))
    cuts = {"low": max((figures(together, wrong, cut, total)[2], float(cut)) for cut in marks)[1]}
    for name, aim in AIM.items():
        cuts[name] = min(cut for cut, precision, recall, _ in every if precision >= aim and recall > LEAST_RECALL)
    return cuts


def nodes(trees: HistGradientBoostingClassifier) -> tuple[tuple[Node, ...], ...]:
    return tuple(
        tuple(
            (-1, 0, 0, float(node["value"]))
            if node["is_leaf"]
            else (int(node["feature_idx"]), int(node["left"]), int(node["right"]), float(node["num_threshold"]))
            for node in predictor.nodes
        )
        for (predictor,) in trees._predictors  # noqa: SLF001 - sklearn has no public way to read the trees
    )


def hopeless(data: Dataset, linear: Linear, trees: HistGradientBoostingClassifier, low: float) -> float:
    """A score after PAUSE trees that none which ends above ``low`` has, with room to spare."""
    known = np.column_stack([data.numbers, linear.scores(data.hashed)])
    stages = trees.staged_decision_function(known)
    early = next(scores for number, scores in enumerate(stages, start=1) if number == PAUSE)
    return float(np.ravel(early)[trees.decision_function(known) >= low].min()) - 0.3


def main() -> None:
    root, language_file, out, *clean = map(Path, sys.argv[1:])
    language = language_file.read_bytes()
    table, words = language[: SYMBOLS**3], language[SYMBOLS**3 :]
    data = read(root, table, words, clean)
    print(
        f"{len(data.truth)} candidates, {int((data.truth == 1).sum())} of credentials, {data.total} credentials labelled"
    )
    first, final = held_out(data)
    where = {"paths": [each.path for each in data.places], "lines": [each.line for each in data.places]}
    np.savez(out.with_suffix(".held-out.npz"), first=first, final=final, made=data.made, **where)
    hits, wrong = by_line(data, final)
    cuts = choose(hits, wrong, data.total, data.others)
    for name, cut in cuts.items():
        precision, recall, both = figures(hits, wrong, cut, data.total)
        print(f"{name:6s} cut {cut:6.2f}: precision {precision:.4f} recall {recall:.4f} F1 {both:.4f}")
        # Key blocks are found by rules of their own; together with them:
        together = np.sort(np.concatenate([hits, np.full(data.others, 99.0)]))
        precision, recall, both = figures(together, wrong, cut, data.total)
        print(f"       with key blocks: precision {precision:.4f} recall {recall:.4f} F1 {both:.4f}")
    # The linear score may end judging where it costs at most one credential in three hundred.
    line_hits, _ = by_line(data, np.where(final >= cuts["low"], first, -99.0))
    floor = float(np.quantile(line_hits[line_hits > -99.0], 0.003))
    linear, trees = fit(data, np.ones(len(data.truth), dtype=bool))
    base = float(np.ravel(trees._baseline_prediction)[0])  # noqa: SLF001 - as above
    limits = Cuts(floor, cuts["low"], cuts["medium"], cuts["high"])
    early = hopeless(data, linear, trees, cuts["low"])
    packed = linear.packed()
    model = Model(table, words, packed, linear.scale, linear.intercept, base, limits, PAUSE, early, nodes(trees))
    out.write_bytes(pack(model))


if __name__ == "__main__":
    main()
