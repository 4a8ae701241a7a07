"""A push, as CodeCommit tells of it.

CodeCommit's event: https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pushwarden.events.fields import (
    ARN,
    GARBLED,
    REPOSITORY,
    MalformedEventError,
    checked,
    checked_ref,
    moment,
    optional_id,
    optional_text,
    text,
)

INCIDENT_HEX_DIGITS: Final = 20
MARK: Final = "pushwarden"
"""The field of a push event's detail that says that Pushwarden made the event itself; nobody else can write to the queue
that it travels on."""
RECONCILED: Final = "reconcile"


class Change(enum.Enum):
    """What a push did to a ref."""

    CREATED = "referenceCreated"
    UPDATED = "referenceUpdated"
    DELETED = "referenceDeleted"


@dataclass(frozen=True, slots=True)
class Push:
    """One changed ref, as CodeCommit tells of it."""

    event_id: str
    time: str
    """ISO 8601, UTC."""
    account: str
    region: str
    repository: str
    repository_id: str
    repository_arn: str
    ref: str
    """Full name: ``refs/heads/main``."""
    change: Change
    old: str | None
    new: str | None
    pusher: str | None
    """ARN of who pushed; CodeCommit's documentation does not promise it."""
    seen_s: int | None = None
    """Set where the event never came and reconciliation made one: when it saw the ref first, in seconds since 1970."""

    @property
    def incident_id(self) -> str:
        """The id of whatever this push brings about: the same for every delivery of the same event."""
        text = "\0".join((self.repository_id, self.ref, self.new or "", self.event_id))
        return "pw-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:INCIDENT_HEX_DIGITS]

    def event_time_is_before(self, other: str) -> bool:
        """Tell whether the push happened before another event's time (ISO 8601; empty: never)."""
        return bool(other) and datetime.fromisoformat(self.time) < datetime.fromisoformat(other)


def parse_push(event: Any) -> Push:
    """Read a "CodeCommit Repository State Change" as EventBridge delivers it.

    Raises:
        MalformedEventError: something is missing, or is not what CodeCommit would ever send.
    """
    try:
        detail = event["detail"]
        if event["source"] != "aws.codecommit":
            raise MalformedEventError("the event does not come from aws.codecommit")
        arn = checked(event["resources"][0], ARN, "resources[0]")
        change = Change(detail["event"])
        push = Push(
            event_id=text(event["id"], "id"),
            time=moment(event["time"]),
            account=str(event["account"]),
            region=str(event["region"]),
            repository=checked(detail["repositoryName"], REPOSITORY, "repositoryName"),
            repository_id=text(detail["repositoryId"], "repositoryId"),
            repository_arn=arn,
            ref=checked_ref(detail["referenceFullName"]),
            change=change,
            old=optional_id(detail, "oldCommitId"),
            new=optional_id(detail, "commitId"),
            pusher=optional_text(detail.get("callerUserArn")),
            seen_s=int(detail[MARK]["firstSeen"]) if MARK in detail else None,
        )
    except GARBLED as error:
        raise MalformedEventError(f"a CodeCommit event lacks or garbles something ({error!r})") from None
    if (push.new is None) != (change is Change.DELETED):
        raise MalformedEventError(f"a {change.value} event of {push.repository} has the wrong commit ids")
    match = ARN.fullmatch(arn)
    if match is None or match.group(4) != push.repository or match.group(3) != push.account:
        raise MalformedEventError("an event's repository, account and resource do not fit together")
    return push
