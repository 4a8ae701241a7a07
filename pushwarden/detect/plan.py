"""Everything that is worked out from rules before scanning, in a form that can be kept on disk.

On disk a plan is lines of JSON: one about all rules, and one for each rule, which is read when the rule is first asked for.
Most starts ask for a few of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar, overload

from pushwarden.detect.compiled import NOTHING, CompiledRule
from pushwarden.detect.form import Needs, Shape
from pushwarden.detect.rule import Allow, Near, Pair, Rule, RuleSet, Service
from pushwarden.model import Confidence

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules, the matchers that find them, and the probes that find places to look closer at."""

    rules: RuleSet
    matchers: Sequence[CompiledRule]
    services: Sequence[CompiledRule]
    """Rules that are found by the name of a service; they own the first probes."""
    judged: Sequence[CompiledRule]
    """Rules whose hits come from :mod:`pushwarden.detect.generic`; its probes are the last."""
    untriggered: tuple[int, ...]
    """Numbers of the matchers that have no trigger."""
    probes: tuple[bytes, ...]
    """One for each service, then those of the decoders, then those of the judge."""
    layers: tuple[int, ...]
    """Where each probe is tried: a :class:`pushwarden.detect.layers.Layer`."""
    cut_off: tuple[str, ...]
    """The patterns :attr:`Rule.cut_off` of all rules."""
    by_keyword: bool
    """Whether a rule asks for :attr:`Rule.keywords`."""
    globs: tuple[str, ...]
    """The globs over paths of all rules."""
    by_path: bool
    """Whether a rule looks at paths in another way, too."""


class Lazily(Sequence[Made]):
    """A sequence whose items are made at their first use."""

    def __init__(self, count: int, make: Callable[[int], Made]) -> None:
        self._made: list[Made | None] = [None] * count
        self._make = make

    def __len__(self) -> int:
        return len(self._made)

    @overload
    def __getitem__(self, index: int) -> Made: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Made]: ...
    def __getitem__(self, index: int | slice) -> Made | Sequence[Made]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        made = self._made[index]
        if made is None:
            made = self._made[index] = self._make(index)
        return made


def dump(plan: Plan) -> bytes:
    """Return the plan as lines of JSON, without the examples of its rules."""
    numbers = {rule.id: number for number, rule in enumerate(plan.rules)}
    head = {
        "digest": plan.rules.digest,
        "notes": plan.rules.notes,
        "ids": [*numbers],
        **{name: [numbers[each.rule.id] for each in getattr(plan, name)] for name in _GROUPS},
        "untriggered": plan.untriggered,
        "probes": [each.decode() for each in plan.probes],
        "layers": plan.layers,
        "cut_off": plan.cut_off,
        "by_keyword": plan.by_keyword,
        "globs": plan.globs,
        "by_path": plan.by_path,
    }
    shapes = {each.rule.id: _shape_plain(each.shape) for each in plan.matchers}
    lines = [head, *([_plain(rule), shapes.get(rule.id)] for rule in plan.rules)]
    return b"\n".join(json.dumps(each, separators=(",", ":")).encode() for each in lines)


_GROUPS = ("matchers", "services", "judged")


def load(raw: bytes) -> Plan:
    """Return the plan that :func:`dump` wrote.

    Raises:
        ValueError, KeyError, TypeError: its first line is damaged, or a line is missing. Damage to a rule shows where it is
            asked for, so the caller must know that there is none.
    """
    first, *lines = raw.split(b"\n")
    head = json.loads(first)
    ids = head["ids"]
    if len(lines) != len(ids):
        raise ValueError(f"it holds {len(lines)} rules, not {len(ids)}")
    stored = Lazily(len(ids), lambda number: _stored(lines[number]))
    rules = RuleSet(Lazily(len(ids), lambda number: stored[number].rule), head["digest"], head["notes"], ids)
    matchers, services, judged = (_some(stored, head[name]) for name in _GROUPS)
    return Plan(
        rules=rules,
        matchers=matchers,
        services=services,
        judged=judged,
        untriggered=tuple(head["untriggered"]),
        probes=tuple(each.encode() for each in head["probes"]),
        layers=tuple(head["layers"]),
        cut_off=tuple(head["cut_off"]),
        by_keyword=head["by_keyword"],
        globs=tuple(head["globs"]),
        by_path=head["by_path"],
    )


def _some(stored: Sequence[CompiledRule], numbers: Sequence[int]) -> Sequence[CompiledRule]:
    return Lazily(len(numbers), lambda at: stored[numbers[at]])


def _stored(line: bytes) -> CompiledRule:
    rule, shape = json.loads(line)
    return CompiledRule(_rule(rule), NOTHING if shape is None else _shape_again(shape))


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
