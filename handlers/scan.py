"""A push to CodeCommit: scan what it brought in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from handlers.runtime import app, each_record
from pushwarden.service.lanes import take

_RESERVE_S: Final = 30.0
"""Time kept back for publishing the event and moving the frontier."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Scan each push of a batch."""

    def work(envelope: Mapping[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + max(1.0, context.get_remaining_time_in_millis() / 1000 - _RESERVE_S)
        taken = take(app(), envelope, deadline=deadline)
        found = taken.event
        return {
            "repository": taken.push.repository,
            "incident": found.incident_id if found else None,
            "result": found.result.value if found else "put off" if taken.put_off else "clean",
            "pushes": 0 if taken.put_off else 1,
            "findings": found.finding_count if found else 0,
            "actions": found.actions if found else (),
        }

    return each_record(event, work)
