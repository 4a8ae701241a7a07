"""What goes over the security bus: an event for a push, what was done about it, and that somebody has dealt with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pushwarden.events.fields import (
    ARN,
    GARBLED,
    OBJECT_ID,
    REPOSITORY,
    MalformedEventError,
    checked,
    checked_ref,
    moment,
    optional_id,
    optional_text,
    text,
)
from pushwarden.events.findings import TellableFinding, finding_detail, finding_from
from pushwarden.events.push import Change, Push
from pushwarden.model import Gap, Result


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """A push that brought in a secret, or that could not be scanned whole; and what shall be done about it."""

    incident_id: str
    push: Push
    accepted: str | None
    """The last commit of the ref without open findings; None where there never was one."""
    base_commits: tuple[str, ...]
    """The commits that the push builds on: parents of its new commits that are not new themselves."""
    result: Result
    actions: tuple[str, ...]
    findings: tuple[TellableFinding, ...]
    finding_count: int
    """All of them; ``findings`` holds those that fit into an event, the surest first."""
    gaps: tuple[Gap, ...]
    commits_scanned: int

    def to_detail(self) -> dict[str, Any]:
        """Return the event's ``detail``."""
        push = self.push
        return {
            "version": "1",
            "incidentId": self.incident_id,
            "result": self.result.value,
            "actions": list(self.actions),
            "accountId": push.account,
            "region": push.region,
            "repositoryName": push.repository,
            "repositoryId": push.repository_id,
            "repositoryArn": push.repository_arn,
            "referenceFullName": push.ref,
            "change": push.change.value,
            "oldCommitId": push.old,
            "commitId": push.new,
            "acceptedCommitId": self.accepted,
            "baseCommitIds": list(self.base_commits),
            "pusher": push.pusher,
            "eventId": push.event_id,
            "eventTime": push.time,
            "commitsScanned": self.commits_scanned,
            "findingCount": self.finding_count,
            "findings": [finding_detail(each) for each in self.findings],
            "incomplete": [
                {"code": g.code, "message": g.message, "path": g.path, "commitId": g.commit} for g in self.gaps
            ],
        }

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> SecurityEvent:
        """Read an event's ``detail`` back.

        Raises:
            MalformedEventError: it is not one of ours.
        """
        try:
            push = Push(
                event_id=text(detail["eventId"], "eventId"),
                time=moment(detail["eventTime"]),
                account=text(detail["accountId"], "accountId"),
                region=text(detail["region"], "region"),
                repository=checked(detail["repositoryName"], REPOSITORY, "repositoryName"),
                repository_id=text(detail["repositoryId"], "repositoryId"),
                repository_arn=checked(detail["repositoryArn"], ARN, "repositoryArn"),
                ref=checked_ref(detail["referenceFullName"]),
                change=Change(detail["change"]),
                old=optional_id(detail, "oldCommitId"),
                new=optional_id(detail, "commitId"),
                pusher=optional_text(detail["pusher"]),
            )
            event = cls(
                incident_id=detail["incidentId"],
                push=push,
                accepted=optional_id(detail, "acceptedCommitId"),
                base_commits=tuple(checked(each, OBJECT_ID, "baseCommitIds") for each in detail["baseCommitIds"]),
                result=Result(detail["result"]),
                actions=tuple(map(str, detail["actions"])),
                findings=tuple(finding_from(each) for each in detail["findings"]),
                finding_count=int(detail["findingCount"]),
                gaps=tuple(_gap(g) for g in detail["incomplete"]),
                commits_scanned=int(detail["commitsScanned"]),
            )
        except GARBLED as error:
            raise MalformedEventError(f"a security event lacks or garbles something ({error!r})") from None
        if event.incident_id != push.incident_id:
            raise MalformedEventError("a security event's incident id does not fit its push")
        return event


def _gap(data: Mapping[str, Any]) -> Gap:
    path, commit = optional_text(data["path"]), optional_text(data["commitId"])
    return Gap(str(data["code"]), str(data["message"]), path, commit)


@dataclass(frozen=True, slots=True)
class SecurityResponse:
    """What was done about a security event, or why not."""

    incident_id: str
    action: str
    outcome: str
    """``done``, ``already``, ``refused`` (by the plan, on purpose) or ``failed``."""
    summary: str
    """One or two sentences for a person."""
    repository: str
    ref: str
    account: str
    region: str
    facts: Mapping[str, str]
    """What a program may want to know: commit ids, the backup's place."""

    def to_detail(self) -> dict[str, Any]:
        """Return the event's ``detail``."""
        return {
            "version": "1",
            "incidentId": self.incident_id,
            "action": self.action,
            "outcome": self.outcome,
            "summary": self.summary,
            "repositoryName": self.repository,
            "referenceFullName": self.ref,
            "accountId": self.account,
            "region": self.region,
            "facts": dict(self.facts),
        }

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> SecurityResponse:
        """Read an event's ``detail`` back.

        Raises:
            MalformedEventError: it is not one of ours.
        """
        try:
            return cls(
                incident_id=str(detail["incidentId"]),
                action=str(detail["action"]),
                outcome=str(detail["outcome"]),
                summary=str(detail["summary"]),
                repository=checked(detail["repositoryName"], REPOSITORY, "repositoryName"),
                ref=checked_ref(detail["referenceFullName"]),
                account=str(detail["accountId"]),
                region=str(detail["region"]),
                facts={str(k): str(v) for k, v in detail["facts"].items()},
            )
        except GARBLED as error:
            raise MalformedEventError(f"a security response lacks or garbles something ({error!r})") from None


@dataclass(frozen=True, slots=True)
class SecurityResolution:
    """Somebody in charge has dealt with what was found in a repository."""

    incident_id: str
    """The incident that held the lock; empty where the tag was gone."""
    repository: str
    repository_id: str
    repository_arn: str
    summary: str
    resolved_at: str
    """When, in ISO 8601, UTC: what is found later is not dealt with."""

    def to_detail(self) -> dict[str, Any]:
        """Return the event's ``detail``."""
        return {
            "version": "1",
            "incidentId": self.incident_id,
            "action": "unlock",
            "outcome": "done",
            "summary": self.summary,
            "resolvedAt": self.resolved_at,
            "repositoryName": self.repository,
            "repositoryId": self.repository_id,
            "repositoryArn": self.repository_arn,
        }

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> SecurityResolution:
        """Read an event's ``detail`` back.

        Raises:
            MalformedEventError: it is not one of ours.
        """
        try:
            return cls(
                incident_id=str(detail["incidentId"]),
                repository=checked(detail["repositoryName"], REPOSITORY, "repositoryName"),
                repository_id=text(detail["repositoryId"], "repositoryId"),
                repository_arn=checked(detail["repositoryArn"], ARN, "repositoryArn"),
                summary=str(detail["summary"]),
                resolved_at=moment(detail["resolvedAt"], "milliseconds"),
            )
        except GARBLED as error:
            raise MalformedEventError(f"a security resolution lacks or garbles something ({error!r})") from None
