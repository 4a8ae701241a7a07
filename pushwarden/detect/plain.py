"""The reference engine: every rule over the whole content with :mod:`regex` alone. Slow, and obviously right."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from pushwarden.detect.compiled import CompiledRule, RawHit

RULE_SECONDS: Final = 1.0
"""Longest time that one rule may take on one piece of content."""


@dataclass(slots=True)
class Found:
    """What an engine found in one piece of content."""

    hits: list[RawHit] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    """Ids of rules that ran out of time."""


class Engine(Protocol):
    """Finds the places where rules match."""

    name: str

    def find(self, data: bytes, deadline: float | None) -> Found:
        """Return all matches of all rules in ``data``, as far as the time until ``deadline`` allows."""


def seconds_left(deadline: float | None) -> float:
    """Return the time for the next expression in seconds: at most RULE_SECONDS, and never zero."""
    if deadline is None:
        return RULE_SECONDS
    return max(1e-3, min(RULE_SECONDS, deadline - time.monotonic()))


class PlainEngine:
    """Tries every rule on everything."""

    name = "plain"

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self._rules = tuple(rules)

    def find(self, data: bytes, deadline: float | None) -> Found:
        """Return all matches of all rules in ``data``."""
        found = Found()
        for rule in self._rules:
            try:
                found.hits += map(rule.hit, rule.expression.finditer(data, timeout=seconds_left(deadline)))
            except TimeoutError:
                found.slow.append(rule.rule.id)
        return found
