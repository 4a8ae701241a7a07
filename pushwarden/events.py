"""The events that Pushwarden reads and writes, parsed once at the edge into frozen models.

CodeCommit's event: https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html . Whoever pushes chooses
the names in it, so everything is checked before it is used.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pushwarden.errors import PushwardenError
from pushwarden.model import REDACTED, Confidence, Finding, Gap, Result

_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}")
_REPOSITORY: Final = re.compile(r"[\w.-]{1,100}", re.ASCII)
_ARN: Final = re.compile(r"arn:(aws[\w-]*):codecommit:([a-z0-9-]+):(\d{12}):([\w.-]{1,100})", re.ASCII)
# What git forbids in ref names: https://git-scm.com/docs/git-check-ref-format ; control characters above all, because a
# ref travels in line-based protocols and mails.
_BAD_REF: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.$|\.lock(/|$)|/\.")
_REF: Final = re.compile(r"refs/(heads|tags)/.+")
ACCESS_KEY_ID: Final = re.compile(r"AKIA[A-Z0-9]{12,124}")
"""The id of a long-term access key: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html"""
INCIDENT_HEX_DIGITS: Final = 20
MARK: Final = "pushwarden"
"""The field of a push event's detail that says that Pushwarden made the event itself; nobody else can write to the queue
that it travels on."""
RECONCILED: Final = "reconcile"


class MalformedEventError(PushwardenError):
    """An event is not what its sender promised; trying it again cannot help."""


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


@dataclass(frozen=True, slots=True)
class TellableFinding:
    """What the outside world is told of a finding: never the secret."""

    rule_id: str
    title: str
    confidence: Confidence
    path: str
    line: int
    end_line: int
    commit: str | None
    author: str
    email: str
    date: str
    source: str
    fingerprint: str
    snippet: str
    advice: str
    decoded_from: tuple[str, ...] = ()
    identity: str = ""
    """The id of an AWS access key whose secret half this finding is; only where the policy asks for revocation. An id is
    no secret by itself: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"""


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
                event_id=_text(detail["eventId"], "eventId"),
                time=_time(detail["eventTime"]),
                account=_text(detail["accountId"], "accountId"),
                region=_text(detail["region"], "region"),
                repository=_checked(detail["repositoryName"], _REPOSITORY, "repositoryName"),
                repository_id=_text(detail["repositoryId"], "repositoryId"),
                repository_arn=_checked(detail["repositoryArn"], _ARN, "repositoryArn"),
                ref=_checked_ref(detail["referenceFullName"]),
                change=Change(detail["change"]),
                old=_optional_id(detail, "oldCommitId"),
                new=_optional_id(detail, "commitId"),
                pusher=detail["pusher"],
            )
            event = cls(
                incident_id=detail["incidentId"],
                push=push,
                accepted=_optional_id(detail, "acceptedCommitId"),
                base_commits=tuple(_checked(each, _OBJECT_ID, "baseCommitIds") for each in detail["baseCommitIds"]),
                result=Result(detail["result"]),
                actions=tuple(detail["actions"]),
                findings=tuple(finding_from(each) for each in detail["findings"]),
                finding_count=int(detail["findingCount"]),
                gaps=tuple(Gap(g["code"], g["message"], g["path"], g["commitId"]) for g in detail["incomplete"]),
                commits_scanned=int(detail["commitsScanned"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MalformedEventError(f"a security event lacks or garbles something ({error!r})") from None
        if event.incident_id != push.incident_id:
            raise MalformedEventError("a security event's incident id does not fit its push")
        return event


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
                repository=_checked(detail["repositoryName"], _REPOSITORY, "repositoryName"),
                ref=_checked_ref(detail["referenceFullName"]),
                account=str(detail["accountId"]),
                region=str(detail["region"]),
                facts={str(k): str(v) for k, v in detail["facts"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
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
                repository=_checked(detail["repositoryName"], _REPOSITORY, "repositoryName"),
                repository_id=_text(detail["repositoryId"], "repositoryId"),
                repository_arn=_checked(detail["repositoryArn"], _ARN, "repositoryArn"),
                summary=str(detail["summary"]),
                resolved_at=_time(detail["resolvedAt"], "milliseconds"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedEventError(f"a security resolution lacks or garbles something ({error!r})") from None


def parse_push(event: Any) -> Push:
    """Read a "CodeCommit Repository State Change" as EventBridge delivers it.

    Raises:
        MalformedEventError: something is missing, or is not what CodeCommit would ever send.
    """
    try:
        detail = event["detail"]
        if event["source"] != "aws.codecommit":
            raise MalformedEventError("the event does not come from aws.codecommit")
        arn = _checked(event["resources"][0], _ARN, "resources[0]")
        change = Change(detail["event"])
        push = Push(
            event_id=_text(event["id"], "id"),
            time=_time(event["time"]),
            account=str(event["account"]),
            region=str(event["region"]),
            repository=_checked(detail["repositoryName"], _REPOSITORY, "repositoryName"),
            repository_id=_text(detail["repositoryId"], "repositoryId"),
            repository_arn=arn,
            ref=_checked_ref(detail["referenceFullName"]),
            change=change,
            old=_optional_id(detail, "oldCommitId"),
            new=_optional_id(detail, "commitId"),
            pusher=detail.get("callerUserArn"),
            seen_s=int(detail[MARK]["firstSeen"]) if MARK in detail else None,
        )
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise MalformedEventError(f"a CodeCommit event lacks or garbles something ({error!r})") from None
    if (push.new is None) != (change is Change.DELETED):
        raise MalformedEventError(f"a {change.value} event of {push.repository} has the wrong commit ids")
    match = _ARN.fullmatch(arn)
    if match is None or match.group(4) != push.repository or match.group(3) != push.account:
        raise MalformedEventError("an event's repository, account and resource do not fit together")
    return push


def redact_text(text: str, secrets: frozenset[bytes]) -> str:
    """Return ``text`` with every occurrence of the given secrets redacted: pushers put secrets into names, too."""
    for secret in sorted(secrets, key=len, reverse=True):
        shown = secret.decode("utf-8", "surrogateescape")
        if shown and shown in text:
            text = text.replace(shown, REDACTED)
    return text


def tell(
    finding: Finding, *, fingerprint: str, advice: str, secrets: frozenset[bytes], identity: str = ""
) -> TellableFinding:
    """Return what may be told of a finding. ``secrets`` are all secrets of the push, to be kept out of every text."""

    def safe(text: str, limit: int = 400) -> str:
        # Surrogates (bytes that are not UTF-8) cannot be written as JSON; control characters do not belong into mails.
        shown = redact_text(text, secrets).encode("utf-8", "backslashreplace").decode()
        shown = "".join(c if c.isprintable() else " " for c in shown)
        return shown if len(shown) <= limit else shown[: limit - 1] + "…"

    match, author = finding.match, finding.author
    return TellableFinding(
        rule_id=match.rule_id,
        title=match.title,
        confidence=match.confidence,
        path=safe(finding.path, 1024),
        line=match.span.start_line,
        end_line=match.span.end_line,
        commit=finding.commit,
        author=safe(author.name) if author else "",
        email=safe(author.email) if author else "",
        date=author.date if author else "",
        source=finding.source.value,
        fingerprint=fingerprint,
        snippet=safe(match.snippet),
        advice=advice,
        decoded_from=tuple(safe(each) for each in match.decoded_from),
        identity=identity,
    )


def finding_detail(finding: TellableFinding) -> dict[str, Any]:
    """Return a finding as an event's ``detail`` carries it."""
    return {
        "ruleId": finding.rule_id,
        "title": finding.title,
        "confidence": finding.confidence.label,
        "path": finding.path,
        "line": finding.line,
        "endLine": finding.end_line,
        "commitId": finding.commit,
        "author": finding.author,
        "email": finding.email,
        "date": finding.date,
        "source": finding.source,
        "fingerprint": finding.fingerprint,
        "snippet": finding.snippet,
        "advice": finding.advice,
        "decodedFrom": list(finding.decoded_from),
        "identity": finding.identity,
    }


def finding_from(data: Mapping[str, Any]) -> TellableFinding:
    """Read a finding back from an event's ``detail``."""
    return TellableFinding(
        rule_id=data["ruleId"],
        title=data["title"],
        confidence=Confidence.parse(data["confidence"]),
        path=data["path"],
        line=int(data["line"]),
        end_line=int(data["endLine"]),
        commit=_optional_id(data, "commitId"),
        author=data["author"],
        email=data["email"],
        date=data["date"],
        source=data["source"],
        fingerprint=data["fingerprint"],
        snippet=data["snippet"],
        advice=data["advice"],
        decoded_from=tuple(data["decodedFrom"]),
        identity=_identity(data.get("identity", "")),
    )


def _identity(value: Any) -> str:
    return "" if value == "" else _checked(value, ACCESS_KEY_ID, "identity")


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 256:  # noqa: PLR2004 - longer than any id AWS gives
        raise MalformedEventError(f"{name} of an event is not a short text")
    return value


def _time(value: Any, precision: str = "seconds") -> str:
    # One spelling, so that text order is time order: EventBridge writes a Z, Python +00:00.
    return datetime.fromisoformat(value).astimezone(UTC).isoformat(timespec=precision)


def _checked(value: Any, pattern: re.Pattern[str], name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedEventError(f"{name} of an event is not one: {str(value)[:120]!r}")
    return value


def _checked_ref(value: Any) -> str:
    if not isinstance(value, str) or not _REF.fullmatch(value) or _BAD_REF.search(value):
        raise MalformedEventError(f"referenceFullName of an event is not a branch or tag: {str(value)[:120]!r}")
    return value


def _optional_id(detail: Mapping[str, Any], name: str) -> str | None:
    value = detail.get(name)
    return None if value is None else _checked(value, _OBJECT_ID, name)
