"""The gates leave nothing out: what must hold a long run or an assigned value stands near a place that they report."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import hyperscan
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.detect import Rule, Scanner
from pushwarden.detect.ends import no_ends
from pushwarden.detect.layers import MARGIN, RUN
from pushwarden.detect.longrun import certain_run
from pushwarden.detect.rule import Service
from pushwarden.detect.sample import sample, service_example
from pushwarden.detect.service import ASSIGNED, is_assigned
from pushwarden.detect.shape import shape_of
from pushwarden.detect.sieve import around_runs, around_values, compile_run_gate, scan_stretches
from pushwarden.detect.syntax import parse
from tests.detect.conftest import made_up
from tests.detect.shipping import plain_scanner
from tests.detect.test_engines import QUANTIFIED, seen

GATE = compile_run_gate()
LETTERS = re.compile(rb"[A-Za-z0-9+/]+")
FILLER = b"def walk(tree, key=None):\n    return [each.name for each in tree if each is not None]\n\n"


@pytest.fixture(scope="module")
def every() -> Scanner:
    return plain_scanner()


@settings(max_examples=200)
@given(st.lists(QUANTIFIED, min_size=1, max_size=6), st.text(alphabet="ab \n", max_size=24))
def test_no_match_holds_a_shorter_run_than_its_pattern_promises(parts: list[str], text: str) -> None:
    pattern, data = "".join(parts), text.encode()
    least = certain_run(parse(pattern).tree)

    for match in regex.finditer(pattern.encode(), data):
        assert max(map(len, LETTERS.findall(match[0])), default=0) >= least


@pytest.mark.parametrize(
    ("pattern", "run"),
    [
        (r"ghp_[A-Za-z0-9]{36}", 36),
        (r"AC[a-f0-9]{32}", 34),
        (r"(?:ab|[0-9]{3})c", 3),
        (r"a(?:-b)?c", 1),
        (r"a(?:b)?c", 2),
        (r"(?<!x)[\w]{40}", 0),
        (r"(?:[A-Z]{4}-){3}[A-Z]{4}", 4),
        (r"(?:xy){5}z*", 10),
        (r"(ab)\1", 2),
    ],
)
def test_a_run_is_what_certainly_stands_in_a_row(pattern: str, run: int) -> None:
    assert certain_run(parse(pattern).tree) == run


@pytest.mark.parametrize("between", [0, 1, 30, 600, 5000])
def test_every_long_run_stands_in_a_stretch_with_its_surroundings(between: int) -> None:
    source = random.Random(between)
    parts = [made_up(source.choice([RUN - 1, RUN, RUN + 1, 200]), seed=seed) for seed in range(60)]
    data = b" ".join(part.encode() + b"-" * between for part in parts)

    stretches = around_runs(data, GATE)

    assert all(low < high for low, high in stretches)
    assert all(left[1] < right[0] for left, right in pairwise(stretches))
    for found in LETTERS.finditer(data):
        start, end = max(0, found.start() + RUN - MARGIN), min(len(data), found.end() - RUN + MARGIN)
        if len(found[0]) >= RUN:
            assert any(low <= start and end <= high for low, high in stretches)


def test_text_without_a_long_run_has_no_stretch() -> None:
    assert around_runs(FILLER * 100, GATE) == []
    assert around_runs(b"", GATE) == []


def test_a_file_full_of_runs_is_looked_at_as_a_whole() -> None:
    data = b" ".join(made_up(40, seed=seed).encode() for seed in range(2000))

    assert len(around_runs(data, GATE)) == 1


def test_what_is_found_in_stretches_is_told_with_its_place_in_the_content() -> None:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[b"needle"], ids=[7], elements=1, flags=0)
    data = FILLER * 20 + b"needle " + FILLER * 40 + b"needle" + FILLER * 20
    places = [found.end() for found in re.finditer(b"needle", data)]
    ends = no_ends()

    scan_stretches(database, data, [(place - 30, place + 10) for place in places], ends)

    assert {number: list(each) for number, each in ends.items()} == {7: places}


@pytest.mark.parametrize(
    ("keys", "shape", "held"),
    [
        ((), "hex32", True),
        ((), "hex8", False),
        ((), "base64-44", True),
        ((), "uuid", True),
        (("dev[_-]?key",), "alnum{20,30}", True),
        (("client_id",), "alnum32", False),
        (("key|id",), "alnum32", False),
    ],
)
def test_only_long_values_behind_the_usual_words_are_looked_for_by_their_gate(
    keys: tuple[str, ...], shape: str, held: bool
) -> None:
    assert is_assigned(Service(("name",), shape, keys)) is held


def test_the_gate_of_values_opens_for_every_service_that_relies_on_it(every: Scanner) -> None:
    gate = regex.compile(ASSIGNED)
    relying = [rule for rule in every.rules if rule.service is not None and is_assigned(rule.service)]
    for rule in relying:
        text = service_example(rule).text.encode()
        ends = [found.end() for found in gate.finditer(text)]
        assert ends, rule.id
        assert around_values(FILLER + text, [end + len(FILLER) for end in ends])[0][1] >= len(FILLER) + len(text)
    assert len(relying) > 300


def test_every_rule_that_is_tried_around_runs_only_matches_text_with_one(every: Scanner) -> None:
    source = random.Random(3)
    for rule in every.rules:
        if rule.engine == "pattern" and shape_of(rule.pattern).run >= RUN:
            text = sample(rule.pattern, source).encode("latin-1")
            assert max(map(len, LETTERS.findall(text))) >= RUN, rule.id


def _text_of(rule: Rule, source: random.Random) -> str:
    if rule.service is not None:
        return service_example(rule).text
    near = "".join(f"{sample(each.pattern, source)}\n" for each in rule.near)
    return near + sample(rule.pattern, source)


def test_both_engines_find_the_same_where_secrets_stand_far_apart(shipped: Scanner, every: Scanner) -> None:
    source = random.Random(5)
    rules = [rule for rule in every.rules if rule.engine != "judge"]
    for _ in range(4):
        parts = []
        for rule in source.sample(rules, 40):
            parts += [_text_of(rule, source).encode("latin-1"), FILLER[: source.randint(0, 80)] * source.randint(1, 12)]
        data = b"\n".join(parts)
        found = seen(shipped.scan(data))
        assert found == seen(every.scan(data))
        assert len(found) > 10
