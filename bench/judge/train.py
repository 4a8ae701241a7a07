"""Train the judge of generic secrets, measure it on repositories it never saw, and write its weights.

    python bench/judge/train.py CREDDATA LANGUAGE CLEAN OUT

CREDDATA is the unpacked folder with data/ and meta/; LANGUAGE is what language.py wrote; CLEAN is a folder with the wheels of
clean.txt, ordinary code without credentials. The same files and versions give the same bytes. See README.md beside this file for the figures.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Sums come out a last bit different with wider vectors: the same kernels on every x86-64 processor since 2013, in one thread.
# https://github.com/OpenMathLib/OpenBLAS/blob/develop/README.md#cpu-type and https://numpy.org/doc/stable/reference/simd/build-options.html
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}

import language
import numpy as np
from dataset import Dataset, read
from fit import Scores, Trees, fit, held_out

from pushwarden.detect.generic.model import Cuts, Forest, Model, Node, pack

# Divisions into folds that the cuts are chosen from.
RUNS = 4
# F1 is flat around its best: the cut for low stands in the middle of what comes so close to it.
CLOSE = 0.001
# Share of the credentials found that each of the two early ends may cost.
LOST = 0.002
# Precision aimed at on unseen repositories; each leaves a margin to the promise, and to the errors of rules with a shape.
AIM = {"medium": 0.972, "high": 0.9965}


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


Runs = list[tuple[np.ndarray, np.ndarray]]
"""Of each run of cross-validation the best scores of credentials, and of lines without one."""


def choose(runs: Runs, data: Dataset) -> dict[str, float]:
    """The middle of the cuts that come close to the best F1, with the credentials that other rules find, and those of the aimed precision."""
    marks = np.arange(-3.0, 9.0, 0.02)
    blocks = np.full(data.others, 99.0)
    both = [(np.sort(np.concatenate([hits, blocks])), wrong) for hits, wrong in runs]
    f1 = [np.mean([figures(hits, wrong, cut, data.total)[2] for hits, wrong in both]) for cut in marks]
    close = marks[np.array(f1) >= max(f1) - CLOSE]
    cuts = {"low": float(close[len(close) // 2])}
    for name, aim in AIM.items():
        cuts[name] = float(
            next(
                cut
                for cut in marks
                if np.mean([figures(hits, wrong, cut, data.total)[0] for hits, wrong in runs]) >= aim
            )
        )
    return cuts


def nodes(trees: Trees) -> tuple[tuple[Node, ...], ...]:
    return tuple(
        tuple(
            (-1, 0, 0, float(node["value"]) / len(trees))
            if node["is_leaf"]
            else (int(node["feature_idx"]), int(node["left"]), int(node["right"]), float(node["num_threshold"]))
            for node in predictor.nodes
        )
        for each in trees
        for (predictor,) in each._predictors  # noqa: SLF001 - sklearn has no public way to read the trees
    )


def floor(data: Dataset, scores: np.ndarray, final: np.ndarray, low: float) -> float:
    """A linear score that costs at most one credential in LOST of those found."""
    hits, _ = by_line(data, np.where(final >= low, scores, -99.0))
    return float(np.quantile(hits[hits > -99.0], LOST))


def shipped(data: Dataset, scores: Scores, early: float, late: float, medium: float) -> np.ndarray:
    """The scores as the judge gives them: low where judging ends early, at least medium what is never doubted."""
    stopped = np.where((scores.early < early) | (scores.linear < late), -99.0, scores.final)
    return np.where(data.sure, np.maximum(stopped, medium), stopped)


def report(data: Dataset, runs: Runs, cuts: dict[str, float]) -> None:
    """Print the mean figures of the runs: of the judge, and with key blocks, which rules of their own find."""
    for name, cut in cuts.items():
        for label, blocks in ((f"{name:6s} cut {cut:6.2f}", 0), ("       with key blocks", data.others)):
            found = [(np.sort(np.concatenate([hits, np.full(blocks, 99.0)])), wrong) for hits, wrong in runs]
            mean = np.mean([figures(hits, wrong, cut, data.total) for hits, wrong in found], axis=0)
            print(f"{label}: precision {mean[0]:.4f} recall {mean[1]:.4f} F1 {mean[2]:.4f}")


def save(out: Path, data: Dataset, final: list[np.ndarray]) -> None:
    """Leave the scores of each cross-validation beside the weights."""
    where = {"paths": [each.path for each in data.places], "lines": [each.line for each in data.places]}
    np.savez(out.with_suffix(".held-out.npz"), final=np.array(final), made=data.made, **where)


def main() -> None:
    root, language_file, clean, out = map(Path, sys.argv[1:])
    words = language.read(language_file)
    data = read(root, words, clean)
    print(
        f"{len(data.truth)} candidates, {int((data.truth == 1).sum())} of credentials, {data.total} credentials labelled"
    )
    tried = [held_out(data, seed) for seed in range(RUNS)]
    runs = [by_line(data, each.final) for each in tried]
    cuts = choose(runs, data)
    early = floor(data, tried[0].early, tried[0].final, cuts["low"])
    late = floor(data, tried[0].linear, tried[0].final, cuts["low"])
    judged = [shipped(data, each, early, late, cuts["medium"]) for each in tried]
    report(data, [by_line(data, each) for each in judged], cuts)
    save(out, data, judged)
    linear, trees = fit(data, np.ones(len(data.truth), dtype=bool))
    base = float(np.mean([np.ravel(each._baseline_prediction)[0] for each in trees]))  # noqa: SLF001 - as above
    limits = Cuts(early, late, cuts["low"], cuts["medium"], cuts["high"])
    made = nodes(trees)
    weights = (linear.packed(), linear.scale, linear.intercept)
    model = Model(words, *weights, base, limits, made, Forest.of(made))
    out.write_bytes(pack(model))


if __name__ == "__main__":
    main()
