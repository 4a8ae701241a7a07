"""Pull requests."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from pushwarden.local.codecommit.api.call import Call, commit_id, require_commit
from pushwarden.local.codecommit.api.merges import FAST_FORWARD, SQUASH, THREE_WAY, merge_into, plan_merge
from pushwarden.local.codecommit.api.pages import max_results, page
from pushwarden.local.codecommit.bare import BRANCHES
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.records import PullRequest
from pushwarden.local.codecommit.state import Repository, peel, utcnow

PAGE: Final = 100


def find(call: Call) -> tuple[Repository, PullRequest]:
    """Return the pull request that the call names, with its repository.

    Raises:
        ApiError: there is none.
    """
    pull_id = call.text("pullRequestId")
    if not pull_id.isdigit():
        raise ApiError("InvalidPullRequestIdException", f"{pull_id} is not a valid pull request ID")
    pull = call.account.pull_requests.get(pull_id)
    for repository in call.account.repositories():
        if pull is not None and repository.repository_id == pull.repository_id:
            return repository, pull
    raise ApiError("PullRequestDoesNotExistException", f"The pull request {pull_id} does not exist")


def create_pull_request(call: Call) -> dict[str, Any]:
    """Answer CreatePullRequest: one target, as CodeCommit allows."""
    targets = call.params["targets"]
    if len(targets) != 1:
        raise ApiError("InvalidTargetsException", f"A pull request has exactly one target, not {len(targets)}")
    target = targets[0]
    repository = call.account.repository(target["repositoryName"])
    destination = _branch_ref(target.get("destinationReference") or repository.default_branch or "")
    source = _branch_ref(target["sourceReference"])
    if source == destination:
        raise ApiError("SourceAndDestinationAreSameException", "Source and destination are the same branch")
    repeated = _repeated(call, repository, source, destination)
    if repeated is not None:
        return {"pullRequest": _shape(repository, repeated)}
    tips = [_tip(repository, ref) for ref in (source, destination)]
    bases = repository.git.merge_bases(tips[0], tips[1])
    now = utcnow()
    with call.account.lock:
        pull = PullRequest(
            pull_request_id=str(len(call.account.pull_requests) + 1),
            repository_id=repository.repository_id,
            title=call.text("title"),
            description=call.optional("description"),
            author_arn=call.principal.arn,
            created=now,
            last_activity=now,
            source_reference=source,
            destination_reference=destination,
            source_commit=tips[0],
            destination_commit=tips[1],
            merge_base=bases[0] if bases else None,
            revision_id=uuid.uuid4().hex,
            client_request_token=call.optional("clientRequestToken"),
        )
        call.account.pull_requests[pull.pull_request_id] = pull
    call.account.send_pull_request_event(repository, pull, "pullRequestCreated", call.principal)
    return {"pullRequest": _shape(repository, pull)}


def _repeated(call: Call, repository: Repository, source: str, destination: str) -> PullRequest | None:
    """Return the pull request that an earlier call with the same token made."""
    token = call.optional("clientRequestToken")
    with call.account.lock:
        same = [each for each in call.account.pull_requests.values() if token and each.client_request_token == token]
    if not same:
        return None
    old = same[0]
    asked = (repository.repository_id, source, destination, call.text("title"), call.optional("description"))
    if asked != (old.repository_id, old.source_reference, old.destination_reference, old.title, old.description):
        raise ApiError("IdempotencyParameterMismatchException", "The token was used with other parameters")
    return old


def get_pull_request(call: Call) -> dict[str, Any]:
    """Answer GetPullRequest."""
    return {"pullRequest": _shape(*find(call))}


def list_pull_requests(call: Call) -> dict[str, Any]:
    """Answer ListPullRequests: ids, newest first."""
    repository, status, author = call.repository, call.optional("pullRequestStatus"), call.optional("authorArn")
    with call.account.lock:
        pulls = list(call.account.pull_requests.values())
    ids = [
        pull.pull_request_id
        for pull in reversed(pulls)
        if pull.repository_id == repository.repository_id
        and status in (None, pull.status)
        and author in (None, pull.author_arn)
    ]
    size = max_results(call.params, "maxResults", PAGE, PAGE)
    shown, token = page(ids, call.optional("nextToken"), size)
    return {"pullRequestIds": shown, "nextToken": token}


def update_pull_request_status(call: Call) -> dict[str, Any]:
    """Answer UpdatePullRequestStatus: open to closed, and never back."""
    repository, pull = find(call)
    with repository.lock:
        if call.text("pullRequestStatus") == pull.status:
            return {"pullRequest": _shape(repository, pull)}
        if not pull.is_open:
            raise ApiError("InvalidPullRequestStatusUpdateException", "A closed pull request cannot be opened again")
        pull.is_open, pull.last_activity = False, utcnow()
        call.account.send_pull_request_event(repository, pull, "pullRequestStatusChanged", call.principal)
    return {"pullRequest": _shape(repository, pull)}


def update_pull_request_title(call: Call) -> dict[str, Any]:
    """Answer UpdatePullRequestTitle."""
    repository, pull = _open(call)
    pull.title, pull.last_activity = call.text("title"), utcnow()
    return {"pullRequest": _shape(repository, pull)}


def update_pull_request_description(call: Call) -> dict[str, Any]:
    """Answer UpdatePullRequestDescription."""
    repository, pull = _open(call)
    pull.description, pull.last_activity = call.text("description"), utcnow()
    return {"pullRequest": _shape(repository, pull)}


def merge_pull_request_by_fast_forward(call: Call) -> dict[str, Any]:
    """Answer MergePullRequestByFastForward."""
    return _merge(call, FAST_FORWARD)


def merge_pull_request_by_squash(call: Call) -> dict[str, Any]:
    """Answer MergePullRequestBySquash."""
    return _merge(call, SQUASH)


def merge_pull_request_by_three_way(call: Call) -> dict[str, Any]:
    """Answer MergePullRequestByThreeWay."""
    return _merge(call, THREE_WAY)


def _merge(call: Call, option: str) -> dict[str, Any]:
    repository, pull = _open(call)
    with repository.lock:
        source = require_commit(repository, _tip(repository, pull.source_reference))
        given = call.optional("sourceCommitId")
        if given is not None and commit_id(given) != source.commit_id:
            raise ApiError("TipOfSourceReferenceIsDifferentException", f"The source branch is at {source.commit_id}")
        destination = require_commit(repository, _tip(repository, pull.destination_reference))
        plan = plan_merge(call, repository, source, destination)
        pull.destination_commit = destination.commit_id
        pull.is_open = False  # before the ref moves: the move must not count as an update of its source
        try:
            commit = merge_into(call, repository, plan, option, pull.destination_reference)
        except ApiError:
            pull.is_open = True
            raise
        pull.last_activity = utcnow()
        pull.merge = {
            "isMerged": True,
            "mergedBy": call.principal.arn,
            "mergeCommitId": commit.commit_id,
            "mergeOption": option,
        }
        call.account.send_pull_request_event(repository, pull, "pullRequestMergeStatusUpdated", call.principal)
    return {"pullRequest": _shape(repository, pull)}


def _open(call: Call) -> tuple[Repository, PullRequest]:
    repository, pull = find(call)
    if not pull.is_open:
        raise ApiError("PullRequestAlreadyClosedException", f"The pull request {pull.pull_request_id} is closed")
    return repository, pull


def _shape(repository: Repository, pull: PullRequest) -> dict[str, Any]:
    if pull.is_open:
        pull.destination_commit = repository.git.ref(pull.destination_reference) or pull.destination_commit
    return pull.shape(repository.name)


def _branch_ref(name: str) -> str:
    return BRANCHES + name.removeprefix(BRANCHES)


def _tip(repository: Repository, ref: str) -> str:
    tip = repository.git.ref(ref)
    if tip is None:
        raise ApiError("ReferenceDoesNotExistException", f"The reference {ref} does not exist")
    return peel(repository.git, tip)


def repositories(call: Call) -> Sequence[str | None]:
    """Return the repository on which an operation on a pull request is authorised."""
    return [find(call)[0].name]


def references(call: Call) -> Sequence[str]:
    """Return the ref that the merge of a pull request moves."""
    return [find(call)[1].destination_reference]
