"""Move a ref back to its last accepted commit: after a backup, only if it still stands where the leak put it.

The move is one compare-and-swap: the server itself refuses if the ref stands elsewhere by then, so nobody's newer commits
are ever dropped. A reset does not purge CodeCommit: whoever knows a commit's id can still read it, so keys must be rotated.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

from pushwarden.aws.backups import Backups
from pushwarden.aws.codecommit import CodeCommit
from pushwarden.aws.githttp import ZERO_ID, Advertisement, GitEndpoint, RefRejectedError
from pushwarden.aws.retry import RetryPolicy
from pushwarden.events import Change, SecurityEvent
from pushwarden.respond import bundle
from pushwarden.respond.run import ALREADY, DONE, REFUSED, Outcome

_UPLOAD: Final = "git-upload-pack"
_RECEIVE: Final = "git-receive-pack"
BACKUP_BYTES_MAX: Final = 3 << 30
_SHORT: Final = 10


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """Which ref goes where, and why; or why it stays."""

    repository: str
    ref: str
    stands_at: str | None
    """What the ref holds now."""
    goes_to: str | None
    """The accepted commit; None: the ref is deleted."""
    backup_key: str
    bases: tuple[str, ...]
    """Commits that the backup may leave out, because they stay."""
    refusal: str | None = None
    settled: str | None = None
    """Why nothing is left to do."""

    def explain(self) -> str:
        """Return the plan in a sentence."""
        name = short_ref(self.ref)
        if self.settled or self.refusal:
            return self.settled or self.refusal or ""
        stood = (self.stands_at or "")[:_SHORT]
        move = f"move it back to {self.goes_to[:_SHORT]}" if self.goes_to else "delete it, as it did not exist before"
        return f"Back up {name} of {self.repository} from {stood} to {self.backup_key}, then {move}."


@dataclass(frozen=True, slots=True)
class Tools:
    """What carrying out a reset takes."""

    git: GitEndpoint
    codecommit: CodeCommit
    backups: Backups
    retry: RetryPolicy


def short_ref(ref: str) -> str:
    """Return a ref's name as people write it."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def backup_key(event: SecurityEvent) -> str:
    """Return where the removed commits of an incident are stored."""
    push = event.push
    return f"removed/{push.account}/{push.region}/{push.repository}/{event.incident_id}.bundle"


def plan(event: SecurityEvent, refs: Advertisement, default_branch: Callable[[], str | None]) -> ResetPlan:
    """Return what is to be done, given where the refs stand now.

    Args:
        event: the security event.
        refs: what the repository's git server advertises.
        default_branch: asked only if the ref would have to be deleted and may be the default branch.
    """
    push = event.push
    name, stands_at = short_ref(push.ref), refs.refs.get(push.ref)
    bases = (event.accepted,) if event.accepted else event.base_commits

    def made(*, settled: str | None = None, refusal: str | None = None) -> ResetPlan:
        return ResetPlan(
            push.repository, push.ref, stands_at, event.accepted, backup_key(event), bases, refusal, settled
        )

    if stands_at is None:
        return made(settled=f"{name} is gone already; there is nothing to move back.")
    if stands_at == event.accepted:
        return made(settled=f"{name} stands at the accepted commit {event.accepted[:_SHORT]} already.")
    if push.new not in {stands_at, refs.peeled.get(push.ref)}:
        return made(
            refusal=f"{name} was not moved: it stands at {stands_at[:_SHORT]} by now, and newer commits of other people are"
            " not Pushwarden's to drop. The secret is still in the history."
        )
    if event.accepted is None and push.change is not Change.CREATED:
        return made(refusal=f"{name} was not moved: Pushwarden knows no earlier commit of it without findings.")
    # Git's HEAD is the default branch. Where it holds another commit, this is not the one, and nobody need be asked.
    may_be_default = refs.refs.get("HEAD", stands_at) == stands_at
    if event.accepted is None and may_be_default and push.ref == f"refs/heads/{default_branch()}":
        return made(
            refusal=f"{name} was not deleted: it is the default branch, and there is no earlier commit to go back to."
            " Rotate the secret, then push a history without it."
        )
    return made()


def execute(the_plan: ResetPlan, refs: Advertisement, tools: Tools) -> Outcome:
    """Back up, move, verify.

    Raises:
        GitError: CodeCommit refused or cannot be reached; the ref stands where it stood.
        BackupError: the backup could not be stored; the ref stands where it stood.
    """
    if the_plan.settled:
        return Outcome(ALREADY, the_plan.settled)
    if the_plan.refusal:
        return Outcome(REFUSED, the_plan.refusal)
    bad = str(the_plan.stands_at)
    _back_up(the_plan, refs, tools)
    new = the_plan.goes_to or ZERO_ID
    name = short_ref(the_plan.ref)
    try:
        tools.git.update_ref(the_plan.repository, the_plan.ref, old=bad, new=new)
    except RefRejectedError as error:
        # What a refusal says is not documented, so the ref itself tells what happened.
        if not _stands(the_plan, tools, new):
            return Outcome(
                REFUSED, f"{name} was not moved: {error}. Its commits are backed up.", _facts(the_plan, tools)
            )
    done = f"moved back to {new[:_SHORT]}" if the_plan.goes_to else "deleted, as it did not exist before"
    if not _stands(the_plan, tools, new):
        done += ", and somebody moved it again at once: look at it"
    return Outcome(
        DONE,
        f"{name} was {done}. The removed commits ({bad[:_SHORT]}) are backed up;"
        f" `pushwarden restore` gives them back. They stay readable by id in CodeCommit: rotate the secret.",
        _facts(the_plan, tools),
    )


def reset(event: SecurityEvent, tools: Tools) -> Outcome:
    """Look where the ref stands, plan, and carry the plan out."""
    repository = event.push.repository
    refs = _where_refs_stand(event, tools)
    the_plan = plan(event, refs, lambda: tools.codecommit.repository(repository).default_branch)
    return execute(the_plan, refs, tools)


def _where_refs_stand(event: SecurityEvent, tools: Tools) -> Advertisement:
    repository, offered = event.push.repository, tools.git.offered(_UPLOAD)
    if offered and not tools.git.offered(_RECEIVE) and event.push.ref.startswith("refs/heads/"):
        # The writing side lists branches as well, and to move one takes knowing what it is capable of: one request for both.
        listed = tools.retry.call(lambda: tools.git.advertisement(repository, _RECEIVE))
        return Advertisement(listed.refs, listed.peeled, offered)
    return tools.retry.call(lambda: tools.git.advertisement(repository, _UPLOAD))


def _back_up(the_plan: ResetPlan, refs: Advertisement, tools: Tools) -> None:
    bad = str(the_plan.stands_at)
    with tempfile.TemporaryFile(prefix="pushwarden-") as file:

        def fetch() -> int:
            file.seek(0)
            file.truncate()
            head = bundle.header(bad, the_plan.ref, the_plan.bases)
            file.write(head)
            size = tools.git.fetch(
                the_plan.repository,
                wants=[bad],
                haves=the_plan.bases,
                advertised=refs,
                into=file,
                max_bytes=BACKUP_BYTES_MAX,
            )
            return len(head) + size

        size_bytes = tools.retry.call(fetch)
        file.seek(0)
        tools.backups.put(the_plan.backup_key, file, size_bytes, metadata={"tip": bad})


def _stands(the_plan: ResetPlan, tools: Tools, new: str) -> bool:
    if the_plan.ref.startswith("refs/heads/"):
        tip = tools.codecommit.branch_tip(the_plan.repository, the_plan.ref.removeprefix("refs/heads/"))
    else:
        refs = tools.retry.call(lambda: tools.git.advertisement(the_plan.repository, _UPLOAD))
        tip = refs.refs.get(the_plan.ref)
    return (tip or ZERO_ID) == new


def _facts(the_plan: ResetPlan, tools: Tools) -> dict[str, str]:
    return {
        "removedCommitId": str(the_plan.stands_at),
        "resetToCommitId": the_plan.goes_to or "",
        "backup": f"s3://{tools.backups.bucket}/{the_plan.backup_key}",
    }


def load_bundle(file: IO[bytes]) -> tuple[bundle.BundleHeader, bytes]:
    """Read a bundle: its header, and its pack whole.

    Raises:
        BundleError: it is not one of ours.
    """
    return bundle.read_header(file), file.read()
