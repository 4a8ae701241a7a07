"""The account's repositories: names, tags, refs, pull requests and comments, and what a change of a ref sets off."""

from __future__ import annotations

import datetime as dt
import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pushwarden.local.codecommit import events, trees
from pushwarden.local.codecommit.auth import Principal
from pushwarden.local.codecommit.bare import BRANCHES, ZERO_ID, BareRepository
from pushwarden.local.codecommit.delivery import EventSwitches
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.iam import AccessRequest, Decision, evaluate
from pushwarden.local.codecommit.records import Comment, PullRequest

MAX_OPEN_READERS: Final = 16
"""Object readers are processes: the ones used least recently are closed."""

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")

OnDecision = Callable[[Principal, AccessRequest, Decision], None]


def utcnow() -> dt.datetime:
    """Return the time, with its zone."""
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True)
class Repository:
    """One repository. Its attributes change under ``lock``."""

    repository_id: str
    name: str
    arn: str
    git: BareRepository
    created: dt.datetime
    modified: dt.datetime
    description: str | None = None
    kms_key_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def default_branch(self) -> str | None:
        """The default branch's short name; None before the first push."""
        head = self.git.head()
        return head.removeprefix(BRANCHES) if self.git.ref(head) else None


class Account:
    """Everything that the server remembers, and the rules by which it changes; safe to use from several threads."""

    def __init__(self, root: Path, account: str, region: str, switches: EventSwitches) -> None:
        self.root = root
        self.account = account
        self.region = region
        self.switches = switches
        self.git_url = ""
        """What clone URLs start with; the server sets it."""
        self.lock = threading.RLock()
        self._repositories: dict[str, Repository] = {}
        self.pull_requests: dict[str, PullRequest] = {}
        self._readers: OrderedDict[str, BareRepository] = OrderedDict()
        self.on_decision: OnDecision | None = None
        """Told of every decision about access."""

    # Repositories

    def arn(self, name: str) -> str:
        """Return the ARN of the repository ``name``, whether or not it exists."""
        return f"arn:aws:codecommit:{self.region}:{self.account}:{name}"

    def repository(self, name: str) -> Repository:
        """Return the repository.

        Raises:
            ApiError: there is none of that name (names are case-sensitive).
        """
        with self.lock:
            found = self._repositories.get(name)
        if found is None:
            raise ApiError("RepositoryDoesNotExistException", f"{name} does not exist")
        self._touch(found)
        return found

    def repository_by_arn(self, arn: str) -> Repository:
        """Return the repository of that ARN.

        Raises:
            ApiError: it is no ARN of a repository of this account and region, or there is no such repository.
        """
        prefix = self.arn("")
        if not arn.startswith(prefix) or not NAME.fullmatch(arn.removeprefix(prefix)):
            raise ApiError("InvalidResourceArnException", f"{arn} is not the ARN of a repository here")
        return self.repository(arn.removeprefix(prefix))

    def repositories(self) -> Sequence[Repository]:
        """Return all repositories by name."""
        with self.lock:
            return [self._repositories[name] for name in sorted(self._repositories)]

    def create(self, name: str, *, description: str | None, kms_key_id: str | None, tags: dict[str, str]) -> Repository:
        """Make an empty repository.

        Raises:
            ApiError: the name is taken or not valid.
        """
        self._check_new_name(name)
        repository_id = str(uuid.uuid4())
        git = BareRepository.create(self.root / "repositories" / f"{repository_id}.git")
        now = utcnow()
        repository = Repository(repository_id, name, self.arn(name), git, now, now, description, kms_key_id, tags)
        with self.lock:
            self._check_new_name(name)
            self._repositories[name] = repository
        return repository

    def rename(self, old: str, new: str) -> None:
        """Give a repository another name.

        Raises:
            ApiError: there is no ``old``, or ``new`` is taken or not valid.
        """
        with self.lock:
            repository = self.repository(old)
            self._check_new_name(new)
            del self._repositories[old]
            repository.name, repository.arn, repository.modified = new, self.arn(new), utcnow()
            self._repositories[new] = repository

    def delete(self, name: str) -> str | None:
        """Delete a repository and return its id; None when there is none of that name."""
        with self.lock:
            repository = self._repositories.pop(name, None)
            if repository is None:
                return None
            self._readers.pop(repository.repository_id, None)
        with repository.lock:
            repository.git.remove()
        return repository.repository_id

    def close(self) -> None:
        """End the readers' processes."""
        for repository in self.repositories():
            repository.git.objects.close()

    def _check_new_name(self, name: str) -> None:
        if not NAME.fullmatch(name) or name.endswith(".git"):
            raise ApiError("InvalidRepositoryNameException", f"{name} is not a valid repository name")
        if name in self._repositories:
            raise ApiError("RepositoryNameExistsException", f"Repository named {name} already exists")

    def _touch(self, repository: Repository) -> None:
        with self.lock:
            self._readers[repository.repository_id] = repository.git
            self._readers.move_to_end(repository.repository_id)
            oldest = self._readers.popitem(last=False)[1] if len(self._readers) > MAX_OPEN_READERS else None
        if oldest is not None:
            oldest.objects.close()

    # Access

    def decide(
        self, principal: Principal, action: str, name: str | None, extra: dict[str, Sequence[str]] | None = None
    ) -> Decision:
        """Decide whether the caller may do ``action`` on the repository ``name`` (None: on no repository)."""
        context: dict[str, Sequence[str]] = {"aws:principalarn": [principal.policy_arn]}
        with self.lock:
            repository = self._repositories.get(name) if name is not None else None
        for key, value in dict(repository.tags).items() if repository else ():
            context[f"aws:resourcetag/{key.lower()}"] = [value]
        context |= {key.lower(): values for key, values in (extra or {}).items()}
        resource = "*" if name is None else self.arn(name)
        request = AccessRequest(f"codecommit:{action}", resource, context)
        decision = evaluate(principal.policies, request)
        if self.on_decision is not None:
            self.on_decision(principal, request, decision)
        return decision

    # Changes of refs

    def origin(self, repository: Repository) -> events.Origin:
        """Return what the events of a repository say of it."""
        return events.Origin(self.account, self.region, repository.arn, repository.name, repository.repository_id)

    def move_ref(self, repository: Repository, principal: Principal, change: events.RefChange) -> None:
        """Move one ref for an API call, then do what follows from it.

        Raises:
            RefConflictError: the ref does not stand at ``change.old``.
        """
        if change.old == change.new:
            return
        with repository.lock:
            repository.git.update_ref(change.ref, change.new, change.old)
            self.refs_moved(repository, principal, [change])

    def refs_moved(self, repository: Repository, principal: Principal, changes: Iterable[events.RefChange]) -> None:
        """Do what follows from refs that moved: default branch, events, pull requests. Call with ``lock`` held."""
        now = utcnow()
        for change in changes:
            if change.ref.startswith(BRANCHES) and change.new != ZERO_ID and repository.default_branch is None:
                repository.git.set_head(change.ref)
            repository.modified = now
            kind, _ = events.reference_kind(change.ref)
            if kind != "other" or self.switches.other_refs:
                event = events.state_change(
                    self.origin(repository), self._as_event_says(repository, change), principal.arn, now
                )
                self.switches.send(event)
            self._follow_sources(repository, principal, change, now)

    def _as_event_says(self, repository: Repository, change: events.RefChange) -> events.RefChange:
        if self.switches.annotated_tag_event == "tag":
            return change
        return replace(change, old=peel(repository.git, change.old), new=peel(repository.git, change.new))

    def _follow_sources(
        self, repository: Repository, principal: Principal, change: events.RefChange, now: dt.datetime
    ) -> None:
        with self.lock:
            followed = [
                pull
                for pull in self.pull_requests.values()
                if pull.is_open and pull.repository_id == repository.repository_id
            ]
        for pull in followed:
            if pull.source_reference == change.ref and change.new not in (ZERO_ID, pull.source_commit):
                pull.source_commit, pull.last_activity, pull.revision_id = change.new, now, uuid.uuid4().hex
                self.send_pull_request_event(repository, pull, "pullRequestSourceBranchUpdated", principal)

    def send_pull_request_event(
        self, repository: Repository, pull: PullRequest, event: str, principal: Principal
    ) -> None:
        """Send a "Pull Request State Change" event."""
        fields = pull.event_fields()
        self.switches.send(events.pull_request_change(self.origin(repository), event, fields, principal.arn, utcnow()))


def peel(git: BareRepository, object_id: str) -> str:
    """Follow annotated tags to what they name; any other id stays."""
    while (data := git.objects.typed(object_id, "tag")) is not None:
        object_id = trees.tag_target(data)
    return object_id
