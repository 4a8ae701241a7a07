"""Comments on commits and in pull requests."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from pushwarden.local.codecommit import trees
from pushwarden.local.codecommit.api import pulls
from pushwarden.local.codecommit.api.call import Call, commit_id, require_commit
from pushwarden.local.codecommit.api.pages import max_results, page
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.events import comment_change
from pushwarden.local.codecommit.records import Comment
from pushwarden.local.codecommit.state import Repository, utcnow

MAX_CHARACTERS: Final = 10_240
PAGE: Final = 100


def post_comment_for_compared_commit(call: Call) -> dict[str, Any]:
    """Answer PostCommentForComparedCommit."""
    comment = _post(call, call.repository, None)
    return {**_place(call.repository, comment), "comment": comment.shape()}


def post_comment_for_pull_request(call: Call) -> dict[str, Any]:
    """Answer PostCommentForPullRequest."""
    repository, pull = pulls.find(call)
    comment = _post(call, repository, pull.pull_request_id)
    return {
        **_place(repository, comment),
        "pullRequestId": pull.pull_request_id,
        "comment": comment.shape(),
    }


def post_comment_reply(call: Call) -> dict[str, Any]:
    """Answer PostCommentReply: a reply stands where the comment stands that it answers."""
    repository, parent = _find(call, call.text("inReplyTo"))
    draft = replace(
        _draft(call),
        before_commit=parent.before_commit,
        after_commit=parent.after_commit,
        location=parent.location,
        in_reply_to=parent.comment_id,
        pull_request_id=parent.pull_request_id,
    )
    return {"comment": _keep(call, repository, draft).shape()}


def get_comment(call: Call) -> dict[str, Any]:
    """Answer GetComment."""
    return {"comment": _find(call, call.text("commentId"))[1].shape()}


def update_comment(call: Call) -> dict[str, Any]:
    """Answer UpdateComment: only its author may."""
    _, comment = _find(call, call.text("commentId"))
    if comment.author_arn != call.principal.arn:
        raise ApiError("CommentNotCreatedByCallerException", "Only its author can change a comment")
    if comment.deleted:
        raise ApiError("CommentDeletedException", "The comment's content was deleted")
    comment.content, comment.modified = _content(call), utcnow()
    return {"comment": comment.shape()}


def delete_comment_content(call: Call) -> dict[str, Any]:
    """Answer DeleteCommentContent."""
    _, comment = _find(call, call.text("commentId"))
    if comment.deleted:
        raise ApiError("CommentDeletedException", "The comment's content was deleted already")
    comment.deleted, comment.modified = True, utcnow()
    return {"comment": comment.shape()}


def get_comments_for_compared_commit(call: Call) -> dict[str, Any]:
    """Answer GetCommentsForComparedCommit."""
    repository = call.repository
    after = require_commit(repository, commit_id(call.text("afterCommitId")), "CommitDoesNotExistException").commit_id
    before = call.optional("beforeCommitId")
    wanted = [
        each
        for each in repository.comments
        if each.pull_request_id is None and each.after_commit == after and before in (None, each.before_commit)
    ]
    shown, token = _page_of_places(call, repository, wanted)
    return {"commentsForComparedCommitData": shown, "nextToken": token}


def get_comments_for_pull_request(call: Call) -> dict[str, Any]:
    """Answer GetCommentsForPullRequest."""
    repository, pull = pulls.find(call)
    before, after = call.optional("beforeCommitId"), call.optional("afterCommitId")
    wanted = [
        each
        for each in repository.comments
        if each.pull_request_id == pull.pull_request_id
        and before in (None, each.before_commit)
        and after in (None, each.after_commit)
    ]
    shown, token = _page_of_places(call, repository, wanted)
    return {
        "commentsForPullRequestData": [{"pullRequestId": pull.pull_request_id, **each} for each in shown],
        "nextToken": token,
    }


def repositories(call: Call) -> Sequence[str | None]:
    """Return the repository on which an operation on one comment is authorised."""
    return [_find(call, call.optional("commentId") or call.text("inReplyTo"))[0].name]


def _page_of_places(
    call: Call, repository: Repository, comments: Iterable[Comment]
) -> tuple[Sequence[dict[str, Any]], str | None]:
    """Group comments by where they stand, and return one page of the groups."""
    groups: dict[tuple[Any, ...], list[Comment]] = {}
    for comment in comments:
        location = tuple(sorted((comment.location or {}).items()))
        groups.setdefault((comment.before_commit, comment.after_commit, location), []).append(comment)
    places = [
        {**_place(repository, group[0]), "comments": [each.shape() for each in group]} for group in groups.values()
    ]
    return page(places, call.optional("nextToken"), max_results(call.params, "maxResults", PAGE, 500))


def _post(call: Call, repository: Repository, pull_request_id: str | None) -> Comment:
    before, after = call.optional("beforeCommitId"), commit_id(call.text("afterCommitId"))
    before = commit_id(before) if before is not None else None
    if before == after:
        raise ApiError(
            "BeforeCommitIdAndAfterCommitIdAreSameException", "The before and the after commit must not be the same"
        )
    for each in filter(None, (before, after)):
        require_commit(repository, each, "CommitDoesNotExistException")
    location = dict(call.params.get("location", {})) or None
    draft = replace(
        _draft(call), before_commit=before, after_commit=after, location=location, pull_request_id=pull_request_id
    )
    if location is not None and _blobs(repository, draft) == (None, None):
        raise ApiError("PathDoesNotExistException", f"{location.get('filePath')} exists in neither commit")
    return _keep(call, repository, draft)


def _draft(call: Call) -> Comment:
    now = utcnow()
    return Comment(
        comment_id=str(uuid.uuid4()),
        content=_content(call),
        author_arn=call.principal.arn,
        created=now,
        modified=now,
        before_commit=None,
        after_commit="",
        location=None,
        client_request_token=call.optional("clientRequestToken"),
    )


def _content(call: Call) -> str:
    content = call.text("content")
    if len(content) > MAX_CHARACTERS:
        raise ApiError("CommentContentSizeLimitExceededException", f"A comment has at most {MAX_CHARACTERS} characters")
    return content


def _keep(call: Call, repository: Repository, draft: Comment) -> Comment:
    """Store a comment and send its event; the same token again gives the comment of the first time."""
    with repository.lock:
        for old in repository.comments:
            if draft.client_request_token is None or old.client_request_token != draft.client_request_token:
                continue
            if _substance(old) != _substance(draft):
                raise ApiError("IdempotencyParameterMismatchException", "The token was used with other parameters")
            return old
        repository.comments.append(draft)
    fields = {
        "beforeCommitId": draft.before_commit,
        "afterCommitId": draft.after_commit,
        "commentId": draft.comment_id,
        "inReplyTo": draft.in_reply_to,
    }
    origin = call.account.origin(repository)
    call.account.switches.send(comment_change(origin, fields, call.principal.arn, draft.created, draft.pull_request_id))
    return draft


def _substance(comment: Comment) -> tuple[object, ...]:
    return (
        comment.content,
        comment.author_arn,
        comment.before_commit,
        comment.after_commit,
        comment.location,
        comment.in_reply_to,
        comment.pull_request_id,
    )


def _place(repository: Repository, comment: Comment) -> dict[str, Any]:
    before_blob, after_blob = _blobs(repository, comment)
    return {
        "repositoryName": repository.name,
        "beforeCommitId": comment.before_commit,
        "afterCommitId": comment.after_commit,
        "beforeBlobId": before_blob,
        "afterBlobId": after_blob,
        "location": comment.location,
    }


def _blobs(repository: Repository, comment: Comment) -> tuple[str | None, str | None]:
    """Return the ids of the commented file before and after."""
    path = (comment.location or {}).get("filePath")
    if path is None:
        return None, None

    def blob(commit: str | None) -> str | None:
        if commit is None:
            return None
        entry = trees.find(repository.git.objects, require_commit(repository, commit).tree, path.encode())
        return None if entry is None or entry.is_tree else entry.object_id

    return blob(comment.before_commit), blob(comment.after_commit)


def _find(call: Call, comment_id: str) -> tuple[Repository, Comment]:
    for repository in call.account.repositories():
        for comment in repository.comments:
            if comment.comment_id == comment_id:
                return repository, comment
    raise ApiError("CommentDoesNotExistException", f"The comment {comment_id} does not exist")
