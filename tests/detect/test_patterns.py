"""Every rule that ships keeps its word, through the whole engine."""

from __future__ import annotations

import pytest
import regex

from pushwarden.detect import Rule, Scanner
from pushwarden.detect.check import check_rule
from pushwarden.detect.sample import service_example
from tests.detect.shipping import plain_scanner

RULES = list(plain_scanner().rules)


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_examples_are_found_and_counter_examples_are_not(shipped: Scanner, rule: Rule) -> None:
    assert [str(failure) for failure in check_rule(shipped, rule)] == []


def test_every_rule_links_to_what_it_knows_its_format_from() -> None:
    assert [rule.id for rule in RULES if rule.engine == "pattern" and not rule.references] == []


def test_no_example_is_used_twice() -> None:
    texts = [example.text for rule in RULES for example in rule.examples]

    assert len(texts) == len(set(texts))


SERVICES = [rule for rule in RULES if rule.service is not None]


@pytest.mark.parametrize("rule", SERVICES, ids=[rule.id for rule in SERVICES])
def test_a_made_up_key_of_each_service_is_found(shipped: Scanner, rule: Rule) -> None:
    example = service_example(rule)

    found = [
        each.rule_id
        for each in shipped.scan(example.text.encode()).matches
        if each.secret.reveal().decode() == example.secret
    ]

    # A rule of the same provider with a shape of its own may be surer.
    assert rule.id in found or any(shipped.rules.get(each).specificity > rule.specificity for each in found)


PREFIXED = [rule for rule in RULES if rule.cut_off is not None]


@pytest.mark.parametrize("rule", PREFIXED, ids=[rule.id for rule in PREFIXED])
def test_the_beginning_of_a_credential_is_no_finding(shipped: Scanner, rule: Rule) -> None:
    text = rule.examples[0].text.encode()
    whole = next(each.secret.reveal() for each in shipped.scan(text).matches if each.rule_id == rule.id)
    beginnings = [
        whole[:end] for end in range(4, len(whole) + 1) if regex.fullmatch(str(rule.cut_off).encode(), whole[:end])
    ]

    assert whole not in beginnings
    assert shipped.scan(b'token = "%s"\n' % max(beginnings, key=len), path="app.py").matches == ()
