"""Hyperscan and the plain engine find the same."""

from __future__ import annotations

import random
from pathlib import Path

import hypothesis
import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.detect import Rule, Scanner
from pushwarden.detect.sample import sample
from pushwarden.detect.shape import shape_of
from pushwarden.detect.syntax import PatternError, parse
from pushwarden.model import ScanResult
from tests.detect.conftest import made_up, token
from tests.detect.shipping import plain_scanner

HEX = "0123456789abcdef"
BITS = [
    *(token(seed) for seed in range(3)),
    *(made_up(32, HEX, seed) for seed in range(3)),
    *(made_up(30, seed=seed) for seed in range(3)),
    "TKID" + made_up(12, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "test_secret = ", "test-secret:", "neighbour", "value = ", "VALUE='", "testservice", "other_service", "licence=", "key=",
    "-----BEGIN TEST KEY-----", "-----END TEST KEY-----", "_pw=", " ", "\n", "\n", "\r\n", "\t", "'", '"', "é", "tst_",
    "Test_Service", "token: ", "x", "0",
]  # fmt: skip


def seen(result: ScanResult) -> list[tuple[object, ...]]:
    return [(m.rule_id, m.span, m.secret.reveal(), m.confidence, m.decoded_from, m.snippet) for m in result.matches]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(BITS), max_size=40))
def test_both_engines_find_the_same_in_generated_text(plain: Scanner, fast: Scanner, parts: list[str]) -> None:
    data = "".join(parts).encode()

    assert seen(fast.scan(data, path=".testrc")) == seen(plain.scan(data, path=".testrc"))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_both_engines_find_the_same_in_bytes(plain: Scanner, fast: Scanner, data: bytes) -> None:
    data = data + token().encode() + data

    assert seen(fast.scan(data)) == seen(plain.scan(data))


def test_both_engines_find_the_same_in_every_example_of_every_rule_that_ships(shipped: Scanner) -> None:
    every = plain_scanner()
    texts = [example for rule in every.rules for example in (*rule.examples, *rule.counter_examples)]
    filler = Path(__file__).read_bytes()
    sample = random.Random(1).sample(texts, min(len(texts), 60))

    for example in sample:
        data = filler[:300] + b"\n" + example.text.encode() + b"\n" + filler[700:900]
        assert seen(shipped.scan(data, path=example.path)) == seen(every.scan(data, path=example.path)), example.text


def test_both_engines_find_the_same_in_text_made_up_for_every_pattern_that_ships(
    shipped: Scanner,
) -> None:
    every = plain_scanner()
    source = random.Random(11)
    patterns = [rule.pattern for rule in every.rules if rule.engine == "pattern"]
    names = [near.pattern for rule in every.rules for near in rule.near]
    for _ in range(12):
        parts = [
            sample(source.choice(patterns), source) + " " + sample(source.choice(names), source) for _ in range(60)
        ]
        data = "\n".join(parts).encode("latin-1")
        assert seen(shipped.scan(data)) == seen(every.scan(data))


def _pattern_rules() -> list[Rule]:
    return [rule for rule in plain_scanner().rules if rule.engine == "pattern"]


def _first_end(trigger: regex.Pattern[bytes], data: bytes, start: int, end: int) -> int | None:
    """The first end of a trigger in ``data[start:end]``.

    A trigger of a variable length has more ends than the one that `regex` gives from each of its starts, and
    hyperscan reports them all: each place is asked for itself.
    """
    ending = regex.compile(rb"(?:" + trigger.pattern + rb")\Z")
    return next((place for place in range(start + 1, end + 1) if ending.search(data, 0, place)), None)


def test_every_trigger_ends_inside_each_match_of_its_rule() -> None:
    for rule in _pattern_rules():
        shape = shape_of(rule.pattern)
        if shape.trigger is None:
            continue
        trigger, pattern = regex.compile(shape.trigger.encode()), regex.compile(shape.pattern.encode())
        for example in rule.examples:
            data = b"x = 1\n" + example.text.encode() + b"\ny = 2\n"
            for match in pattern.finditer(data):
                first = _first_end(trigger, data, match.start(), match.end())
                assert first is not None, rule.id
                assert first - match.start() <= shape.reach, rule.id
                assert match.end() - match.start() <= shape.width


ATOMS = st.sampled_from(
    ["a", "b", "[ab]", ".", r"\w", r"\s", "(?:a|bc)", "(?:ab|b{2})", r"\b", "(?<!a)", "(?!b)", "^", "$"]
)
QUANTIFIED = st.builds(
    lambda atom, quantifier: atom if atom in {r"\b", "(?<!a)", "(?!b)", "^", "$"} else atom + quantifier,
    ATOMS,
    st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,3}", "*?", "{2,}"]),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(QUANTIFIED, min_size=1, max_size=6), st.text(alphabet="abc \n", max_size=24))
@hypothesis.example(["$", r"\s"], "\n")
def test_a_trigger_of_any_pattern_ends_inside_each_of_its_matches(parts: list[str], text: str) -> None:
    pattern, data = "".join(parts), text.encode()
    shape = shape_of(pattern)
    if shape.trigger is None:
        return
    ends = {each.end() for each in regex.compile(shape.trigger.encode()).finditer(data, overlapped=True)}
    # A variable trigger has more ends than one from each start: hyperscan reports them all.
    ends |= {
        end for end in range(len(data) + 1) if regex.search(rb"(?:" + shape.trigger.encode() + rb")\Z", data[:end])
    }

    for match in regex.finditer(shape.pattern.encode(), data):
        if match.end() > match.start():
            assert any(match.start() < end <= min(match.end(), match.start() + shape.reach) for end in ends)


@settings(max_examples=300, deadline=None)
@given(st.lists(QUANTIFIED, min_size=1, max_size=6), st.text(alphabet="abc \n", max_size=24))
def test_bounding_endless_repeats_changes_no_short_match(parts: list[str], text: str) -> None:
    pattern, data = "".join(parts).encode(), text.encode()

    bounded = shape_of(pattern.decode()).pattern.encode()

    assert [m.span() for m in regex.finditer(bounded, data)] == [m.span() for m in regex.finditer(pattern, data)]


@pytest.mark.parametrize(
    "pattern", [r"\p{L}", r"(?R)", r"(?|a|b)", r"a(?i)b", r"[[:nothing:]]", r"(a", r"a)", r"[b-a]", r"*a", "a\\", r"\q"]
)
def test_what_is_not_part_of_the_language_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        parse(pattern)
