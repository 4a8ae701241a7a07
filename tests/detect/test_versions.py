"""A version that is scanned by its changes gives what a scan of the whole gives."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.detect import Scanner
from pushwarden.detect.database import compile_plan
from pushwarden.detect.load import default_rules_path
from pushwarden.detect.planning import make_plan
from pushwarden.detect.reach import Reach
from pushwarden.detect.rule import Example, Near, Pair, Rule, RuleSet, Service
from pushwarden.detect.rulefile import RuleFile, rule_files
from pushwarden.detect.service import value_pattern
from pushwarden.detect.versions import Change, Copy, Record, Versions
from pushwarden.model import Confidence, Match, ScanResult
from tests.detect.conftest import made_up

HEX = "0123456789abcdef"
LINES = Path(__file__).read_bytes().splitlines(keepends=True)
PATH = "deploy/settings.py"


class Watched(Scanner):
    """Counts the bytes that are scanned."""

    def __init__(self, scanner: Scanner) -> None:
        self.__dict__ = scanner.__dict__
        self.read = 0

    def scan(
        self, data: bytes, *, path: str = "", deadline: float | None = None, reach: Reach | None = None
    ) -> ScanResult:
        self.read += len(data)
        return super().scan(data, path=path, deadline=deadline, reach=reach)


def seen(result: ScanResult) -> list[tuple[object, ...]]:
    return [(match, getattr(match, "paired", None)) for match in result.matches] + [(gap,) for gap in result.gaps]


def made_of(base: bytes, pieces: list[bytes | tuple[int, int]]) -> tuple[bytes, list[Copy]]:
    """Return a version of ``base`` made of new bytes and stretches of it, and what was copied."""
    parts: list[bytes] = []
    copies: list[Copy] = []
    length = 0
    for piece in pieces:
        part = piece if isinstance(piece, bytes) else base[slice(*piece)]
        if not isinstance(piece, bytes) and part:
            copies.append((length, piece[0], len(part)))
        parts.append(part)
        length += len(part)
    return b"".join(parts), copies


def back(copies: Iterable[Copy]) -> list[Copy]:
    """Return what the older content has of the newer one."""
    return [(source, target, size) for target, source, size in copies]


class Story:
    """A file and its versions, scanned both ways."""

    def __init__(self, scanner: Scanner, examples: Sequence[Example], rng: random.Random) -> None:
        self.scanner, self.rng = Watched(scanner), rng
        self.versions = Versions(self.scanner)
        chosen = rng.sample(examples, 3)
        self.texts = [each.text.encode() + b"\n" for each in chosen]
        self.total = 0
        self.record: Record | None = None
        self.rarely = rng.random()
        self.path = rng.choice([*(each.path for each in chosen if each.path), PATH])
        self.words = [
            *self.texts,
            b'password = "%s"\n' % made_up(14, seed=rng.randrange(1 << 30)).encode(),
            *self._pieces(),
        ]

    def _pieces(self) -> list[bytes]:
        """Return parts of credentials: where two of them meet, there may be a whole one."""
        rng, parts = self.rng, []
        for text in self.texts:
            cuts = sorted({0, len(text), rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)})
            parts += [text[low:high] for low, high in pairwise(cuts)]
        return [*parts, b"\n", b'" +\n    "', b"\\x41", b"\r\n", b"secret", b"key = ", b" " * 300, b"\xff\xfe", b"\0"]

    def first(self) -> bytes:
        """Return a file: mostly code, with some of a few credentials."""
        rng = self.rng
        lines = rng.choices(LINES, k=rng.randrange(60, 300))
        for text in rng.sample(self.texts, rng.randrange(1, 3)):
            lines.insert(rng.randrange(len(lines) + 1), text)
        return b"".join(lines)

    def changed(self, base: bytes) -> tuple[bytes, list[Copy]]:
        """Return a version: bytes added, taken away, moved or written twice, at line ends or anywhere."""
        rng = self.rng
        cuts = sorted({0, len(base), *(self._place(base) for _ in range(rng.randrange(1, 4)))})
        pieces: list[bytes | tuple[int, int]] = []
        for low, high in pairwise(cuts):
            pieces.append((low, high))
            what = rng.random()
            if what < 0.5:
                pieces.append(rng.choice(self.words if rng.random() < self.rarely else LINES))
            elif what < 0.7 and len(pieces) > 1:
                pieces.pop(-rng.randrange(1, 3))
            elif what < 0.8:
                at = rng.randrange(len(base) + 1)
                pieces.append((at, min(len(base), at + rng.randrange(200))))
            elif what < 0.85:
                pieces[-2:] = reversed(pieces[-2:])
        return made_of(base, pieces)

    def _place(self, base: bytes) -> int:
        at = self.rng.randrange(len(base) + 1)
        return base.rfind(b"\n", 0, at) + 1 if self.rng.random() < 0.6 else at

    def broken(self, whole: bytes) -> tuple[bytes, list[Copy]]:
        """Return a version that lacks something in or near what makes a credential, or has something in between."""
        rng, cuts = self.rng, {0, len(whole)}
        for text in self.texts:
            at = whole.find(text)
            if at >= 0:
                place = (
                    at + rng.randrange(-300, len(text) + 300) if rng.random() < 0.5 else at + rng.randrange(len(text))
                )
                cuts |= {
                    min(len(whole), max(0, each)) for each in (place, place + rng.randrange(rng.choice([2, 40, 400])))
                }
        pieces: list[bytes | tuple[int, int]] = []
        for number, stretch in enumerate(pairwise(sorted(cuts))):
            if number % 2 == 0 or rng.random() < 0.3:
                pieces.append(stretch)
            if rng.random() < 0.3:
                pieces.append(rng.choice([b"\n", b" ", b"x", *LINES]))
        return made_of(whole, pieces)

    def told(self, rounds: int) -> tuple[int, int]:
        """Scan the file and its versions both ways; return how many bytes were read by changes, and how many there are."""
        self.scanner.read = self.total = 0
        self.record = None
        whole = self.first()
        for _ in range(rounds):
            broken, copies = self.broken(whole)
            self._check(broken, copies)
            self._check(whole, back(copies))
            whole, copies = self.changed(whole)
            self._check(whole, copies)
        return self.scanner.read, self.total

    def _check(self, data: bytes, copies: list[Copy]) -> None:
        change = None if self.record is None else Change(self.record, copies)
        result, self.record = self.versions.scan(data, self.path, None, change)
        self.total += len(data)
        assert seen(result) == seen(Scanner.scan(self.scanner, data, path=self.path)), (data, copies)


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Return the examples of the rules that ship; a compiled database has none."""
    files = [RuleFile.read(path).parse() for path in rule_files([default_rules_path()])]
    every = [each for file in files for table in file.get("rule", ()) for each in table.get("examples", ())]
    return [Example(each) if isinstance(each, str) else Example(each["text"], each.get("path", "")) for each in every]


@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_versions_give_what_the_whole_gives(shipped: Scanner, examples: list[Example], seed: int) -> None:
    Story(shipped, examples, random.Random(seed)).told(2)


def rule(name: str, pattern: str, *, near: str = "", pair: str = "") -> Rule:
    return Rule(
        name, name, pattern, Confidence.MEDIUM, "", near=(Near(near, 30),) if near else (),
        pair=Pair(pair, 30, required=True) if pair else None,
    )  # fmt: skip


FAR = [
    rule("span", r"acme-begin[^#]{0,3000}key=(?P<secret>[a-z0-9]{20})"),
    rule("walk", r"walk-begin[a-z ;\n]{0,3000}walk=(?P<secret>[a-z0-9]{20})"),
    rule("step", r"step-begin[a-z ;\n]{0,150}step=(?P<secret>[a-z0-9]{20})"),
    rule("ahead", r"acme_(?P<secret>[a-z0-9]{20})(?=[^#]{0,3000}acme-close)"),
    rule("context", r"\b[0-9a-f]{32}\b", near="(?i)neighbour"),
    rule("named", r"\b[0-9]{24}\b", near="remarkable-gizmo"),
    rule("half", r"\bTKID[A-Z2-7]{12}\b"),
    rule("other-half", r"half-secret=(?P<secret>[A-Za-z0-9]{30})", pair="half"),
    Rule(
        "remote", "remote", value_pattern("hex32"), Confidence.MEDIUM, "", engine="service",
        service=Service(("remoteservice",), "hex32"),
    ),
]  # fmt: skip
APART = {
    "span": ("acme-begin", f"key={made_up(20, HEX)}", (3, 20, 100)),
    "walk": ("walk-begin", f"walk={made_up(20, HEX)}", (3, 20, 100)),
    "step": ("step-begin", f"step={made_up(20, HEX)}", (1, 3, 7)),
    "ahead": (f"acme_{made_up(20, HEX)}", "acme-close", (3, 20, 100)),
    "context": ("neighbour", made_up(32, HEX), (3, 20)),
    "named": ("remarkable-gizmo", made_up(24, "0123456789"), (3, 20)),
    "pair": ("TKIDPTGZ6JFEBZSD", f"half-secret={made_up(30)}", (3, 20)),
    "service": ("remoteservice", f"api_key={made_up(32, HEX)}", (1, 2)),
}
"""Two parts that make a finding, and how many lines may stand between them."""
SPACED = [
    pytest.param(*parts, lines, id=f"{name}-{lines}") for name, (*parts, every) in APART.items() for lines in every
]


@pytest.fixture(scope="module")
def far() -> Scanner:
    loaded = compile_plan(make_plan(RuleSet(FAR)))
    return Scanner(loaded.plan, loaded.engine)


@pytest.mark.parametrize(("first", "last", "lines"), SPACED)
def test_parts_that_stand_far_apart_are_seen_together(far: Scanner, first: str, last: str, lines: int) -> None:
    filler = b"some filler;\n" * 300
    parts = [filler, first.encode() + b"\n", b"some filler;\n" * lines, last.encode() + b"\n", filler]
    whole = b"".join(parts)
    assert far.scan(whole).matches

    for number, lacking in ((1, 0), (1, 4), (3, 0), (3, 4), (2, 3)):
        low = sum(map(len, parts[:number])) + lacking
        end = sum(map(len, parts[: number + 1]))
        high = end - 1 if lacking else end
        base, copies = made_of(whole, [(0, low), (high, len(whole))])
        both(far, whole, base, copies)
        both(far, base, whole, back(copies))


def both(scanner: Scanner, old: bytes, new: bytes, copies: list[Copy]) -> None:
    """Check that a version of old content gives what a scan of the whole gives."""
    versions = Versions(scanner)
    _, record = versions.scan(old, "", None)
    assert record is not None
    assert seen(versions.scan(new, "", None, Change(record, copies))[0]) == seen(scanner.scan(new)), (len(old), copies)


def test_a_value_that_stands_often_near_by_is_counted_where_a_change_is_not(shipped: Scanner) -> None:
    line = b'password = "%s"\n' % made_up(12).encode()
    filler = b"some filler;\n" * 100
    whole = filler.join([line] * 8)

    counts = set()
    for number in range(1, 8):
        base, copies = made_of(
            whole, [(0, number * len(line + filler)), (number * len(line + filler) + len(line), len(whole))]
        )
        for old, new, copied in ((whole, base, copies), (base, whole, back(copies))):
            versions = Versions(shipped)
            _, record = versions.scan(old, "tests/test_a.py", None)
            change = Change(record, copied) if record is not None else None
            found = versions.scan(new, "tests/test_a.py", None, change)[0]
            assert seen(found) == seen(shipped.scan(new, path="tests/test_a.py"))
            counts.add(len(found.matches))
    assert counts


FILLER = b"".join(LINES[:120])
SECRET = b'api_key = "%s"\n' % made_up(32).encode()


def scanned(scanner: Scanner, base: bytes, pieces: list[bytes | tuple[int, int]]) -> tuple[list[Match], int]:
    """Return what is found in a version, equal in both ways, and how many bytes were read for it."""
    watched = Watched(scanner)
    versions = Versions(watched)
    _, record = versions.scan(base, PATH, None)
    assert record is not None
    data, copies = made_of(base, pieces)
    watched.read = 0
    result, _ = versions.scan(data, PATH, None, Change(record, copies))
    read = watched.read
    assert seen(result) == seen(scanner.scan(data, path=PATH))
    return list(result.matches), read


def test_only_what_was_changed_is_read(shipped: Scanner) -> None:
    middle = FILLER.index(b"\n", len(FILLER) // 2) + 1

    found, read = scanned(shipped, FILLER, [(0, middle), b"added = 1\n", (middle, len(FILLER))])

    assert found == []
    assert read < len(FILLER) // 2


@pytest.mark.parametrize("cut", [1, 12, 30])
def test_a_secret_is_found_that_a_change_completes(shipped: Scanner, cut: int) -> None:
    base = FILLER + SECRET[:cut] + b"\n" + FILLER
    at = len(FILLER) + cut

    found, _ = scanned(shipped, base, [(0, at), SECRET[cut:], (at, len(base))])

    assert [match.secret.reveal() for match in found] == [SECRET[11:-2]]


def test_a_secret_far_from_the_change_stays_where_it_moved(shipped: Scanner) -> None:
    base = FILLER + SECRET + FILLER * 2
    end = len(base)

    found, read = scanned(shipped, base, [(0, 200), b"x = 1\ny = 2\n", (200, end - 50), b"# more\n", (end - 50, end)])

    assert [match.span.start for match in found] == [len(FILLER) + 11 + 12]
    assert read < len(base) // 2


def test_a_secret_that_is_taken_away_is_gone(shipped: Scanner) -> None:
    base, at = FILLER + SECRET + FILLER, len(FILLER)

    found, _ = scanned(shipped, base, [(0, at), (at + len(SECRET), len(base))])

    assert found == []


@pytest.mark.parametrize(("path", "read"), [("b.py", 0), ("a.yml", len(FILLER)), ("tests/a.py", len(FILLER))])
def test_only_from_a_file_that_the_rules_see_alike_anything_is_taken_over(
    shipped: Scanner, path: str, read: int
) -> None:
    watched = Watched(shipped)
    versions = Versions(watched)
    _, record = versions.scan(FILLER, "a.py", None)
    assert record is not None
    watched.read = 0

    versions.scan(FILLER, path, None, Change(record, [(0, 0, len(FILLER))]))

    assert watched.read == read


def test_stretches_that_changed_places_count_as_changed(shipped: Scanner) -> None:
    third = len(FILLER) // 3
    base = FILLER[:third] + SECRET[:20] + FILLER[third:] + SECRET[20:] + FILLER
    cut = third + 20

    found, _ = scanned(shipped, base, [(len(FILLER) + 20, len(base)), (0, cut), (len(FILLER) + 20, len(base))])

    assert SECRET[11:-2] in [match.secret.reveal() for match in found]


def test_what_is_packed_or_in_utf_16_is_read_as_a_whole(shipped: Scanner) -> None:
    for data in (FILLER.decode().encode("utf-16"), b"\x1f\x8b\x08" + FILLER):
        result, record = Versions(shipped).scan(data, PATH, None)

        assert record is None
        assert seen(result) == seen(shipped.scan(data, path=PATH))
