"""Triggers with alternatives: hyperscan must find them all, and misses some when they are one expression."""

from __future__ import annotations

import random
from bisect import bisect_right
from typing import TYPE_CHECKING

import hyperscan
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.detect import Scanner
from pushwarden.detect.branches import branches
from pushwarden.detect.ends import no_ends
from pushwarden.detect.multi import MultiEngine
from pushwarden.detect.sample import sample
from pushwarden.detect.shape import shape_of
from pushwarden.detect.sieve import scan_stretches
from tests.detect.test_engines import QUANTIFIED

if TYPE_CHECKING:
    from collections.abc import Sequence

FILLERS = (b"re_puozqinw_smwrdxsovi5upvrhnfqkvj value (and true) = [none]; x.y\n", b"\n", b" " * 40)


def ends_of(expressions: Sequence[str], data: bytes) -> set[int]:
    return {
        end
        for each in expressions
        for end in range(len(data) + 1)
        if regex.search(rb"(?:" + each.encode() + rb")\Z", data[:end])
    }


PARTS = st.lists(st.lists(QUANTIFIED, min_size=1, max_size=3).map("".join), min_size=2, max_size=4)


@settings(max_examples=150)
@given(PARTS, st.lists(QUANTIFIED, max_size=2).map("".join), st.text(alphabet="abc \n", max_size=12))
def test_alternatives_end_together_where_the_whole_ends(parts: list[str], tail: str, text: str) -> None:
    trigger = shape_of(f"(?:{'|'.join(parts)}){tail}").trigger
    if trigger is None:
        return

    assert ends_of(branches(trigger), text.encode()) == ends_of([trigger], text.encode())


def test_alternatives_of_one_length_stay_together() -> None:
    assert branches("(?:abc|def)x{1,9}") == ["(?:abc|def)x{1,9}"]
    assert len(branches("(?:abc{1,9}|def)x")) == 2


@pytest.mark.parametrize("before", [0, 20, 60])
def test_what_vectorscan_misses_in_one_expression_is_found(before: int) -> None:
    pattern = r"(?i)(?:acl_(?:master)?_?token|(?:consul|nomad)[\w.\-]{0,24}token)'   \((?P<secret>[a-f0-9]{8})"
    data = b"x" * before + b" acl_token'   (0f1e2d3c"
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    expressions = [each.encode() for each in branches(shape_of(pattern).trigger or "")]
    database.compile(expressions=expressions, ids=[0] * len(expressions), elements=len(expressions), flags=0)
    ends: list[int] = []

    database.scan(data, lambda _number, _start, end, _flags, _context: ends.append(end))

    assert ends


def test_hyperscan_finds_text_made_up_for_every_trigger_that_ships(shipped: Scanner) -> None:
    engine = shipped._kit.engine
    assert isinstance(engine, MultiEngine)
    source = random.Random(4)
    for layer, database in enumerate(engine.databases.layers):
        text, places = bytearray(), []
        for number, rule in enumerate(engine._rules):
            if rule.shape.trigger is None or rule.shape.layer != layer:
                continue
            for filler in FILLERS:
                text += filler
                begin = len(text)
                text += sample(rule.shape.trigger, source).encode("latin-1")
                places.append((number, begin, len(text)))
                text += b"\n"
        ends = no_ends()
        if database is not None:
            scan_stretches(database, bytes(text), [(0, len(text))], ends)
        for number, begin, end in places:
            found = sorted(ends[number])
            at = bisect_right(found, begin)
            if at == len(found) or found[at] > end:
                trigger = regex.compile(str(engine._rules[number].shape.trigger).encode())
                seen = [each.end() for each in trigger.finditer(bytes(text), begin - 1, end + 1, overlapped=True)]
                assert not [each for each in seen if begin < each <= end], engine._rules[number].name
