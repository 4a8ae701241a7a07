"""Pull requests and comments as the server remembers them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Comment:
    """A comment on commits or in a pull request."""

    comment_id: str
    content: str
    author_arn: str
    created: dt.datetime
    modified: dt.datetime
    before_commit: str | None
    after_commit: str
    location: dict[str, Any] | None
    """``filePath``, ``filePosition`` and ``relativeFileVersion``, as the caller gave them."""
    in_reply_to: str | None = None
    pull_request_id: str | None = None
    client_request_token: str | None = None
    deleted: bool = False

    def shape(self) -> dict[str, Any]:
        """Return the API's ``Comment``."""
        return {
            "commentId": self.comment_id,
            "content": None if self.deleted else self.content,
            "inReplyTo": self.in_reply_to,
            "creationDate": self.created,
            "lastModifiedDate": self.modified,
            "authorArn": self.author_arn,
            "deleted": self.deleted,
            "clientRequestToken": self.client_request_token,
            "callerReactions": [],
            "reactionCounts": {},
        }


@dataclass(slots=True)
class PullRequest:
    """A pull request with its one target."""

    pull_request_id: str
    repository_id: str
    title: str
    description: str | None
    author_arn: str
    created: dt.datetime
    last_activity: dt.datetime
    source_reference: str
    destination_reference: str
    source_commit: str
    destination_commit: str
    merge_base: str | None
    revision_id: str
    client_request_token: str | None = None
    is_open: bool = True
    merge: dict[str, Any] | None = field(default=None)
    """The API's ``MergeMetadata`` once it is merged."""

    @property
    def status(self) -> str:
        """``OPEN`` or ``CLOSED``."""
        return "OPEN" if self.is_open else "CLOSED"

    def shape(self, repository_name: str) -> dict[str, Any]:
        """Return the API's ``PullRequest``."""
        target = {
            "repositoryName": repository_name,
            "sourceReference": self.source_reference,
            "destinationReference": self.destination_reference,
            "sourceCommit": self.source_commit,
            "destinationCommit": self.destination_commit,
            "mergeBase": self.merge_base,
            "mergeMetadata": self.merge or {"isMerged": False},
        }
        return {
            "pullRequestId": self.pull_request_id,
            "title": self.title,
            "description": self.description,
            "lastActivityDate": self.last_activity,
            "creationDate": self.created,
            "pullRequestStatus": self.status,
            "authorArn": self.author_arn,
            "pullRequestTargets": [target],
            "clientRequestToken": self.client_request_token,
            "revisionId": self.revision_id,
            "approvalRules": [],
        }

    def event_fields(self) -> dict[str, Any]:
        """Return the fields of its events; ``isMerged`` is text, dates are written out, as AWS does it."""
        merge = self.merge or {}
        return {
            "pullRequestId": self.pull_request_id,
            "author": self.author_arn,
            "title": self.title,
            "description": self.description,
            "creationDate": _event_date(self.created),
            "lastModifiedDate": _event_date(self.last_activity),
            "pullRequestStatus": self.status.capitalize(),
            "isMerged": "True" if merge.get("isMerged") else "False",
            "mergeOption": merge.get("mergeOption"),
            "sourceReference": self.source_reference,
            "destinationReference": self.destination_reference,
            "sourceCommit": self.source_commit,
            "destinationCommit": self.destination_commit,
            "revisionId": self.revision_id,
        }


def _event_date(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
