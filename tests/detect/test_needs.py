"""What a pattern's tree tells before it is tried: what must stand in a match, how far it sees, in how many ways it is tried."""

from __future__ import annotations

import random

import pytest
import regex

from pushwarden.detect import Scanner
from pushwarden.detect.form import ENDLESS, Needs
from pushwarden.detect.measures import sight, ways, widest
from pushwarden.detect.needs import needs_of
from pushwarden.detect.sample import sample
from pushwarden.detect.shape import shape_of
from pushwarden.detect.syntax import parse


@pytest.mark.parametrize(
    ("pattern", "texts", "folded"),
    [
        (r"abc\d+", (b"abc",), False),
        (r"(?i)abc\d+", (b"abc",), True),
        (r"(?:ABC|xyz)\d+", (b"ABC", b"xyz"), False),
        (r"(?i:ABC)|xyz", (b"abc", b"xyz"), True),
        (r"\bzone|zoned", (b"zone",), False),
        (r"ey[IJ]\w+", (b"ey",), False),
        (r"a(?=b)c\d(?!d)e", (b"ac",), False),
        (r"x\dlonger\d", (b"longer",), False),
    ],
)
def test_the_longest_certain_text_is_needed(pattern: str, texts: tuple[bytes, ...], folded: bool) -> None:
    assert needs_of(parse(pattern).tree) == Needs(texts, folded)


@pytest.mark.parametrize("pattern", [r"\w+", r"a", r"(?:abc)?", r"(?:abc|\d+)", r"[ab]{9}", r"(?=abc)"])
def test_what_is_not_certain_is_not_needed(pattern: str) -> None:
    assert needs_of(parse(pattern).tree) is None


@pytest.mark.parametrize(("text", "met"), [(b"..KEY..", True), (b"key", False), (b"..K", False)])
def test_needs_are_looked_for_within_the_bounds_in_either_case(text: bytes, met: bool) -> None:
    assert Needs((b"key",), folded=True).met(text, 1, len(text) - 1) is met


def test_every_made_up_match_of_a_rule_holds_what_its_rule_needs(shipped: Scanner) -> None:
    source = random.Random(7)
    for rule in source.sample([rule for rule in shipped.rules if rule.engine == "pattern"], 150):
        shape, text = shape_of(rule.pattern), sample(rule.pattern, source).encode("latin-1")
        for found in regex.finditer(shape.pattern.encode(), text):
            assert shape.needs is None or shape.needs.met(text, *found.span()), rule.id
            assert len(found[0]) <= shape.width


@pytest.mark.parametrize(
    ("pattern", "seen"),
    [(r"abc", 3), (r"(?<=ab)c", 3), (r"a(?!bcd)", 4), (r"(?:a(?=bc)){1,10}", 12), (r"a{1,5}(?=[^x]{0,9}y)b", 15)],
)
def test_looks_at_the_same_text_count_once(pattern: str, seen: int) -> None:
    assert sight(parse(pattern).tree) == seen
    assert widest(parse(pattern).tree) <= seen


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        (r"abc", 1),
        (r"a{1,5}", 5),
        (r"a{0,3}b{0,4}", 20),
        (r"(?:a|b{1,2})c", 3),
        (r"(?:a{0,9}b){40}", ENDLESS),
        (r"(?:a+)+", ENDLESS),
    ],
)
def test_ways_multiply_and_those_without_end_are_said_to_be(pattern: str, count: int) -> None:
    assert ways(parse(pattern).tree) == count


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [(r"abc[0-9]{8}", (11, 11)), (r"(?:^|x)abc[0-9]{4}", (7, 8)), (r"a+bc", None), (r"(?<!x)ab.{2,30}yz", None)],
)
def test_a_trigger_of_nearly_certain_length_says_where_its_match_begins(
    pattern: str, steps: tuple[int, int] | None
) -> None:
    assert shape_of(pattern).steps == steps
