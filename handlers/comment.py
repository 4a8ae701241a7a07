"""A security event that calls for a comment: leave one at each finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.runtime import app, each_record
from pushwarden.respond.comment import comment
from pushwarden.respond.run import Responder


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Comment on the findings of each event of a batch."""
    del context

    def work(envelope: Mapping[str, Any]) -> dict[str, Any]:
        our = app()
        leak = our.security_event(envelope["detail"])
        responder = Responder(our.state, our.bus, our.wall_clock)
        done = responder.respond(leak, "comment", lambda: comment(leak, our.codecommit))
        return {"incident": leak.incident_id, "outcome": done.outcome if done else "before"}

    return each_record(event, work)
