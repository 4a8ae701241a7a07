"""Candidates of the labelled files as matrices: what the judge sees, and whether reviewers call it a credential."""

from __future__ import annotations

import bisect
import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from pushwarden.detect.generic import candidates, features

# The scorer's own list: rows of these categories neither count nor harm.
NEUTRAL = {"UUID", "Nonce", "Salt", "AWS S3 Bucket", "Firebase Domain", "Tencent WeChat API App ID", "Other"}
EOL = re.compile(rb"\r\n|\n|\r")
TRUE, FALSE, UNKNOWN = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Row:
    """A reviewed place: lines from 1, columns of the value in code points where the reviewers gave them."""

    first: int
    last: int
    truth: int
    start: int | None
    end: int | None
    category: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a candidate stands, and the credentials (by number of row) and undecided rows of its line."""

    path: str
    line: int
    start: int
    end: int
    link: str
    rows: tuple[int, ...]
    excused: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    hashed: sp.csr_matrix
    numbers: np.ndarray
    truth: np.ndarray
    places: list[Place]
    total: int

    @property
    def groups(self) -> list[str]:
        """The repository of each candidate: ``data/<repository>/...``."""
        return [place.path.split("/")[1] for place in self.places]


def labels(root: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for name in sorted((root / "meta").glob("*.csv")):
        with name.open(encoding="utf8", newline="") as file:
            for row in csv.DictReader(file):
                neutral = set(row["Category"].split(":")) <= NEUTRAL
                truth = {"T": UNKNOWN if neutral else TRUE, "X": UNKNOWN}.get(row["GroundTruth"], FALSE)
                span = [int(text) if text and int(text) >= 0 else None for text in (row["ValueStart"], row["ValueEnd"])]
                found[row["FilePath"]].append(
                    Row(int(row["LineStart"]), int(row["LineEnd"]), truth, *span, row["Category"])
                )
    return found


def line_starts(data: bytes) -> list[int]:
    return [0, *(match.end() for match in EOL.finditer(data))]


def _touches(row: Row, data: bytes, line_start: int, candidate: candidates.Candidate) -> bool:
    """Whether a candidate overlaps the reviewed value; rows without columns or over many lines take the whole line."""
    if row.start is None or row.first != row.last:
        return True
    low = len(data[line_start : candidate.start].decode("utf8", "replace"))
    high = len(data[line_start : candidate.end].decode("utf8", "replace"))
    return min(high, row.end if row.end is not None else high) > max(low, row.start)


def _truth(rows: list[Row], data: bytes, line_start: int, candidate: candidates.Candidate) -> int:
    touched = [row.truth for row in rows if row.truth != FALSE and _touches(row, data, line_start, candidate)]
    if TRUE in touched:
        return TRUE
    # Another value on the line of a credential says nothing: reporting it finds the line.
    return UNKNOWN if touched or any(row.truth == TRUE for row in rows) else FALSE


def read(root: Path, language: bytes) -> Dataset:
    rows = labels(root)
    indices: list[int] = []
    bounds, numbers, truth, places = [0], [], [], []
    for file in sorted(path for path in (root / "data").rglob("*") if path.is_file()):
        path = file.relative_to(root).as_posix()
        data = file.read_bytes()
        starts = line_starts(data)
        by_line: dict[int, list[int]] = defaultdict(list)
        for number, row in enumerate(rows.get(path, ())):
            for line in range(row.first, row.last + 1):
                by_line[line].append(number)
        place = features.Place.of(path)
        for candidate in candidates.find(data, 0, len(data)):
            line = bisect.bisect_right(starts, candidate.start)
            here = [rows[path][number] for number in by_line.get(line, ())]
            indices.extend(features.hashes(data, candidate, place))
            bounds.append(len(indices))
            numbers.append(features.numbers(data, candidate, place, language))
            truth.append(_truth(here, data, starts[line - 1], candidate))
            credentials = tuple(n for n in by_line.get(line, ()) if rows[path][n].truth == TRUE)
            excused = any(row.truth != FALSE for row in here)
            places.append(Place(path, line, candidate.start, candidate.end, candidate.link, credentials, excused))
    hashed = sp.csr_matrix(
        (np.ones(len(indices), dtype=np.float32), indices, bounds), shape=(len(truth), 1 << features.HASH_BITS)
    )
    total = sum(row.truth == TRUE for each in rows.values() for row in each)
    return Dataset(hashed, np.array(numbers), np.array(truth, dtype=np.int8), places, total)
