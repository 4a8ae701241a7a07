"""Repositories and their tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pushwarden.local.codecommit.api.call import Call
from pushwarden.local.codecommit.api.pages import page
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.state import Account, Repository, utcnow

MAX_TAGS: Final = 50
MAX_BATCH: Final = 100
LIST_PAGE: Final = 1000


def metadata(account: Account, repository: Repository) -> dict[str, Any]:
    """Return the API's ``RepositoryMetadata``; it carries no tags."""
    return {
        "accountId": account.account,
        "repositoryId": repository.repository_id,
        "repositoryName": repository.name,
        "repositoryDescription": repository.description,
        "defaultBranch": repository.default_branch,
        "lastModifiedDate": repository.modified,
        "creationDate": repository.created,
        "cloneUrlHttp": account.git_url + repository.name,
        "cloneUrlSsh": f"ssh://git-codecommit.{account.region}.amazonaws.com/v1/repos/{repository.name}",
        "Arn": repository.arn,
        "kmsKeyId": repository.kms_key_id,
    }


def create_repository(call: Call) -> dict[str, Any]:
    """Answer CreateRepository."""
    tags = dict(call.params.get("tags", {}))
    _check_tags(tags)
    repository = call.account.create(
        call.text("repositoryName"),
        description=call.optional("repositoryDescription"),
        kms_key_id=call.optional("kmsKeyId"),
        tags=tags,
    )
    return {"repositoryMetadata": metadata(call.account, repository)}


def get_repository(call: Call) -> dict[str, Any]:
    """Answer GetRepository."""
    return {"repositoryMetadata": metadata(call.account, call.repository)}


def batch_get_repositories(call: Call) -> dict[str, Any]:
    """Answer BatchGetRepositories."""
    names = call.params["repositoryNames"]
    if len(names) > MAX_BATCH:
        raise ApiError("MaximumRepositoryNamesExceededException", f"at most {MAX_BATCH} names, not {len(names)}")
    known = {repository.name: repository for repository in call.account.repositories()}
    return {
        "repositories": [metadata(call.account, known[name]) for name in names if name in known],
        "repositoriesNotFound": [name for name in names if name not in known],
        "errors": [],
    }


def list_repositories(call: Call) -> dict[str, Any]:
    """Answer ListRepositories."""
    repositories = list(call.account.repositories())
    if call.optional("sortBy") == "lastModifiedDate":
        repositories.sort(key=lambda repository: repository.modified)
    if call.optional("order") == "descending":
        repositories.reverse()
    shown, token = page(repositories, call.optional("nextToken"), LIST_PAGE)
    pairs = [{"repositoryName": each.name, "repositoryId": each.repository_id} for each in shown]
    return {"repositories": pairs, "nextToken": token}


def delete_repository(call: Call) -> dict[str, Any]:
    """Answer DeleteRepository; an unknown repository is no error, as in CodeCommit."""
    return {"repositoryId": call.account.delete(call.text("repositoryName"))}


def update_repository_name(call: Call) -> dict[str, Any]:
    """Answer UpdateRepositoryName."""
    call.account.rename(call.text("oldName"), call.text("newName"))
    return {}


def update_repository_description(call: Call) -> dict[str, Any]:
    """Answer UpdateRepositoryDescription."""
    repository = call.repository
    with repository.lock:
        repository.description, repository.modified = call.optional("repositoryDescription"), utcnow()
    return {}


def tag_resource(call: Call) -> dict[str, Any]:
    """Answer TagResource."""
    repository = call.account.repository_by_arn(call.text("resourceArn"))
    with repository.lock:
        tags = repository.tags | call.params["tags"]
        _check_tags(tags)
        repository.tags = tags
    return {}


def untag_resource(call: Call) -> dict[str, Any]:
    """Answer UntagResource; a key that is not there is no error."""
    repository = call.account.repository_by_arn(call.text("resourceArn"))
    keys = set(call.params["tagKeys"])
    with repository.lock:
        repository.tags = {key: value for key, value in repository.tags.items() if key not in keys}
    return {}


def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """Answer ListTagsForResource."""
    return {"tags": dict(call.account.repository_by_arn(call.text("resourceArn")).tags)}


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise ApiError("TooManyTagsException", f"a repository has at most {MAX_TAGS} tags, not {len(tags)}")
    for key in tags:
        if key.lower().startswith("aws:"):
            raise ApiError("InvalidSystemTagUsageException", "Tag keys that start with aws: are reserved")
