"""Decide, once and in one pure function, what follows from a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pushwarden.events import Change
from pushwarden.model import Confidence, Result
from pushwarden.settings import ACTIONS, Policy


def decide(
    *,
    change: Change,
    confidences: Iterable[Confidence],
    result: Result,
    policy: Policy,
    reset_allowed: Callable[[], bool],
) -> tuple[str, ...]:
    """Return the actions for a push, in the order in which they should happen.

    Args:
        change: what the push did to the ref; a ref that is gone cannot be reset.
        confidences: of every finding that the push introduced.
        result: how the scan ended; an incomplete one is told of, even without findings.
        policy: the thresholds.
        reset_allowed: asked only if the findings call for a reset; answering may cost a request.
    """
    surest = max(confidences, default=None)
    actions: list[str] = []
    for action in ACTIONS:
        least = policy.thresholds.get(action)
        reached = surest is not None and least is not None and surest >= least
        if action == "notify":
            reached = reached or result is Result.INCOMPLETE
        elif action == "reset":
            reached = reached and change is not Change.DELETED and reset_allowed()
        if reached:
            actions.append(action)
    return tuple(actions)
