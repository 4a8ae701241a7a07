"""Candidates of the labelled files as matrices: what the judge sees, and whether reviewers call it a credential."""

from __future__ import annotations

import bisect
import csv
import random
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hyperscan
import numpy as np
import scipy.sparse as sp
from augment import as_element, repeated, variants

from pushwarden.detect.generic import TRIGGERS, candidates, features, gate, is_undoubted, statistics, windows
from pushwarden.detect.generic.language import Language

# The scorer's own list: rows of these categories neither count nor harm.
NEUTRAL = {"UUID", "Nonce", "Salt", "AWS S3 Bucket", "Firebase Domain", "Tencent WeChat API App ID", "Other"}
EOL = re.compile(rb"\r\n|\n|\r")
TRUE, FALSE, UNKNOWN = 1, 0, -1
MADE_WEIGHT = 0.2
CLEAN_KINDS = {
    ".cfg", ".cs", ".css", ".html", ".ini", ".j2", ".js", ".json", ".md", ".po", ".ps1", ".py", ".rst", ".sh", ".toml", ".ts", ".txt",
    ".xml", ".yaml", ".yml",
}  # fmt: skip
CLEAN_LARGEST = 2_000_000
CLEAN_WEIGHT = 1000.0
"""What a package of ordinary code weighs at most, in labelled candidates."""
# Reviewers call credentials of tests and examples credentials, too: nobody has looked at those of the packages.
UNSURE = re.compile(r"(?i)(?:^|[/_.-])tests?(?:ing)?(?:[/_.-]|$)|example|fixture|sample|spec/")


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
    made: np.ndarray
    """Whether a candidate is a made-up variant or of ordinary code: those only train."""
    weight: np.ndarray
    """How much a candidate counts in training."""
    sure: np.ndarray
    """Whether a candidate is at least medium whatever its score."""
    total: int
    others: int
    """Labelled key blocks: left to the rules for them."""

    @property
    def groups(self) -> list[str]:
        """The repository or package of each candidate: ``data/<repository>/...``."""
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


@dataclass(slots=True)
class _Builder:
    language: Language
    indices: list[int] = field(default_factory=list)
    bounds: list[int] = field(default_factory=lambda: [0])
    numbers: list[list[float]] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    made: list[bool] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    sure: list[bool] = field(default_factory=list)
    known: set[tuple[bytes, bytes]] = field(default_factory=set)

    def plausible(self, data: bytes, candidate: candidates.Candidate, where: features.Place) -> bool:
        return gate.plausible(candidate, data[candidate.start : candidate.end], where, self.language)

    def add(self, view: features.View, truth: int, place: Place, *, made: bool) -> None:
        words = features.name_words(view.name)
        self.indices.extend(
            features.hashed_name(view, words) | features.hashed_around(view) | features.hashed_value(view, words)
        )
        self.bounds.append(len(self.indices))
        self.numbers.append([float(each) for each in statistics.numbers(view, words, self.language)])
        self.truth.append(truth)
        self.places.append(place)
        self.made.append(made)
        self.weight.append(MADE_WEIGHT if made else 1.0)
        self.sure.append(is_undoubted(view))

    def add_variants(
        self,
        data: bytes,
        candidate: candidates.Candidate,
        truth: int,
        place: Place,
        *,
        where: features.Place,
        chance: random.Random,
    ) -> None:
        """Add the made-up variants of a candidate."""
        for text, new, new_truth in variants(data, candidate, truth, where.kind, chance):
            if self.plausible(text, new, where):
                self.add(features.view_of(text, new, where), new_truth, place, made=True)
        for text in as_element(data, candidate, chance):
            self.add_elements(text, truth, place)

    def add_elements(self, text: bytes, truth: int, place: Place) -> None:
        """Add the element at the end of a made-up XML file."""
        where = features.Place.of("settings.xml")
        for new in candidates.find(text, text.rfind(b"\n", 0, -1) + 1, len(text)):
            if new.link == "tag" and self.plausible(text, new, where):
                self.add(features.view_of(text, new, where), truth, place, made=True)

    def dataset(self, total: int, others: int) -> Dataset:
        shape = (len(self.truth), features.HASHES)
        hashed = sp.csr_matrix((np.ones(len(self.indices), dtype=np.float32), self.indices, self.bounds), shape=shape)
        return Dataset(
            hashed,
            np.array(self.numbers),
            np.array(self.truth, dtype=np.int8),
            self.places,
            np.array(self.made),
            np.array(self.weight),
            np.array(self.sure),
            total,
            others,
        )


class _Finder:
    """Finds candidates as the judge does: where its triggers end."""

    def __init__(self) -> None:
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=list(TRIGGERS), ids=list(range(len(TRIGGERS))), elements=len(TRIGGERS), flags=0
        )

    def find(self, data: bytes) -> Iterator[candidates.Candidate]:
        ends: set[int] = set()
        self._database.scan(data, lambda _id, _start, end, _flags, _context: ends.add(end))
        seen: set[tuple[int, int]] = set()
        for begin, finish in windows(data, [(end, end) for end in ends]):
            for candidate in candidates.find(data, begin, finish):
                if (candidate.start, candidate.end) not in seen:
                    seen.add((candidate.start, candidate.end))
                    yield candidate


def _read_file(built: _Builder, finder: _Finder, path: str, data: bytes, rows: list[Row]) -> None:
    starts = line_starts(data)
    by_line: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        for line in range(row.first, row.last + 1):
            by_line[line].append(number)
    where = features.Place.of(path)
    chance = random.Random(path)
    for candidate in finder.find(data):
        line = bisect.bisect_right(starts, candidate.start)
        here = [rows[number] for number in by_line.get(line, ())]
        truth = _truth(here, data, starts[line - 1], candidate)
        credentials = tuple(n for n in by_line.get(line, ()) if rows[n].truth == TRUE)
        excused = any(row.truth != FALSE for row in here)
        place = Place(path, line, candidate.start, candidate.end, candidate.link, credentials, excused)
        if built.plausible(data, candidate, where):
            view = features.view_of(data, candidate, where)
            if gate.is_fixture(view):
                continue
            built.known.add((view.name, view.value))
            built.add(view, truth, place, made=False)
            for other in repeated(view, truth, chance):
                built.add(other, truth, place, made=True)
        built.add_variants(data, candidate, truth, place, where=where, chance=chance)


def _read_clean(built: _Builder, finder: _Finder, package: Path) -> None:
    """Read a wheel in which nothing is a credential; what the labelled files or the package say already says nothing new."""
    name, first, known = package.name.partition("-")[0], len(built.weight), set(built.known)
    with zipfile.ZipFile(package) as wheel:
        for info in sorted(wheel.infolist(), key=lambda each: each.filename):
            if is_clean(info):
                _read_clean_file(built, finder, f"clean/{name}/{info.filename}", wheel.read(info), known)
    count = len(built.weight) - first
    built.weight[first:] = [min(1.0, CLEAN_WEIGHT / max(1, count))] * count


def is_clean(info: zipfile.ZipInfo) -> bool:
    """Whether a file of a package is text that holds no credential."""
    return (
        Path(info.filename).suffix in CLEAN_KINDS
        and info.file_size < CLEAN_LARGEST
        and not UNSURE.search(info.filename)
    )


def _read_clean_file(built: _Builder, finder: _Finder, path: str, data: bytes, known: set[tuple[bytes, bytes]]) -> None:
    where = features.Place.of(path)
    for candidate in finder.find(data):
        if not built.plausible(data, candidate, where):
            continue
        view = features.view_of(data, candidate, where)
        if (view.name, view.value) not in known:
            known.add((view.name, view.value))
            place = Place(path, 0, candidate.start, candidate.end, candidate.link, (), excused=False)
            built.add(view, FALSE, place, made=True)


def read(root: Path, language: Language, clean: Path) -> Dataset:
    """Read the labelled files, and the wheels of ordinary code in ``clean``."""
    rows = labels(root)
    built, finder = _Builder(language), _Finder()
    for file in sorted(path for path in (root / "data").rglob("*") if path.is_file()):
        path = file.relative_to(root).as_posix()
        _read_file(built, finder, path, file.read_bytes(), rows.get(path, []))
    for package in sorted(clean.glob("*.whl")):
        _read_clean(built, finder, package)
    true = [row.category for each in rows.values() for row in each if row.truth == TRUE]
    return built.dataset(len(true), sum("PEM Private Key" in category for category in true))
