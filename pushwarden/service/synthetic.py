"""Events that reconciliation makes for pushes whose own event never came."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from pushwarden.aws.codecommit import Repository
from pushwarden.aws.state import RefState
from pushwarden.events import MARK, RECONCILED, Change

_TAGS: Final = "refs/tags/"


def state_change(
    repository: Repository, ref: str, row: RefState | None, tip: str | None, *, seen_s: float, now_s: float
) -> dict[str, Any]:
    """Return the "CodeCommit Repository State Change" that should have come.

    The id depends on what was seen and when first, so that asking again for the same scan changes nothing.

    Args:
        repository: whose ref it is.
        ref: full name of the ref.
        row: how far the ref was scanned; None: not at all.
        tip: the commit that the ref stands at; None: it is gone.
        seen_s: when it was seen there first, in seconds since 1970.
        now_s: the event's time, in seconds since 1970.
    """
    old = None if row is None or (row.deleted and tip is not None) else row.scanned or row.accepted
    change = Change.DELETED if tip is None else Change.CREATED if old is None else Change.UPDATED
    text = "\0".join((repository.repository_id, ref, old or "", tip or "", str(int(seen_s))))
    ids = {"oldCommitId": old, "commitId": tip}
    return {
        "version": "0",
        "id": "reconcile-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "account": repository.arn.split(":")[4],
        "time": datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": repository.arn.split(":")[3],
        "resources": [repository.arn],
        "detail": {
            "event": change.value,
            "repositoryName": repository.name,
            "repositoryId": repository.repository_id,
            "referenceType": "tag" if ref.startswith(_TAGS) else "branch",
            "referenceName": ref.split("/", 2)[2],
            "referenceFullName": ref,
            **{key: value for key, value in ids.items() if value},
            MARK: {"by": RECONCILED, "firstSeen": int(seen_s)},
        },
    }
