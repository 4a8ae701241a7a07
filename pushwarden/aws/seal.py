"""Security events carry a seal, so that whoever may write to the bus cannot make Pushwarden lock, reset or revoke.

The seal is an HMAC-SHA256 (RFC 2104: https://www.rfc-editor.org/rfc/rfc2104) with a key derived from the deployment's
fingerprint key, which only Pushwarden's roles can decrypt. It covers all that decides what is done, and to what.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from pushwarden.errors import PushwardenError

FIELD: Final = "seal"
_PURPOSE: Final = b"pushwarden security event"
_COVERED: Final = (
    "version", "incidentId", "result", "actions", "accountId", "region", "repositoryName", "repositoryId", "repositoryArn",
    "referenceFullName", "change", "oldCommitId", "commitId", "acceptedCommitId", "baseCommitIds", "eventId", "eventTime",
    "findingCount",
)  # fmt: skip
_COVERED_OF_FINDINGS: Final = ("ruleId", "confidence", "commitId", "line", "fingerprint", "identity")


class ForgedEventError(PushwardenError):
    """A security event does not come from Pushwarden, or was changed on its way."""


def sealed(detail: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """Return an event's ``detail`` with its seal; ``key`` is the deployment's fingerprint key (32 bytes)."""
    return {**detail, FIELD: _seal(detail, key)}


def check(detail: Mapping[str, Any], key: bytes) -> None:
    """Let a sealed ``detail`` pass.

    Raises:
        ForgedEventError: the seal is missing or does not fit.
    """
    given = detail.get(FIELD)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), _seal(detail, key).encode()):
        raise ForgedEventError(
            "a security event has no valid seal, so nothing is done about it; find out who else may put events on the"
            " security bus (CloudTrail, PutEvents)"
        )


def _seal(detail: Mapping[str, Any], key: bytes) -> str:
    findings = [[each.get(name) for name in _COVERED_OF_FINDINGS] for each in detail.get("findings", ())]
    covered = json.dumps([*(detail.get(name) for name in _COVERED), findings], separators=(",", ":"))
    derived = hmac.new(key, _PURPOSE, hashlib.sha256).digest()
    return hmac.new(derived, covered.encode(), hashlib.sha256).hexdigest()
