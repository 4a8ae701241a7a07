"""A security event that names an AWS access key: switch the key off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.runtime import app, each_record
from pushwarden.model import Confidence
from pushwarden.respond.revoke import revoke
from pushwarden.respond.run import Responder


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Switch the keys of each event of a batch off."""
    del context

    def work(envelope: Mapping[str, Any]) -> dict[str, Any]:
        our = app()
        leak = our.security_event(envelope["detail"])
        least = our.settings.policy.thresholds["revoke"] or Confidence.HIGH
        responder = Responder(our.state, our.bus, our.wall_clock)
        done = responder.respond(leak, "revoke", lambda: revoke(leak, our.access_keys, least=least))
        return {"incident": leak.incident_id, "outcome": done.outcome if done else "before"}

    return each_record(event, work)
