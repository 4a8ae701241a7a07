"""Evaluates IAM policies: an explicit Deny wins, then an Allow, else nothing is allowed.

Covers what identity policies on CodeCommit need: wildcards in actions and resources, and the condition operators and
keys that a lock by tag is made of. Whatever it does not cover is refused when the policy is checked, never ignored:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pushwarden.errors import UsageError

Policy = Mapping[str, Any]
Context = Mapping[str, Sequence[str]]
"""Condition keys in lower case, each with its values; a key without a value in the request is absent."""

_STATEMENT_KEYS: Final = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})
_ARN_PARTS: Final = 6


class PolicyError(UsageError):
    """A policy document is wrong, or uses something that this evaluator does not know."""


class Decision(enum.Enum):
    """What the policies say of one request."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit-deny"
    IMPLICIT_DENY = "implicit-deny"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One action on one resource."""

    action: str
    """``codecommit:GitPush`` and the like."""
    resource: str
    """The ARN, or ``*`` for an action that names no resource."""
    context: Context


def evaluate(policies: Iterable[Policy], request: AccessRequest) -> Decision:
    """Decide on ``request``.

    Raises:
        PolicyError: a policy cannot be evaluated.
    """
    decision = Decision.IMPLICIT_DENY
    for policy in policies:
        for statement in _statements(policy):
            if not _applies(statement, request):
                continue
            if statement["Effect"] == "Deny":
                return Decision.EXPLICIT_DENY
            decision = Decision.ALLOW
    return decision


def check_policy(policy: Policy) -> None:
    """Check that ``policy`` can be evaluated.

    Raises:
        PolicyError: something in it is wrong or not covered; the message says what.
    """
    for statement in _statements(policy):
        unknown = set(statement) - _STATEMENT_KEYS
        if unknown:
            raise PolicyError(f"policy statement has {sorted(unknown)}; known are {sorted(_STATEMENT_KEYS)}")
        if statement.get("Effect") not in {"Allow", "Deny"}:
            raise PolicyError(f"policy statement's Effect must be Allow or Deny, not {statement.get('Effect')!r}")
        for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
            if (one in statement) == (other in statement):
                raise PolicyError(f"policy statement must have either {one} or {other}")
        for operator, keys in statement.get("Condition", {}).items():
            _parse_operator(operator)
            _refuse_variables(value for values in keys.values() for value in _listed(values))
        _refuse_variables(_listed(statement.get("Resource", statement.get("NotResource"))))


def _statements(policy: Policy) -> Sequence[Mapping[str, Any]]:
    statements = policy.get("Statement")
    if isinstance(statements, Mapping):
        return [statements]
    if not isinstance(statements, Sequence) or isinstance(statements, str):
        raise PolicyError("policy document has no Statement; give an object or a list of objects")
    return statements


def _refuse_variables(values: Iterable[str]) -> None:
    for value in values:
        if "${" in value:
            raise PolicyError(f"policy variables are not supported: {value!r}; write the value itself")


def _listed(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [_text(each) for each in value]
    return [_text(value)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _applies(statement: Mapping[str, Any], request: AccessRequest) -> bool:
    if "Action" in statement:
        action = any(_like(pattern, request.action, fold=True) for pattern in _listed(statement["Action"]))
    else:
        action = not any(_like(pattern, request.action, fold=True) for pattern in _listed(statement["NotAction"]))
    if not action:
        return False
    if "Resource" in statement:
        resource = any(_like(pattern, request.resource) for pattern in _listed(statement["Resource"]))
    else:
        resource = not any(_like(pattern, request.resource) for pattern in _listed(statement["NotResource"]))
    return resource and all(
        _condition(operator, request.context.get(key.lower(), ()), _listed(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


@lru_cache(maxsize=4096)
def _wildcard(pattern: str) -> re.Pattern[str]:
    parts = (".*" if each == "*" else "." if each == "?" else re.escape(each) for each in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _like(pattern: str, value: str, *, fold: bool = False) -> bool:
    if fold:
        pattern, value = pattern.lower(), value.lower()
    return _wildcard(pattern).fullmatch(value) is not None


def _arn_like(pattern: str, value: str) -> bool:
    """Compare the six parts of two ARNs one by one: a wildcard does not cross a colon, but in the last part."""
    patterns, values = pattern.split(":", _ARN_PARTS - 1), value.split(":", _ARN_PARTS - 1)
    return len(patterns) == len(values) == _ARN_PARTS and all(map(_like, patterns, values))


_COMPARISONS: Final[Mapping[str, tuple[bool, Callable[[str, str], bool]]]] = {
    "StringEquals": (True, str.__eq__),
    "StringNotEquals": (False, str.__eq__),
    "StringEqualsIgnoreCase": (True, lambda pattern, value: pattern.casefold() == value.casefold()),
    "StringNotEqualsIgnoreCase": (False, lambda pattern, value: pattern.casefold() == value.casefold()),
    "StringLike": (True, _like),
    "StringNotLike": (False, _like),
    "ArnEquals": (True, _arn_like),
    "ArnLike": (True, _arn_like),
    "ArnNotEquals": (False, _arn_like),
    "ArnNotLike": (False, _arn_like),
    "Bool": (True, lambda pattern, value: pattern.lower() == value.lower()),
}
"""Operator: does it ask for a match (or for none), and what a match is. ArnEquals and ArnLike behave identically."""


@dataclass(frozen=True, slots=True)
class _Operator:
    quantifier: str
    """``ForAllValues``, ``ForAnyValue`` or empty."""
    name: str
    if_exists: bool


@lru_cache(maxsize=256)
def _parse_operator(text: str) -> _Operator:
    quantifier, colon, name = text.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if (colon and quantifier not in {"ForAllValues", "ForAnyValue"}) or (name not in _COMPARISONS and text != "Null"):
        known = ", ".join([*_COMPARISONS, "Null"])
        raise PolicyError(
            f"condition operator {text!r} is not supported; supported are {known}, with IfExists and For..."
        )
    return _Operator(quantifier, name, if_exists)


def _condition(text: str, values: Sequence[str], wanted: Sequence[str]) -> bool:
    """Tell whether one key's condition holds.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and, for the
    quantifiers, .../reference_policies_condition-single-vs-multi-valued-context-keys.html.
    """
    operator = _parse_operator(text)
    if operator.name == "Null":
        return any((each.lower() == "true") == (not values) for each in wanted)
    positive, matches = _COMPARISONS[operator.name]
    hits = [any(matches(pattern, value) for pattern in wanted) for value in values]
    if not values:
        if operator.if_exists or operator.quantifier == "ForAllValues":
            return True
        return not positive and operator.quantifier != "ForAnyValue"
    if operator.quantifier == "ForAllValues":
        return all(hit == positive for hit in hits)
    if operator.quantifier == "ForAnyValue":
        return any(hit == positive for hit in hits)
    return any(hits) if positive else not any(hits)
