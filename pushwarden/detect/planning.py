"""Work out from rules how to find them: once for a set of rules, because it takes a second."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pushwarden.detect.compiled import NEVER, NOTHING, CompiledRule
from pushwarden.detect.decode import AMONG_RUNS, PROBES
from pushwarden.detect.form import Shape
from pushwarden.detect.generic import TRIGGERS
from pushwarden.detect.layers import MARGIN, RUN, Layer
from pushwarden.detect.needs import worth
from pushwarden.detect.paths import globs_of, looks_at_paths
from pushwarden.detect.plan import Plan
from pushwarden.detect.rule import Rule, RuleSet
from pushwarden.detect.service import is_assigned, name_pattern
from pushwarden.detect.shape import context_needs, shape_of
from pushwarden.detect.sharing import share_out

_SOLID_ENOUGH: Final = 2
_SOLID_CONTEXT: Final = 3
_SOLID_PLENTY: Final = 4
_SOLID_AMONG_RUNS: Final = 3
"""There hyperscan meets fewer bytes, and words like those of a context stand in many places."""
_COMMON: Final = re.compile(r"(?i)(?<![a-z])(?:token|key|secret|o?auth|api|pass|bearer|user|http|x\\\.com)")
"""Words that code is full of: context that names one is no short cut, unless it must begin a line."""


def make_plan(rules: RuleSet) -> Plan:
    """Work out how to find ``rules``."""
    patterned = [rule for rule in rules if rule.engine == "pattern"]
    matchers = tuple(map(CompiledRule, patterned, share_out(_shape, patterned)))
    services = tuple(CompiledRule(rule, NOTHING) for rule in rules if rule.service is not None)
    judged = tuple(CompiledRule(rule, NOTHING) for rule in rules if rule.engine == "judge")
    probes = _probes(services, judged)
    return Plan(
        rules=rules,
        matchers=matchers,
        services=services,
        judged=judged,
        untriggered=tuple(number for number, each in enumerate(matchers) if each.shape.trigger is None),
        probes=probes,
        layers=_layers(services, len(probes)),
        cut_off=tuple(rule.cut_off for rule in rules if rule.cut_off),
        by_keyword=any(rule.keywords for rule in rules),
        globs=globs_of(rules),
        by_path=looks_at_paths(rules),
    )


def _judge_probes() -> tuple[bytes, ...]:
    # They are written for hyperscan and end where a value shows itself: nothing is cut off.
    return TRIGGERS


def _shape(rule: Rule) -> Shape:
    """Return the shape of a rule; what has no certain bytes of its own is looked for where its context stands."""
    own = _alone(rule)
    asked = (context_needs(each.pattern) for each in rule.near)
    return replace(own, nearby=max((each for each in asked if each is not None), key=worth, default=None))


def _alone(rule: Rule) -> Shape:
    """Return the shape of a rule without what its context asks for."""
    own = shape_of(rule.pattern)
    if rule.include and own.solid < _SOLID_PLENTY:
        # Without much that is certain a trigger slows every file down; a rule for a few files is better tried on those alone.
        return replace(own, trigger=None)
    among_runs = own.run >= RUN and own.width <= MARGIN and own.trigger is not None
    if own.solid < (_SOLID_AMONG_RUNS if among_runs else _SOLID_PLENTY):
        rare = [each for each in rule.near if "^" in each.pattern or not _COMMON.search(each.pattern)]
        others = [(shape_of(near.pattern), near.lines) for near in (rare if among_runs or rare else rule.near)]
        other, lines = max(others, key=lambda each: each[0].solid, default=(own, 0))
        least = _SOLID_CONTEXT if own.solid < _SOLID_ENOUGH else own.solid + _SOLID_ENOUGH
        if other.solid > own.solid and other.solid >= least and (rare or own.solid < _SOLID_ENOUGH):
            return replace(own, trigger=other.trigger, lines=lines, trigger_near=other.trigger_near)
    return replace(own, layer=int(Layer.RUNS)) if among_runs else own


def _probes(services: Sequence[CompiledRule], judged: Sequence[CompiledRule]) -> tuple[bytes, ...]:
    names = (shape_of(name_pattern(each.rule.service)).trigger for each in services if each.rule.service is not None)
    return (*((name or NEVER).encode() for name in names), *PROBES, *(_judge_probes() if judged else ()))


def _layers(services: Sequence[CompiledRule], probes: int) -> tuple[int, ...]:
    named = [
        Layer.NAMED if each.rule.service is not None and is_assigned(each.rule.service) else Layer.EVERYWHERE
        for each in services
    ]
    encoded = [Layer.RUNS if number in AMONG_RUNS else Layer.EVERYWHERE for number in range(len(PROBES))]
    rest = probes - len(named) - len(encoded)
    return (*map(int, named), *map(int, encoded), *(int(Layer.EVERYWHERE) for _ in range(rest)))
