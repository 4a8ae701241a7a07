"""A security event: report it to Security Hub. A resolution: archive what was reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.runtime import app, each_record
from pushwarden.events import SecurityResolution
from pushwarden.model import SECURITY_RESOLUTION
from pushwarden.respond.run import Responder
from pushwarden.respond.securityhub import archive, report


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Report or archive, for each event of a batch."""
    del context

    def work(envelope: Mapping[str, Any]) -> dict[str, Any]:
        our = app()
        if envelope["detail-type"] == SECURITY_RESOLUTION:
            resolution = SecurityResolution.from_detail(envelope["detail"])
            our.check_seal(SECURITY_RESOLUTION, envelope["detail"])
            archived = archive(resolution, our.security_hub, our.open_reports, now_s=our.wall_clock())
            return {"incident": resolution.incident_id, "archived": archived}
        leak = our.security_event(envelope["detail"])
        responder = Responder(our.state, our.bus, our.wall_clock)
        done = responder.respond(
            leak, "securityhub", lambda: report(leak, our.security_hub, our.open_reports, now_s=our.wall_clock())
        )
        return {"incident": leak.incident_id, "outcome": done.outcome if done else "before"}

    return each_record(event, work)
