"""Decide, once and in one pure function, what follows from a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pushwarden.events import ACCESS_KEY_ID, Change
from pushwarden.model import Confidence, Finding, Result, Secret
from pushwarden.settings import ACTIONS, Policy


def decide(
    *,
    change: Change,
    confidences: Iterable[Confidence],
    result: Result,
    policy: Policy,
    reset_allowed: Callable[[], bool],
    revocable: Iterable[Confidence] = (),
) -> tuple[str, ...]:
    """Return the actions for a push, in the order in which they should happen.

    Args:
        change: what the push did to the ref; a ref that is gone cannot be reset.
        confidences: of every finding that the push introduced.
        result: how the scan ended; an incomplete one is told of, even without findings.
        policy: the thresholds.
        revocable: confidences of the findings that name an AWS access key; nothing else can be revoked.
        reset_allowed: asked only if the findings call for a reset; answering may cost a request.
    """
    surest = max(confidences, default=None)
    surest_key = max(revocable, default=None)
    actions: list[str] = []
    for action in ACTIONS:
        least = policy.thresholds.get(action)
        reason = surest_key if action == "revoke" else surest
        reached = reason is not None and least is not None and reason >= least
        if action == "notify":
            reached = reached or result is Result.INCOMPLETE
        elif action == "reset":
            reached = reached and change is not Change.DELETED and reset_allowed()
        if reached:
            actions.append(action)
    return tuple(actions)


def key_id(finding: Finding, policy: Policy) -> str:
    """Return the id of the AWS access key whose secret half was found, if the policy wants such keys switched off."""
    paired = getattr(finding.match, "paired", None)
    if policy.thresholds["revoke"] is None or not isinstance(paired, Secret):
        return ""
    found = paired.reveal().decode("ascii", "replace")
    return found if ACCESS_KEY_ID.fullmatch(found) else ""
