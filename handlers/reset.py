"""A security event that calls for a reset: move the ref back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.runtime import app, each_record
from pushwarden.respond.run import Responder
from pushwarden.service.reset import reset_and_remember


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Move the ref of each event of a batch back."""
    del context

    def work(envelope: Mapping[str, Any]) -> dict[str, Any]:
        our = app()
        leak = our.security_event(envelope["detail"])
        responder = Responder(our.state, our.bus, our.wall_clock)
        done = responder.respond(leak, "reset", lambda: reset_and_remember(our, leak))
        return {"incident": leak.incident_id, "outcome": done.outcome if done else "before"}

    return each_record(event, work)
