"""The operations of the API: which function answers each, and on which resources it is authorised.

Which actions know the condition key ``codecommit:References`` follows
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodecommit.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pushwarden.local.codecommit.api import blobdiffs, comments, commits, edits, merges, pulls, repositories
from pushwarden.local.codecommit.api.call import Call, Operation
from pushwarden.local.codecommit.bare import BRANCHES


def _by_name(call: Call) -> Sequence[str | None]:
    return [call.text("repositoryName")]


def _by_arn(call: Call) -> Sequence[str | None]:
    return [call.account.repository_by_arn(call.text("resourceArn")).name]


def _by_targets(call: Call) -> Sequence[str | None]:
    return [target["repositoryName"] for target in call.params["targets"]]


def _branch(call: Call) -> Sequence[str]:
    return [BRANCHES + call.text("branchName")]


def _target(call: Call) -> Sequence[str]:
    return [BRANCHES + merges.target_branch(call)]


OPERATIONS: Final[Mapping[str, Operation]] = {
    "BatchGetCommits": Operation(commits.batch_get_commits, _by_name),
    "BatchGetRepositories": Operation(repositories.batch_get_repositories, lambda call: call.params["repositoryNames"]),
    "CreateBranch": Operation(commits.create_branch, _by_name, _branch),
    "CreateCommit": Operation(edits.create_commit, _by_name, _branch),
    "CreatePullRequest": Operation(pulls.create_pull_request, _by_targets),
    "CreateRepository": Operation(repositories.create_repository, _by_name),
    "CreateUnreferencedMergeCommit": Operation(merges.create_unreferenced_merge_commit, _by_name, _target),
    "DeleteBranch": Operation(commits.delete_branch, _by_name, _branch),
    "DeleteCommentContent": Operation(comments.delete_comment_content, comments.repositories),
    "DeleteFile": Operation(edits.delete_file, _by_name, _branch),
    "DeleteRepository": Operation(repositories.delete_repository, _by_name),
    "GetBlob": Operation(commits.get_blob, _by_name),
    "GetBlobDifferences": Operation(blobdiffs.get_blob_differences, _by_name),
    "GetBranch": Operation(commits.get_branch, _by_name),
    "GetComment": Operation(comments.get_comment, comments.repositories),
    "GetCommentsForComparedCommit": Operation(comments.get_comments_for_compared_commit, _by_name),
    "GetCommentsForPullRequest": Operation(comments.get_comments_for_pull_request, pulls.repositories),
    "GetCommit": Operation(commits.get_commit, _by_name),
    "GetDifferences": Operation(commits.get_differences, _by_name),
    "GetFile": Operation(commits.get_file, _by_name),
    "GetFolder": Operation(commits.get_folder, _by_name),
    "GetMergeCommit": Operation(merges.get_merge_commit, _by_name, _target),
    "GetMergeOptions": Operation(merges.get_merge_options, _by_name),
    "GetPullRequest": Operation(pulls.get_pull_request, pulls.repositories),
    "GetRepository": Operation(repositories.get_repository, _by_name),
    "ListBranches": Operation(commits.list_branches, _by_name),
    "ListPullRequests": Operation(pulls.list_pull_requests, _by_name),
    "ListRepositories": Operation(repositories.list_repositories, lambda _: [None]),
    "ListTagsForResource": Operation(repositories.list_tags_for_resource, _by_arn),
    "MergeBranchesByFastForward": Operation(merges.merge_branches_by_fast_forward, _by_name, _target),
    "MergeBranchesBySquash": Operation(merges.merge_branches_by_squash, _by_name, _target),
    "MergeBranchesByThreeWay": Operation(merges.merge_branches_by_three_way, _by_name, _target),
    "MergePullRequestByFastForward": Operation(
        pulls.merge_pull_request_by_fast_forward, pulls.repositories, pulls.references
    ),
    "MergePullRequestBySquash": Operation(pulls.merge_pull_request_by_squash, pulls.repositories, pulls.references),
    "MergePullRequestByThreeWay": Operation(
        pulls.merge_pull_request_by_three_way, pulls.repositories, pulls.references
    ),
    "PostCommentForComparedCommit": Operation(comments.post_comment_for_compared_commit, _by_name),
    "PostCommentForPullRequest": Operation(comments.post_comment_for_pull_request, pulls.repositories),
    "PostCommentReply": Operation(comments.post_comment_reply, comments.repositories),
    "PutFile": Operation(edits.put_file, _by_name, _branch),
    "TagResource": Operation(repositories.tag_resource, _by_arn),
    "UntagResource": Operation(repositories.untag_resource, _by_arn),
    "UpdateComment": Operation(comments.update_comment, comments.repositories),
    "UpdateDefaultBranch": Operation(commits.update_default_branch, _by_name),
    "UpdatePullRequestDescription": Operation(pulls.update_pull_request_description, pulls.repositories),
    "UpdatePullRequestStatus": Operation(pulls.update_pull_request_status, pulls.repositories),
    "UpdatePullRequestTitle": Operation(pulls.update_pull_request_title, pulls.repositories),
    "UpdateRepositoryDescription": Operation(repositories.update_repository_description, _by_name),
    "UpdateRepositoryName": Operation(repositories.update_repository_name, lambda call: [call.text("oldName")]),
}
