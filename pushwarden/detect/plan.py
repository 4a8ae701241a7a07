"""Everything that is worked out from rules before scanning, in a form that can be kept on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pushwarden.detect.compiled import CompiledRule, Matcher
from pushwarden.detect.decode import PROBES
from pushwarden.detect.generic import TRIGGERS
from pushwarden.detect.rule import Allow, Near, Pair, Rule, RuleSet, Service
from pushwarden.detect.service import families
from pushwarden.detect.shape import Shape
from pushwarden.model import Confidence


@dataclass(frozen=True)
class Plan:
    """Rules, the matchers that find them, and the probes that find places for decoders and for the judge."""

    rules: RuleSet
    matchers: tuple[Matcher, ...]
    probes: tuple[bytes, ...]
    judged: tuple[CompiledRule, ...]
    """The rules whose hits come from :mod:`pushwarden.detect.generic`; its probes stand behind those of the decoders."""


def make_plan(rules: RuleSet, shapes: Sequence[Shape] | None = None) -> Plan:
    """Work out how to find ``rules``.

    Args:
        rules: the rules.
        shapes: the shapes of the plan's matchers, if they are known from an earlier plan of the same rules.
    """
    patterned = [rule for rule in rules if rule.engine == "pattern"]
    known = iter(shapes) if shapes is not None else None
    single = [CompiledRule(rule, next(known) if known else None) for rule in patterned]
    services = [CompiledRule(rule, _NOTHING) for rule in rules if rule.service is not None]
    grouped = families(services, known)
    judged = [CompiledRule(rule, _NOTHING) for rule in rules if rule.engine == "judge"]
    return Plan(rules, (*single, *grouped), (*PROBES, *(TRIGGERS if judged else ())), tuple(judged))


_NOTHING = Shape("", 0, None, 0)


def dump(plan: Plan) -> bytes:
    """Return the plan as JSON, without the examples of its rules."""
    document = {
        "digest": plan.rules.digest,
        "rules": [_plain(rule) for rule in plan.rules],
        "shapes": [[s.pattern, s.width, s.trigger, s.reach] for s in (each.shape for each in plan.matchers)],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def load(raw: bytes) -> Plan:
    """Return the plan that :func:`dump` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is damaged.
    """
    document = json.loads(raw)
    rules = RuleSet([_rule(each) for each in document["rules"]], document["digest"])
    return make_plan(rules, [Shape(*each) for each in document["shapes"]])


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
