"""Pushwarden's events carry a seal, so that whoever may write to the bus cannot make it lock, mail or archive anything.

The seal is an HMAC-SHA256 (RFC 2104: https://www.rfc-editor.org/rfc/rfc2104) with a key derived from the deployment's
fingerprint key, which only Pushwarden's roles and those who may unlock can decrypt. Of a security event it covers all that
decides what is done, and to what; of other events, everything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from pushwarden.errors import PushwardenError
from pushwarden.model import SECURITY_EVENT

FIELD: Final = "seal"
_PURPOSE: Final = "pushwarden security event"
_COVERED: Final = (
    "version", "incidentId", "result", "actions", "accountId", "region", "repositoryName", "repositoryId", "repositoryArn",
    "referenceFullName", "change", "oldCommitId", "commitId", "acceptedCommitId", "baseCommitIds", "eventId", "eventTime",
    "findingCount",
)  # fmt: skip
_COVERED_OF_FINDINGS: Final = ("ruleId", "confidence", "commitId", "line", "fingerprint", "identity")


class ForgedEventError(PushwardenError):
    """An event on the security bus does not come from Pushwarden, or was changed on its way."""


def sealed(detail_type: str, detail: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """Return an event's ``detail`` with its seal.

    Args:
        detail_type: what kind of event it is; the seal of one kind does not fit another.
        detail: the event's detail.
        key: the deployment's fingerprint key (32 bytes).
    """
    return {**detail, FIELD: _seal(detail_type, detail, key)}


def check(detail_type: str, detail: Mapping[str, Any], key: bytes) -> None:
    """Let a sealed ``detail`` pass; the arguments are those of :func:`sealed`.

    Raises:
        ForgedEventError: the seal is missing or does not fit.
    """
    given = detail.get(FIELD)
    fits = isinstance(given, str) and given.isascii() and hmac.compare_digest(given, _seal(detail_type, detail, key))
    if not fits:
        raise ForgedEventError(
            f"a {detail_type} has no valid seal, so nothing is done about it; find out who else may put events on the"
            " security bus (CloudTrail, PutEvents)"
        )


def _seal(detail_type: str, detail: Mapping[str, Any], key: bytes) -> str:
    if detail_type == SECURITY_EVENT:
        purpose, covered = _PURPOSE, _deciding(detail)
    else:
        covered = json.dumps({name: value for name, value in detail.items() if name != FIELD}, sort_keys=True)
        purpose = f"pushwarden: {detail_type}"
    derived = hmac.new(key, purpose.encode(), hashlib.sha256).digest()
    return hmac.new(derived, covered.encode(), hashlib.sha256).hexdigest()


def _deciding(detail: Mapping[str, Any]) -> str:
    """Return what decides about a security event's consequences. Fields that are added later do not break old seals."""
    findings = [[each.get(name) for name in _COVERED_OF_FINDINGS] for each in detail.get("findings", ())]
    return json.dumps([*(detail.get(name) for name in _COVERED), findings], separators=(",", ":"))
