"""The fast engine: hyperscan over the bytes, then :mod:`regex` around the places it names.

Hyperscan (https://intel.github.io/hyperscan/dev-reference/) reports for each trigger where it ends. By
:mod:`pushwarden.detect.shape`, every match of a rule holds the end of one of its triggers, not far behind its start; so a
search of the bytes around the ends gives exactly what a search of everything gives. By :mod:`pushwarden.detect.sieve`, half of
the triggers are tried only around places that two gates find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import hyperscan

from pushwarden.detect.compiled import CompiledRule
from pushwarden.detect.context import CONTEXT_BYTES, context_bounds
from pushwarden.detect.ends import DenseError, Ends, in_order, no_ends
from pushwarden.detect.form import Shape
from pushwarden.detect.globs import glob_pattern
from pushwarden.detect.plain import Found, Hits, search, seconds_left
from pushwarden.detect.reach import Reach
from pushwarden.detect.sieve import around_runs, around_values, collect, scan_stretches


@dataclass(frozen=True, slots=True)
class Databases:
    """Compiled triggers and probes, one database for each layer."""

    layers: tuple[hyperscan.Database | None, ...]
    """By the number of the layer; None where nothing is in it."""
    run_gate: hyperscan.Database
    wide: hyperscan.Database | None = None
    """Once more the triggers that are wider than what is looked at around a change."""


class MultiEngine:
    """Hyperscan first, :mod:`regex` where it points. Use one per thread."""

    name = "hyperscan"
    knows_reach = True

    def __init__(
        self, rules: Sequence[CompiledRule], untriggered: Sequence[int], probes: int, databases: Databases
    ) -> None:
        """Make an engine.

        Args:
            rules: the rules; those that no trigger points to are not asked for.
            untriggered: numbers of those that have no trigger.
            probes: how many expressions there are whose places the caller asks for, besides those of the rules.
            databases: what :mod:`pushwarden.detect.triggers` made of the same rules and probes.
        """
        self._rules = rules
        self._always = tuple(rules[number] for number in untriggered)
        self._paths = glob_pattern(each for rule in self._always for each in rule.rule.include or ("**",))
        self._gate = len(rules) + probes
        self._everywhere, self._runs, self._named = databases.layers
        self._run_gate = databases.run_gate
        self._wide = databases.wide
        self.databases = databases
        """The compiled triggers and probes."""

    def find(self, data: bytes, deadline: float | None, path: str = "", reach: Reach | None = None) -> Found:
        """Return all matches of the rules for a file at ``path``, and where the probes end.

        Args:
            data: the content.
            deadline: a value of :func:`time.monotonic`.
            path: the file's path.
            reach: where to note how far the rules looked.
        """
        found, ends = Found(), no_ends()
        try:
            self._collect(data, ends, reach)
        except DenseError:
            found.dense = True
            ends.pop(self._gate, None)
        try:
            if ends:
                if reach is not None:
                    reach.triggers(self._rules, data, ends)
                self._confirm(data, ends, found, deadline, path, every=reach is not None)
            # They are for a few files: mostly, one look at the path is all that they cost.
            for rule in self._always if self._paths.fullmatch(path) else ():
                if rule.takes_path(path):
                    search(rule, data, found, deadline)
        except DenseError:
            found.dense = True
        return found

    def _collect(self, data: bytes, ends: Ends, reach: Reach | None) -> None:
        """Add where the triggers and probes end.

        Raises:
            DenseError: there are too many places; the first ones were added.
        """
        if self._everywhere is not None:
            collect(self._everywhere, data, ends)
        if self._runs is not None and (stretches := around_runs(data, self._run_gate)):
            scan_stretches(self._runs, data, stretches, ends)
        if places := ends.pop(self._gate, None):
            self._name(data, in_order(places), ends, reach)

    def finds_wide(self, data: bytes, deadline: float | None, path: str) -> bool:
        """Tell whether a rule matches over line breaks whose trigger is wide, or which has none."""
        found, ends = Found(), no_ends()
        try:
            if self._wide is not None:
                collect(self._wide, data, ends)
            if ends:
                self._confirm(data, ends, found, deadline, path, every=True)
            for rule in self._always if self._paths.fullmatch(path) else ():
                if rule.takes_path(path) and not rule.shape.near:
                    search(rule, data, found, deadline)
        except DenseError:
            return True
        return bool(found.hits or found.slow)

    def _confirm(
        self, data: bytes, ends: Ends, found: Found, deadline: float | None, path: str, *, every: bool
    ) -> None:
        rules = len(self._rules)
        for number in sorted(ends):
            if number >= rules:
                found.probes[number - rules] = in_order(ends.pop(number))
                continue
            rule = self._rules[number]
            if not rule.takes_path(path):
                continue
            try:
                confirm(rule, data, in_order(ends[number]), found.hits, deadline, every=every)
            except TimeoutError:
                found.slow.append(rule.name)

    def _name(self, data: bytes, places: Sequence[int], ends: Ends, reach: Reach | None) -> None:
        """Add what is tried around long values given to a telling name."""
        if self._named is not None:
            stretches = around_values(data, places)
            scan_stretches(self._named, data, stretches, ends)
            if reach is not None:
                reach.looked += stretches


def confirm(
    rule: CompiledRule,
    data: bytes,
    ends: Sequence[int],
    hits: Hits,
    deadline: float | None,
    *,
    every: bool = False,
) -> None:
    """Add the matches of ``rule`` that hold one of the ``ends`` of its trigger (ascending).

    Args:
        rule: the rule.
        data: the content.
        ends: where its trigger ends.
        hits: where to add.
        deadline: a value of :func:`time.monotonic`.
        every: add those as well that will be dropped for want of their context.

    Raises:
        DenseError: there are too many.
        TimeoutError: the expression took too long.
    """
    shape = rule.shape
    if shape.lines is not None:
        confirm_near(rule, data, ends, hits, deadline)
        return
    width, steps, finditer = shape.width, shape.steps, rule.expression.finditer
    floor, at, count = 0, 0, len(ends)
    while at < count:
        opening, first = at, ends[at]
        last = first
        at += 1
        while at < count and ends[at] - last <= width:
            last = ends[at]
            at += 1
        if last <= floor:
            continue
        if steps is not None and width * shape.ways <= _SURE and last - first >= (at - opening - 1) * _SPARSE:
            floor = _confirm_at(rule, data, ends[opening:at], floor, hits)
            continue
        begin, end = max(floor, first - shape.reach), last + width
        if _lacks(shape, data, begin, end, every=every):
            continue
        # Asking for a time-out takes as long as most searches do.
        patience = seconds_left(deadline) if (end - begin) * shape.ways > _SURE else None
        for match in finditer(data, begin, end, timeout=patience):
            if match.start() >= last:
                break
            floor = match.end()
            hits.append(rule.hit(match))


def _lacks(shape: Shape, data: bytes, begin: int, end: int, *, every: bool) -> bool:
    """Tell whether something is missing in ``data[begin:end]`` or around it without which no match there counts."""
    needs, nearby = shape.needs, shape.nearby
    if needs is not None and not needs.met(data, begin, end):
        return True
    if every or nearby is None:
        return False
    return not nearby.met(data, max(0, begin - CONTEXT_BYTES), end + CONTEXT_BYTES)


def _confirm_at(rule: CompiledRule, data: bytes, ends: Iterable[int], floor: int, hits: Hits) -> int:
    """Add the matches that begin just so far before one of the ``ends``, from ``floor`` on; return where the last one ends."""
    least, most = rule.shape.steps or (0, 0)
    width, match = rule.shape.width, rule.expression.match
    done = floor
    for end in ends:
        for start in range(max(floor, done, end - most), end - least + 1):
            done = start + 1
            found = match(data, start, start + width)
            if found is not None:
                floor = found.end()
                hits.append(rule.hit(found))
                break
    return floor


_SPARSE: Final = 16
"""Bytes from one end to the next, on average: where they are closer, one search is quicker than many."""
_SURE: Final = 1 << 20
"""Ways to try that take no time worth stopping: a few milliseconds."""


def confirm_near(rule: CompiledRule, data: bytes, ends: Sequence[int], hits: Hits, deadline: float | None) -> None:
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
    body = rule.body
    for low, high in regions:
        if body is not None and body.search(data, low, high) is None:
            continue
        if _lacks(rule.shape, data, low, high, every=True):  # the context is there
            continue
        patience = seconds_left(deadline) if (high - low) * rule.shape.ways > _SURE else None
        for match in rule.expression.finditer(data, max(floor, low), high, timeout=patience):
            floor = match.end()
            hits.append(rule.hit(match))
