"""What a security event says of a push: the findings, what shall be done about them, and what it builds on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pushwarden.aws.githttp import Advertisement
from pushwarden.aws.state import Frontier, RefState
from pushwarden.events import Push, SecurityEvent
from pushwarden.history.introduced import Introduced
from pushwarden.history.objects import Commit
from pushwarden.model import Finding, Result
from pushwarden.respond.policy import decide
from pushwarden.service.ahead import ancestors
from pushwarden.service.app import App
from pushwarden.service.frontier import Ahead
from pushwarden.service.telling import filled, tellable

_MAX_GAPS: Final = 50


@dataclass(frozen=True, slots=True)
class Reading:
    """A push as far as it could be read and scanned."""

    found: Introduced
    commits: Sequence[Commit] = ()
    tip: str | None = None
    """What the ref holds: the push's commit or the tag that points at it; None if it stands elsewhere by now."""
    unseen: bool = False
    """Nothing of it could be read: the frontier must not claim it."""
    left: Sequence[Commit] = ()
    """Commits that were read although the push took them away."""
    clean: str | None = None
    """What the ref stood at before the push, if that was read with it for the first time and brings in nothing."""
    ahead: Ahead | None = None
    """What else was scanned with it, and is settled for the events that are still to come."""
    advertised: Advertisement = field(default_factory=lambda: Advertisement({}, {}, frozenset()))


def named(push: Push, left: str | None, reading: Reading, findings: Sequence[Finding]) -> Push:
    """Return the push without its pusher's name if a finding came with a push before it, whose event has not come yet."""
    before = ancestors(reading.commits, left) if left is not None else frozenset()
    return replace(push, pusher=None) if any(finding.commit in before for finding in findings) else push


def security_event(
    app: App, push: Push, frontier: Frontier, reading: Reading, findings: Sequence[Finding]
) -> SecurityEvent | None:
    """Return what is to be published of a push, or None if there is nothing to tell.

    Args:
        app: clients and settings.
        push: which ref moved, and how.
        frontier: how far each ref was scanned before it.
        reading: what was read.
        findings: those of its findings that nobody was told of.
    """
    if not findings and not reading.found.gaps:
        return None
    result = Result.INCOMPLETE if reading.found.gaps else Result.FINDINGS
    told, gaps = tellable(app, findings, reading.found.gaps[:_MAX_GAPS])
    actions = decide(
        change=push.change,
        confidences=[f.match.confidence for f in findings],
        result=result,
        policy=app.settings.policy,
        reset_allowed=lambda: _on_ref(app, reading, findings) and _reset_allowed(app, push),
        revocable=[each.confidence for each in told if each.identity],
    )
    row = frontier.rows.get(push.ref, RefState(push.ref))
    event = SecurityEvent(
        incident_id=push.incident_id,
        push=push,
        accepted=None if row.deleted else row.accepted_object or row.accepted,
        base_commits=_bases(reading.commits),
        result=result,
        actions=actions,
        findings=(),
        finding_count=len(findings),
        gaps=tuple(gaps),
        commits_scanned=reading.found.commits,
    )
    return filled(event, told)


def _bases(commits: Sequence[Commit]) -> tuple[str, ...]:
    new = {commit.commit_id for commit in commits}
    return tuple(sorted({parent for commit in commits for parent in commit.parents if parent not in new}))


def _on_ref(app: App, reading: Reading, findings: Sequence[Finding]) -> bool:
    """Tell whether the ref itself holds what calls for a reset, and not only the commits that this push took away."""
    least = app.settings.policy.thresholds["reset"]
    gone = {commit.commit_id for commit in reading.left}
    return any(f.commit not in gone and least is not None and f.match.confidence >= least for f in findings)


def _reset_allowed(app: App, push: Push) -> bool:
    if app.settings.policy.allows_reset(push.repository):
        return True
    # Not asked of CodeCommit: its requests are few, and shared by the whole account.
    tags = app.tags.of(push.repository_arn)
    return tags.get(app.settings.reset_tag_key) == app.settings.reset_tag_value
