"""The fast engine: one pass of one hyperscan database over the bytes, then :mod:`regex` around the places it names.

Hyperscan (https://intel.github.io/hyperscan/dev-reference/) reports for each trigger where it ends. By
:mod:`pushwarden.detect.shape`, every match of a rule holds the end of one of its triggers, not far behind its start; so a
search of the bytes around the ends gives exactly what a search of everything gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

import hyperscan

from pushwarden.detect.compiled import CompiledRule, RawHit
from pushwarden.detect.context import CONTEXT_BYTES, context_bounds
from pushwarden.detect.plain import Found, search, seconds_left

_BY_ID: Final = itemgetter(0)


class MultiEngine:
    """Hyperscan first, :mod:`regex` where it points. Use one per thread."""

    name = "hyperscan"

    def __init__(self, rules: Sequence[CompiledRule], probes: Sequence[bytes], database: hyperscan.Database) -> None:
        """Make an engine.

        Args:
            rules: the rules.
            probes: expressions whose places the caller asks for, besides those of the rules.
            database: what :func:`compile_database` made of the same rules and probes.
        """
        self._rules = tuple(rules)
        self._always = tuple(rule for rule in rules if rule.shape.trigger is None)
        self._probes = len(probes)
        self.database = database
        """The compiled triggers and probes."""

    def find(self, data: bytes, deadline: float | None, path: str = "") -> Found:
        """Return all matches of the rules for a file at ``path``, and where the probes end."""
        ends: list[tuple[int, int]] = []
        append = ends.append
        self.database.scan(data, lambda number, _start, end, _flags, _context: append((number, end)))
        found = Found()
        if ends:
            self._confirm(data, ends, found, deadline)
        for rule in self._always:
            if rule.takes_path(path):
                search(rule, data, found, deadline)
        return found

    def _confirm(self, data: bytes, ends: list[tuple[int, int]], found: Found, deadline: float | None) -> None:
        ends.sort()
        rules = len(self._rules)
        for number, group in groupby(ends, _BY_ID):
            places = [end for _, end in group]
            if number >= rules:
                found.probes[number - rules] = places
                continue
            rule = self._rules[number]
            try:
                confirm(rule, data, places, found.hits, deadline)
            except TimeoutError:
                found.slow.append(rule.name)


def confirm(rule: CompiledRule, data: bytes, ends: list[int], hits: list[RawHit], deadline: float | None) -> None:
    """Add the matches of ``rule`` that hold one of the ``ends`` of its trigger (ascending).

    Raises:
        TimeoutError: the expression took too long.
    """
    shape = rule.shape
    if shape.lines is not None:
        confirm_near(rule, data, ends, hits, deadline)
        return
    floor, at, count = 0, 0, len(ends)
    while at < count:
        first = last = ends[at]
        at += 1
        while at < count and ends[at] - last <= shape.width:
            last = ends[at]
            at += 1
        if last <= floor:
            continue
        begin = max(floor, first - shape.reach)
        for match in rule.expression.finditer(data, begin, last + shape.width, timeout=seconds_left(deadline)):
            if match.start() >= last:
                break
            floor = match.end()
            hits.append(rule.hit(match))


def confirm_near(rule: CompiledRule, data: bytes, ends: list[int], hits: list[RawHit], deadline: float | None) -> None:
    """Add the matches of ``rule`` on the lines around ``ends``, where the context of the rule stands.

    Raises:
        TimeoutError: the expression took too long.
    """
    floor, width, lines = 0, rule.shape.width, rule.shape.lines or 0
    regions: list[tuple[int, int]] = []
    seen = -1
    for end in ends:
        if end <= seen:
            continue  # On the line of the one before: the same context.
        low, high = context_bounds(data, max(0, end - 1), end, lines)
        seen = data.find(b"\n", end, high) if high - end < CONTEXT_BYTES else -1
        low, high = max(0, low - width), high + width
        if regions and low <= regions[-1][1]:
            regions[-1] = (regions[-1][0], max(high, regions[-1][1]))
        else:
            regions.append((low, high))
    for low, high in regions:
        for match in rule.expression.finditer(data, max(floor, low), high, timeout=seconds_left(deadline)):
            floor = match.end()
            hits.append(rule.hit(match))


def compile_database(rules: Sequence[CompiledRule], probes: Sequence[bytes]) -> hyperscan.Database:
    """Compile the triggers of ``rules`` and the ``probes`` into one database.

    Raises:
        hyperscan.error: an expression cannot be compiled.
    """
    numbered = [(number, rule.shape.trigger) for number, rule in enumerate(rules) if rule.shape.trigger is not None]
    expressions = [trigger.encode() for _, trigger in numbered] + list(probes)
    numbers = [number for number, _ in numbered] + [len(rules) + index for index in range(len(probes))]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=expressions, ids=numbers, elements=len(expressions), flags=0)
    return database
