"""The two functions of the backfill's state machine: one plans, gathers and reports; one scans a slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from handlers.runtime import app, logger
from pushwarden.errors import UsageError

_RESERVE_S: Final = 120.0
"""Time kept back after the scan of a slice, for what it found to be written down."""


def plan_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Take one step: ``begin``, ``plan``, ``gather`` or ``finish``."""
    del context
    from pushwarden.service import backfill_finish, backfill_plan  # noqa: PLC0415 - the scan function's package lacks a part of it

    def planned(item: Mapping[str, Any]) -> dict[str, Any]:
        backfill_plan.plan(app(), item)
        return {}

    steps: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
        "begin": lambda order: backfill_plan.begin(app(), order),
        "plan": planned,
        "gather": lambda order: backfill_plan.gather(app(), order),
        "finish": lambda order: backfill_finish.finish(app(), order),
    }
    if event.get("step") not in steps:
        raise UsageError(f"there is no step {event.get('step')!r}; the state machine sends one of {', '.join(steps)}")
    done = steps[event["step"]](event["input"])
    logger.info("backfill", extra={"step": event["step"], **done})
    return done


def scan_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Scan a slice as far as the time goes; the answer says what is left."""
    from pushwarden.service.backfill_scan import scan_slice  # noqa: PLC0415 - the planning function's package has no detection

    deadline = time.monotonic() + max(1.0, context.get_remaining_time_in_millis() / 1000 - _RESERVE_S)
    done = scan_slice(app(), event["input"], deadline=deadline)
    logger.info("backfill", extra={"step": "scan", **done})
    return done
