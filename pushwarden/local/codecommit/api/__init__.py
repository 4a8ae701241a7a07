"""The operations of the API: which function answers each, and on which resources it is authorised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pushwarden.local.codecommit.api import commits, repositories
from pushwarden.local.codecommit.api.call import Call, Operation
from pushwarden.local.codecommit.bare import BRANCHES


def _by_name(call: Call) -> Sequence[str | None]:
    return [call.text("repositoryName")]


def _by_arn(call: Call) -> Sequence[str | None]:
    return [call.account.repository_by_arn(call.text("resourceArn")).name]


def _branch(call: Call) -> Sequence[str]:
    return [BRANCHES + call.text("branchName")]


OPERATIONS: Final[Mapping[str, Operation]] = {
    "BatchGetCommits": Operation(commits.batch_get_commits, _by_name),
    "BatchGetRepositories": Operation(repositories.batch_get_repositories, lambda call: call.params["repositoryNames"]),
    "CreateBranch": Operation(commits.create_branch, _by_name, _branch),
    "CreateRepository": Operation(repositories.create_repository, _by_name),
    "DeleteBranch": Operation(commits.delete_branch, _by_name, _branch),
    "DeleteRepository": Operation(repositories.delete_repository, _by_name),
    "GetBlob": Operation(commits.get_blob, _by_name),
    "GetBranch": Operation(commits.get_branch, _by_name),
    "GetCommit": Operation(commits.get_commit, _by_name),
    "GetDifferences": Operation(commits.get_differences, _by_name),
    "GetFile": Operation(commits.get_file, _by_name),
    "GetFolder": Operation(commits.get_folder, _by_name),
    "GetRepository": Operation(repositories.get_repository, _by_name),
    "ListBranches": Operation(commits.list_branches, _by_name),
    "ListRepositories": Operation(repositories.list_repositories, lambda _: [None]),
    "ListTagsForResource": Operation(repositories.list_tags_for_resource, _by_arn),
    "TagResource": Operation(repositories.tag_resource, _by_arn),
    "UntagResource": Operation(repositories.untag_resource, _by_arn),
    "UpdateDefaultBranch": Operation(commits.update_default_branch, _by_name),
    "UpdateRepositoryDescription": Operation(repositories.update_repository_description, _by_name),
    "UpdateRepositoryName": Operation(repositories.update_repository_name, lambda call: [call.text("oldName")]),
}
