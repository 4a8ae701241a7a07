"""The events that CodeCommit sends to EventBridge, as plain dictionaries.

Fields and their absences follow https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html: a
created ref has no ``oldCommitId``, a deleted one no ``commitId``, a merge carries how it was made.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pushwarden.local.codecommit.bare import BRANCHES, TAGS, ZERO_ID

Event = dict[str, Any]

STATE_CHANGE: Final = "CodeCommit Repository State Change"
PULL_REQUEST_CHANGE: Final = "CodeCommit Pull Request State Change"
COMMENT_ON_COMMIT: Final = "CodeCommit Comment on Commit"
COMMENT_ON_PULL_REQUEST: Final = "CodeCommit Comment on Pull Request"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event comes from."""

    account: str
    region: str
    repository_arn: str
    repository_name: str
    repository_id: str


@dataclass(frozen=True, slots=True)
class MergeInfo:
    """How a merge moved a ref; goes into the ref's event."""

    option: str
    """``FAST_FORWARD_MERGE``, ``SQUASH_MERGE`` or ``THREE_WAY_MERGE``."""
    base: str
    source: str
    destination: str
    conflict_detail_level: str = "LINE_LEVEL"
    conflict_resolution_strategy: str = "NONE"

    def fields(self) -> dict[str, str]:
        """Return the event's fields."""
        return {
            "baseCommitId": self.base,
            "sourceCommitId": self.source,
            "destinationCommitId": self.destination,
            "mergeOption": self.option,
            "conflictDetailsLevel": self.conflict_detail_level,
            "conflictResolutionStrategy": self.conflict_resolution_strategy,
        }


@dataclass(frozen=True, slots=True)
class RefChange:
    """One ref moved from ``old`` to ``new``; the zero id stands for "does not exist"."""

    ref: str
    old: str
    new: str
    merge: MergeInfo | None = None


def reference_kind(ref: str) -> tuple[str, str]:
    """Return the event's ``referenceType`` and ``referenceName`` for a full ref name."""
    for prefix, kind in ((BRANCHES, "branch"), (TAGS, "tag")):
        if ref.startswith(prefix):
            return kind, ref.removeprefix(prefix)
    return "other", ref.removeprefix("refs/")


def state_change(origin: Origin, change: RefChange, caller_arn: str, now: dt.datetime) -> Event:
    """Return the "Repository State Change" event of one ref."""
    kind, name = reference_kind(change.ref)
    if change.old == ZERO_ID:
        event, ids = "referenceCreated", {"commitId": change.new}
    elif change.new == ZERO_ID:
        event, ids = "referenceDeleted", {"oldCommitId": change.old}
    else:
        event, ids = "referenceUpdated", {"commitId": change.new, "oldCommitId": change.old}
    detail = {
        "callerUserArn": caller_arn,
        "event": event,
        "repositoryName": origin.repository_name,
        "repositoryId": origin.repository_id,
        "referenceType": kind,
        "referenceName": name,
        "referenceFullName": change.ref,
        **ids,
        **(change.merge.fields() if change.merge else {}),
    }
    return envelope(origin, STATE_CHANGE, detail, now)


def unreferenced_merge(origin: Origin, commit_id: str, merge: MergeInfo, caller_arn: str, now: dt.datetime) -> Event:
    """Return the event of a merge commit that no ref names."""
    detail = {
        "callerUserArn": caller_arn,
        "event": "unreferencedMergeCommitCreated",
        "repositoryName": origin.repository_name,
        "repositoryId": origin.repository_id,
        "commitId": commit_id,
        **merge.fields(),
    }
    return envelope(origin, STATE_CHANGE, detail, now)


def envelope(origin: Origin, detail_type: str, detail: Mapping[str, Any], now: dt.datetime) -> Event:
    """Return the EventBridge envelope around ``detail``."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": "aws.codecommit",
        "account": origin.account,
        "time": now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": origin.region,
        "resources": [origin.repository_arn],
        "detail": dict(detail),
    }


def comment_change(
    origin: Origin, comment: Mapping[str, Any], caller_arn: str, now: dt.datetime, pull_request_id: str | None
) -> Event:
    """Return the event of a comment that was made; ``comment`` names the commits and the comment's ids."""
    where = "PullRequest" if pull_request_id else "Commit"
    detail = {
        "callerUserArn": caller_arn,
        "event": f"commentOn{where}Created",
        "repositoryName": origin.repository_name,
        "repositoryId": origin.repository_id,
        "notificationBody": f"A comment was made in the repository {origin.repository_name} by {caller_arn}.",
        **({"pullRequestId": pull_request_id} if pull_request_id else {}),
        **{key: value for key, value in comment.items() if value is not None},
    }
    return envelope(origin, COMMENT_ON_PULL_REQUEST if pull_request_id else COMMENT_ON_COMMIT, detail, now)


def pull_request_change(
    origin: Origin, event: str, fields: Mapping[str, Any], caller_arn: str, now: dt.datetime
) -> Event:
    """Return the "Pull Request State Change" event named ``event``."""
    repositories: Sequence[str] = [origin.repository_name]
    detail = {
        "callerUserArn": caller_arn,
        "event": event,
        "repositoryNames": list(repositories),
        "notificationBody": f"A pull request event occurred in {origin.repository_name}: {event} by {caller_arn}.",
        **{key: value for key, value in fields.items() if value is not None},
    }
    return envelope(origin, PULL_REQUEST_CHANGE, detail, now)
