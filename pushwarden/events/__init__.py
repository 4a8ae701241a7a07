"""The events that Pushwarden reads and writes, parsed once at the edge into frozen models.

Whoever pushes chooses the names in them, so everything is checked before it is used.
"""

from pushwarden.events.fields import MalformedEventError
from pushwarden.events.findings import (
    ACCESS_KEY_ID,
    TellableFinding,
    finding_detail,
    finding_from,
    redact_text,
    safe_text,
    tell,
)
from pushwarden.events.push import INCIDENT_HEX_DIGITS, MARK, RECONCILED, Change, Push, parse_push
from pushwarden.events.security import SecurityEvent, SecurityResolution, SecurityResponse

__all__ = [
    "ACCESS_KEY_ID",
    "INCIDENT_HEX_DIGITS",
    "MARK",
    "RECONCILED",
    "Change",
    "MalformedEventError",
    "Push",
    "SecurityEvent",
    "SecurityResolution",
    "SecurityResponse",
    "TellableFinding",
    "finding_detail",
    "finding_from",
    "parse_push",
    "redact_text",
    "safe_text",
    "tell",
]
