"""The reference engine: every rule over the whole content with :mod:`regex` alone. Slow, and obviously right."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

import regex

from pushwarden.detect.compiled import CompiledRule, RawHit
from pushwarden.detect.ends import DenseError
from pushwarden.detect.reach import Reach

RULE_SECONDS: Final = 1.0
"""Longest time that one rule may take on one piece of content."""


HITS_MOST: Final = 1 << 18
"""Places that are kept of one piece of content: 60 MB."""


class Hits(list[RawHit]):
    """Places where rules match, not more than HITS_MOST."""

    def append(self, hit: RawHit, /) -> None:
        """Add a place.

        Raises:
            DenseError: there are enough.
        """
        if len(self) >= HITS_MOST:
            raise DenseError
        super().append(hit)


@dataclass(slots=True)
class Found:
    """What an engine found in one piece of content."""

    hits: Hits = field(default_factory=Hits)
    dense: bool = False
    """There is more than was looked at."""
    slow: list[str] = field(default_factory=list)
    """Names of rules that ran out of time."""
    probes: dict[int, Sequence[int]] = field(default_factory=dict)
    """Where each probe ends, ascending, by its number."""


class Engine(Protocol):
    """Finds the places where rules match."""

    name: str
    knows_reach: bool
    """Whether :meth:`find` fills ``reach``."""

    def finds_wide(self, data: bytes, deadline: float | None, path: str) -> bool:
        """Tell whether a rule matches of which :meth:`find` notes no reach."""

    def find(self, data: bytes, deadline: float | None, path: str = "", reach: Reach | None = None) -> Found:
        """Return the matches of the rules in ``data``, as far as the time until ``deadline`` allows.

        Rules that do not apply to a file at ``path`` may be left out. An engine that can tell fills ``reach``.
        """


def seconds_left(deadline: float | None) -> float:
    """Return the time for the next expression in seconds: at most RULE_SECONDS, and never zero."""
    if deadline is None:
        return RULE_SECONDS
    return max(1e-3, min(RULE_SECONDS, deadline - time.monotonic()))


def search(rule: CompiledRule, data: bytes, found: Found, deadline: float | None) -> None:
    """Add all matches of ``rule`` in ``data`` to ``found``."""
    try:
        for match in rule.expression.finditer(data, timeout=seconds_left(deadline)):
            found.hits.append(rule.hit(match))
    except TimeoutError:
        found.slow.append(rule.name)


_PROBED_MOST: Final = 1 << 21


class PlainEngine:
    """Tries every rule on everything."""

    name = "plain"
    knows_reach = False

    def __init__(self, rules: Sequence[CompiledRule], probes: Sequence[bytes] = ()) -> None:
        self._rules = tuple(rules)
        self._probes = tuple(regex.compile(each) for each in probes)

    def finds_wide(self, data: bytes, deadline: float | None, path: str) -> bool:
        """Tell whether any rule matches: of none is noted how far it looks."""
        return bool(self.find(data, deadline, path).hits)

    def find(self, data: bytes, deadline: float | None, path: str = "", reach: Reach | None = None) -> Found:
        """Return all matches of the rules for a file at ``path``, and where the probes end."""
        del reach  # every rule looks at everything
        found = Found()
        try:
            for rule in self._rules:
                if rule.takes_path(path):
                    search(rule, data, found, deadline)
        except DenseError:
            found.dense = True
        for number, probe in enumerate(self._probes):
            ends = {each.end() for each in islice(probe.finditer(data, overlapped=True), _PROBED_MOST)}
            if ends:
                found.probes[number] = sorted(ends)
            found.dense |= len(ends) == _PROBED_MOST
        return found
