"""Everything that is worked out from rules before scanning, in a form that can be kept on disk."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pushwarden.detect.compiled import NEVER, NOTHING, CompiledRule
from pushwarden.detect.decode import AMONG_RUNS, PROBES
from pushwarden.detect.generic import TRIGGERS
from pushwarden.detect.layers import MARGIN, RUN, Layer
from pushwarden.detect.needs import Needs
from pushwarden.detect.rule import Allow, Near, Pair, Rule, RuleSet, Service
from pushwarden.detect.service import is_assigned, name_pattern
from pushwarden.detect.shape import Shape, context_needs, shape_of
from pushwarden.model import Confidence

_SOLID_ENOUGH: Final = 2
_SOLID_CONTEXT: Final = 3
_SOLID_PLENTY: Final = 4
_COMMON: Final = re.compile(r"(?i)(?<![a-z])(?:token|key|secret|o?auth|api|pass|bearer|user|http|x\\\.com)")
"""Words that code is full of: context that names one is no short cut, unless it must begin a line."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules, the matchers that find them, and the probes that find places to look closer at."""

    rules: RuleSet
    matchers: tuple[CompiledRule, ...]
    services: tuple[CompiledRule, ...]
    """Rules that are found by the name of a service; they own the first probes."""
    judged: tuple[CompiledRule, ...]
    """Rules whose hits come from :mod:`pushwarden.detect.generic`; its probes are the last."""
    probes: tuple[bytes, ...]
    """One for each service, then those of the decoders, then those of the judge."""
    layers: tuple[int, ...]
    """Where each probe is tried: a :class:`pushwarden.detect.layers.Layer`."""


def make_plan(rules: RuleSet, shapes: Sequence[Shape] | None = None, probes: Sequence[str] | None = None) -> Plan:
    """Work out how to find ``rules``.

    Args:
        rules: the rules.
        shapes: the shapes of the matchers, where an earlier plan of the same rules knows them.
        probes: the probes, likewise.
    """
    patterned = [rule for rule in rules if rule.engine == "pattern"]
    known = shapes if shapes is not None else [_shape(rule) for rule in patterned]
    services = tuple(CompiledRule(rule, NOTHING) for rule in rules if rule.service is not None)
    judged = tuple(CompiledRule(rule, NOTHING) for rule in rules if rule.engine == "judge")
    wanted = tuple(each.encode() for each in probes) if probes is not None else _probes(services, judged)
    return Plan(
        rules=rules,
        matchers=tuple(CompiledRule(rule, shape) for rule, shape in zip(patterned, known, strict=True)),
        services=services,
        judged=judged,
        probes=wanted,
        layers=_layers(services, len(wanted)),
    )


def _judge_probes() -> tuple[bytes, ...]:
    # They are written for hyperscan and end where a value shows itself: nothing is cut off.
    return TRIGGERS


def _shape(rule: Rule) -> Shape:
    """Return the shape of a rule; what has no certain bytes of its own is looked for where its context stands."""
    own = _alone(rule)
    asked = (context_needs(each.pattern) for each in rule.near)
    return replace(own, nearby=max((each for each in asked if each is not None), key=Needs.worth, default=None))


def _alone(rule: Rule) -> Shape:
    """Return the shape of a rule without what its context asks for."""
    own = shape_of(rule.pattern)
    if rule.include and own.solid < _SOLID_PLENTY:
        # Without much that is certain a trigger slows every file down; a rule for a few files is better tried on those alone.
        return replace(own, trigger=None)
    among_runs = own.run >= RUN and own.width <= MARGIN and own.trigger is not None
    if own.solid < _SOLID_PLENTY:
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


def dump(plan: Plan) -> bytes:
    """Return the plan as JSON, without the examples of its rules."""
    document = {
        "digest": plan.rules.digest,
        "notes": plan.rules.notes,
        "rules": [_plain(rule) for rule in plan.rules],
        "shapes": [_shape_plain(each.shape) for each in plan.matchers],
        "probes": [each.decode() for each in plan.probes],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def load(raw: bytes) -> Plan:
    """Return the plan that :func:`dump` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is damaged.
    """
    document = json.loads(raw)
    rules = RuleSet([_rule(each) for each in document["rules"]], document["digest"], document["notes"])
    return make_plan(rules, [_shape_again(each) for each in document["shapes"]], document["probes"])


def _shape_plain(shape: Shape) -> dict[str, Any]:
    plain = asdict(replace(shape, needs=None, nearby=None))
    for name, needs in (("needs", shape.needs), ("nearby", shape.nearby)):
        if needs is not None:
            plain[name] = ([each.decode("latin-1") for each in needs.texts], needs.folded)
    return {name: value for name, value in plain.items() if value is not None}


def _shape_again(plain: dict[str, Any]) -> Shape:
    for name in plain.keys() & {"needs", "nearby"}:
        texts, folded = plain[name]
        plain[name] = Needs(tuple(each.encode("latin-1") for each in texts), folded)
    return Shape(**{"trigger": None, **_tuples(plain)})


def _plain(rule: Rule) -> dict[str, Any]:
    plain = asdict(rule)
    del plain["examples"], plain["counter_examples"]
    return {key: value for key, value in plain.items() if value not in (None, (), [])}


def _rule(plain: dict[str, Any]) -> Rule:
    made: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
    made["confidence"] = Confidence(plain["confidence"])
    if "checksum_fail" in plain:
        made["checksum_fail"] = Confidence(plain["checksum_fail"])
    if "near" in plain:
        made["near"] = tuple(Near(**each) for each in plain["near"])
    if "allow" in plain:
        made["allow"] = tuple(Allow(**_tuples(each)) for each in plain["allow"])
    if "service" in plain:
        made["service"] = Service(**_tuples(plain["service"]))
    if pair := plain.get("pair"):
        confidence = pair["confidence"]
        made["pair"] = Pair(**{**pair, "confidence": None if confidence is None else Confidence(confidence)})
    return Rule(**made)


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
