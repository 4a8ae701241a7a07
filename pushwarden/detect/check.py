"""Do the rules keep their word? Every example goes through the whole engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pushwarden.detect.rule import Example, Rule
from pushwarden.detect.scanner import Scanner
from pushwarden.model import Match


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that does not do what it should."""

    rule_id: str
    source: str
    """``file:line`` of the rule."""
    number: int
    """Which example, from 1."""
    problem: str

    def __str__(self) -> str:
        return f"{self.source}: {self.rule_id}: {self.problem}"


def check_rules(scanner: Scanner, rules: Iterable[Rule]) -> list[Failure]:
    """Run the examples and counter-examples of ``rules``; return what went wrong."""
    return [failure for rule in rules for failure in check_rule(scanner, rule)]


def check_rule(scanner: Scanner, rule: Rule) -> list[Failure]:
    """Run one rule's examples and counter-examples; return what went wrong."""
    failures: list[Failure] = []
    for number, example in enumerate(rule.examples, start=1):
        problem = missed(scanner, rule, example)
        if problem:
            failures.append(Failure(rule.id, rule.source, number, f"example {number} {problem}"))
    for number, example in enumerate(rule.counter_examples, start=1):
        hits = _hits(scanner, rule, example)
        if hits:
            failures.append(Failure(rule.id, rule.source, number, f"counter-example {number} gives a finding"))
    return failures


def missed(scanner: Scanner, rule: Rule, example: Example) -> str:
    """Return why ``example`` does not give the finding it should, or nothing."""
    result = scanner.scan(_bytes(example.text), path=example.path)
    hits = [each for each in result.matches if each.rule_id == rule.id]
    if not hits:
        others = sorted({each.rule_id for each in result.matches})
        return "gives no finding" + (f" of this rule, but of {', '.join(others)}" if others else "")
    if example.secret is not None and all(each.secret.reveal() != _bytes(example.secret) for each in hits):
        return "gives a finding, but captures another secret than it says"
    if example.decoded_from is not None and all(each.decoded_from != example.decoded_from for each in hits):
        return f"is found, but not as decoded from {', '.join(example.decoded_from) or 'nothing'}"
    return ""


def _hits(scanner: Scanner, rule: Rule, example: Example) -> list[Match]:
    return [each for each in scanner.scan(_bytes(example.text), path=example.path).matches if each.rule_id == rule.id]


def _bytes(text: str) -> bytes:
    return text.encode()
