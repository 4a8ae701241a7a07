"""A security event or response: tell people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.runtime import app, each_record
from pushwarden.events import SecurityResponse
from pushwarden.model import BACKFILL_REPORT, SECURITY_EVENT
from pushwarden.respond.notify import Notifier
from pushwarden.respond.report_mail import BackfillReport


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Mail each event of a batch."""
    del context

    def work(envelope: Mapping[str, Any]) -> dict[str, Any]:
        our = app()
        notifier = Notifier(our.mail, our.chat, our.state, our.wall_clock)
        if envelope["detail-type"] == SECURITY_EVENT:
            leak = our.security_event(envelope["detail"])
            return {"incident": leak.incident_id, "told": notifier.tell_event(leak)}
        our.check_seal(envelope["detail-type"], envelope["detail"])
        if envelope["detail-type"] == BACKFILL_REPORT:
            report = BackfillReport.from_detail(envelope["detail"])
            return {"run": report.run, "told": notifier.tell_report(report)}
        response = SecurityResponse.from_detail(envelope["detail"])
        return {"incident": response.incident_id, "told": notifier.tell_response(response)}

    return each_record(event, work)
