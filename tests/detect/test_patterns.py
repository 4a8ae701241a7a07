"""Every rule that ships keeps its word, through the whole engine."""

from __future__ import annotations

import pytest

from pushwarden.detect import Rule, Scanner, load_scanner
from pushwarden.detect.check import check_rule
from pushwarden.detect.service import value_pattern

RULES = list(load_scanner(engine="plain").rules)


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_examples_are_found_and_counter_examples_are_not(shipped: Scanner, rule: Rule) -> None:
    assert [str(failure) for failure in check_rule(shipped, rule)] == []


def test_every_rule_links_to_what_it_knows_its_format_from() -> None:
    assert [rule.id for rule in RULES if rule.engine == "pattern" and not rule.references] == []


def test_no_example_is_used_twice() -> None:
    texts = [example.text for rule in RULES for example in rule.examples]

    assert len(texts) == len(set(texts))


def test_every_service_has_a_value_that_can_be_made() -> None:
    assert all(value_pattern(rule.service.shape) for rule in RULES if rule.service is not None)
