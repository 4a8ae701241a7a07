"""A security event that calls for a lock: lock the repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.runtime import app, each_record
from pushwarden.respond.lock import lock
from pushwarden.respond.run import Responder


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Lock the repository of each event of a batch."""
    del context

    def work(envelope: Mapping[str, Any]) -> dict[str, Any]:
        our = app()
        leak = our.security_event(envelope["detail"])
        responder = Responder(our.state, our.bus, our.wall_clock)
        done = responder.respond(leak, "lock", lambda: lock(leak, our.codecommit, tag_key=our.settings.lock_tag_key))
        return {"incident": leak.incident_id, "outcome": done.outcome if done else "before"}

    return each_record(event, work)
