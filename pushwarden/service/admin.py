"""What people in charge do after a leak: lift the lock, give removed commits back. Plans first, here too."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from botocore.exceptions import ClientError

from pushwarden.aws.bus import PublishError
from pushwarden.aws.codecommit import Repository
from pushwarden.aws.githttp import ZERO_ID
from pushwarden.aws.state import RefState, accept
from pushwarden.errors import UsageError
from pushwarden.events import SecurityResolution
from pushwarden.model import SECURITY_RESOLUTION
from pushwarden.policies import INCIDENT_TAG_KEY, LOCKED
from pushwarden.respond.bundle import BundleHeader
from pushwarden.respond.reset import load_bundle, short_ref
from pushwarden.service.app import App

UNLOCKED: Final = "ok"
"""The value that AWS's own sample gives the tag of a repository in good order."""


@dataclass(frozen=True, slots=True)
class UnlockPlan:
    """What lifting a lock changes."""

    repository: Repository
    incident: str | None
    locked: bool
    accepts: tuple[RefState, ...]
    """Refs whose open findings are accepted with it."""
    looked_s: float
    """When that was looked at, in seconds since 1970: what is found later is not dealt with."""

    def explain(self) -> list[str]:
        """Return the plan, a sentence each."""
        if not self.locked:
            return [f"{self.repository.name} is not locked."]
        lines = [f"Unlock {self.repository.name} (incident {self.incident or 'unknown'})."]
        lines += [
            f"Accept {short_ref(row.ref)} as it was scanned last, at {(row.scanned or '')[:10]}: what is open there is"
            " not told of again, and later resets go back to it."
            for row in self.accepts
        ]
        return lines


def plan_unlock(app: App, repository_name: str, *, accept_open: bool = True) -> UnlockPlan:
    """Return what unlocking a repository would do.

    Raises:
        RepositoryGoneError: there is no such repository.
    """
    looked_s = app.wall_clock()
    repository = app.codecommit.repository(repository_name)
    tags = app.codecommit.tags(repository.arn)
    rows = app.state.frontier(repository.repository_id).rows.values()
    still_open = tuple(row for row in rows if row.open_commits and not row.deleted) if accept_open else ()
    locked = tags.get(app.settings.lock_tag_key) == LOCKED
    return UnlockPlan(repository, tags.get(INCIDENT_TAG_KEY), locked, still_open, looked_s)


def unlock(app: App, plan: UnlockPlan) -> None:
    """Carry the plan out.

    Raises:
        CodeCommitError: CodeCommit refused.
        StaleStateError: a push was scanned meanwhile; look again.
        UsageError: the lock is lifted, but nobody else could be told that.
    """
    if not plan.locked:
        return
    # The lock goes last: a failure before it leaves the repository as safe as it was.
    for row in plan.accepts:
        app.state.save_ref(plan.repository.repository_id, accept(row), now_s=app.wall_clock())
    app.codecommit.tag(plan.repository.arn, {app.settings.lock_tag_key: UNLOCKED})
    app.codecommit.untag(plan.repository.arn, [INCIDENT_TAG_KEY])
    _tell(app, plan)


def _tell(app: App, plan: UnlockPlan) -> None:
    """Put the resolution on the bus: its archive is the audit trail, and Security Hub listens."""
    name = plan.repository.name
    resolution = SecurityResolution(
        incident_id=plan.incident or "",
        repository=name,
        repository_id=plan.repository.repository_id,
        repository_arn=plan.repository.arn,
        summary=f"{name} was unlocked.",
        resolved_at=datetime.fromtimestamp(plan.looked_s, UTC).isoformat(timespec="milliseconds"),
    )
    try:
        app.bus.publish(SECURITY_RESOLUTION, resolution.to_detail(), resources=(plan.repository.arn,))
    except (PublishError, ClientError) as error:
        raise UsageError(
            f"{name} is unlocked, but that could not be put on the security bus ({type(error).__name__}): findings in"
            " Security Hub stay open. You need events:PutEvents on the bus and kms:Decrypt on the deployment's key."
        ) from None


@dataclass(frozen=True, slots=True)
class Backup:
    """A bundle of removed commits."""

    incident: str
    key: str


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """Which commits come back, and where."""

    repository: Repository
    backup: Backup
    header: BundleHeader
    pack: bytes
    ref: str

    def explain(self) -> str:
        """Return the plan in a sentence."""
        return (
            f"Put {self.header.object_id[:10]} (removed from {short_ref(self.header.ref)} by incident"
            f" {self.backup.incident}) back into {self.repository.name} as {short_ref(self.ref)}."
        )


def backups(app: App, repository: Repository) -> list[Backup]:
    """Return the bundles of a repository, oldest name first."""
    account, region = repository.arn.split(":")[4], repository.arn.split(":")[3]
    prefix = f"removed/{account}/{region}/{repository.name}/"
    return [Backup(key.removeprefix(prefix).removesuffix(".bundle"), key) for key in app.backups.names(prefix)]


def plan_restore(app: App, repository_name: str, incident: str, ref: str | None = None) -> RestorePlan:
    """Return what restoring an incident's commits would do.

    Args:
        app: acts with the rights of whoever restores.
        repository_name: the repository.
        incident: the incident's id, as the mails name it.
        ref: full name of the new branch or tag; by default ``restored/INCIDENT``.

    Raises:
        UsageError: there is no such backup, or the ref exists already, or the repository lacks what the backup builds on.
    """
    repository = app.codecommit.repository(repository_name)
    known = {each.incident: each for each in backups(app, repository)}
    if incident not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise UsageError(f"there is no backup of {incident} for {repository_name}; there are: {listed}")
    file = io.BytesIO()
    app.backups.get(known[incident].key, file)
    file.seek(0)
    header, pack = load_bundle(file)
    kind = "refs/tags/" if header.ref.startswith("refs/tags/") else "refs/heads/"
    target = ref or f"{kind}restored/{incident}"
    refs = app.git.advertisement(repository_name, "git-upload-pack").refs
    if target in refs:
        raise UsageError(f"{short_ref(target)} exists in {repository_name} already; name another with --branch")
    missing = (
        set(header.prerequisites)
        - {each.commit_id for each in app.codecommit.commits(repository_name, header.prerequisites)}
        if header.prerequisites
        else set()
    )
    if missing:
        raise UsageError(f"the backup builds on commits that {repository_name} lacks: {', '.join(sorted(missing))}")
    return RestorePlan(repository, known[incident], header, pack, target)


def restore(app: App, plan: RestorePlan) -> None:
    """Carry the plan out. The commits come back as they were, with the secret: they are not told of again there.

    Raises:
        GitError: CodeCommit refused; the ref is not there.
        StaleStateError: somebody pushes to that ref right now.
    """
    rows = app.state.frontier(plan.repository.repository_id).rows
    row = rows.get(plan.ref, RefState(plan.ref))
    tip = plan.header.object_id
    accepted = replace(
        row, scanned=tip, accepted=tip, accepted_object=tip, open_commits=(), deleted=False, restored=True
    )
    # Written down first: the push of the branch is an event like any other, and would be answered like a leak.
    app.state.save_ref(plan.repository.repository_id, accepted, now_s=app.wall_clock())
    app.git.update_ref(plan.repository.name, plan.ref, old=ZERO_ID, new=tip, pack=plan.pack)
