"""Score detection with the shipped defaults on labelled files, the judge's part by models that never saw the repository.

    python bench/creddata.py CREDDATA SCORER [HELD_OUT]

CREDDATA is the unpacked folder with data/ and meta/; SCORER the folder with score_creddata.py. HELD_OUT is the
``.held-out.npz`` that judge/train.py leaves beside the weights: with it, generic findings are those of cross-validation, and figures the mean over its runs;
without it they are those of the shipped weights, which were fitted on these files, so that is no result.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np

from pushwarden.detect import load_scanner
from pushwarden.detect.generic import model

Found = set[tuple[str, int, int, int]]


def scanned(root: Path) -> tuple[Found, Found]:
    """Findings of the rules with a shape, and of the judge: path, first and last line, confidence."""
    scanner = load_scanner()
    shaped: Found = set()
    generic: Found = set()
    for file in sorted(path for path in (root / "data").rglob("*") if path.is_file()):
        path = file.relative_to(root).as_posix()
        for each in scanner.scan(file.read_bytes(), path=path).matches:
            into = generic if each.rule_id.startswith("generic-") else shaped
            into.add((path, each.span.start_line, each.span.end_line, int(each.confidence)))
    return shaped, generic


def held_out(scores: Path) -> list[Found]:
    """Findings of the judge in each cross-validation, at the shipped cuts."""
    saved = np.load(scores)
    cuts = model.load().cuts
    runs = []
    for final in saved["final"]:
        found: Found = set()
        for path, line, score, made in zip(saved["paths"], saved["lines"], final, saved["made"], strict=True):
            if score >= cuts.low and not made and not path.startswith("clean/"):
                confidence = 3 if score >= cuts.high else 2 if score >= cuts.medium else 1
                found.add((str(path), int(line), int(line), confidence))
        runs.append(found)
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("creddata", type=Path)
    parser.add_argument("scorer", type=Path)
    parser.add_argument("held_out", type=Path, nargs="?")
    given = parser.parse_args()
    root: Path = given.creddata
    if not (root / "meta").is_dir() or not (given.scorer / "score_creddata.py").is_file():
        parser.error(
            "CREDDATA must be the unpacked folder with data/ and meta/, SCORER the folder with score_creddata.py"
        )
    sys.path.insert(0, str(given.scorer))
    score = importlib.import_module("score_creddata")
    truth, neutral = score.labels(str(root / "meta"))
    shaped, generic = scanned(root)
    runs = held_out(given.held_out) if given.held_out else [generic]
    for name, findings in (
        ("rules with a shape", [shaped]),
        ("judge", runs),
        ("together", [shaped | run for run in runs]),
    ):
        for level, label in ((1, "low"), (2, "medium"), (3, "high")):
            places = [{place[:3] for place in each if place[3] >= level} for each in findings]
            figures = [score.score(truth, neutral, each)[0] for each in places]
            mean = {key: round(sum(each[key] for each in figures) / len(figures), 3) for key in figures[0]}
            print(f"{name:20s} {label:6s} {mean}")


if __name__ == "__main__":
    main()
