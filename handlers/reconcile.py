"""A schedule: ask for the scans of pushes whose event never came."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from handlers.runtime import app, logger
from pushwarden.service.reconcile import reconcile

_RESERVE_S: Final = 60.0
"""Time kept back for the repository that is looked at last: its retries may take as long."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Compare every repository with the frontier, as far as the time goes."""
    del event
    deadline = time.monotonic() + max(1.0, context.get_remaining_time_in_millis() / 1000 - _RESERVE_S)
    done = asdict(reconcile(app(), deadline=deadline))
    logger.info("reconciled", extra=done)
    return done
