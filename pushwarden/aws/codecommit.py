"""CodeCommit's API as Pushwarden uses it: typed, paged, retried, with errors of our own.

API reference: https://docs.aws.amazon.com/codecommit/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

from pushwarden.aws.retry import RetryPolicy, is_passing
from pushwarden.errors import PushwardenError

if TYPE_CHECKING:
    from types_boto3_codecommit import CodeCommitClient

T = TypeVar("T")

_GONE: Final = frozenset({"RepositoryDoesNotExistException"})
_MISSING: Final = frozenset({
    "CommitDoesNotExistException", "CommitIdDoesNotExistException", "InvalidCommitIdException", "InvalidCommitException",
    "BlobIdDoesNotExistException", "BranchDoesNotExistException", "FileDoesNotExistException",
})  # fmt: skip
_DENIED: Final = frozenset({
    "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException",
    "EncryptionKeyAccessDeniedException",
})  # fmt: skip


class CodeCommitError(PushwardenError):
    """CodeCommit refused a call, for good."""


class CodeCommitBusyError(CodeCommitError):
    """CodeCommit throttled or failed again and again; the same call may well succeed later."""


class RepositoryGoneError(CodeCommitError):
    """The repository does not exist (any more)."""


class ObjectMissingError(CodeCommitError):
    """The commit, blob or branch does not exist (any more)."""


class AccessDeniedError(CodeCommitError):
    """The role may not do this, or its credentials have expired."""


class BlobTooLargeError(CodeCommitError):
    """The file is larger than the API's 6 MB limit."""


@dataclass(frozen=True, slots=True)
class Repository:
    """What the service needs to know of a repository."""

    arn: str
    repository_id: str
    name: str
    default_branch: str | None
    created_s: float
    """When it was created, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One path that differs between two commits; a blob id is None where the path does not exist."""

    path: str
    before_blob: str | None
    after_blob: str | None
    after_mode: str | None


@dataclass(frozen=True, slots=True)
class ApiCommit:
    """A commit as the API gives it."""

    commit_id: str
    parents: tuple[str, ...]
    message: str
    author: tuple[str, str, str]
    """Name, e-mail address, and ``epoch +zone``."""
    committer: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class CodeCommit:
    """The one place that calls CodeCommit's API."""

    client: CodeCommitClient
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def repository(self, name: str) -> Repository:
        """Return a repository's data.

        Raises:
            RepositoryGoneError: there is none of that name.
            CodeCommitError: the call was refused.
        """
        data = self._call(lambda: self.client.get_repository(repositoryName=name), f"repository {name}")[
            "repositoryMetadata"
        ]
        return Repository(
            data["Arn"],
            data["repositoryId"],
            data["repositoryName"],
            data.get("defaultBranch"),
            data["creationDate"].timestamp(),
        )

    def repository_ids(self) -> Iterator[tuple[str, str]]:
        """Yield name and id of every repository of the account and Region."""
        for page in self._pages(self.client.list_repositories, "the list of repositories", "nextToken"):
            yield from ((each["repositoryName"], each["repositoryId"]) for each in page.get("repositories", []))

    def tags(self, arn: str) -> dict[str, str]:
        """Return every tag of a repository."""
        tags: dict[str, str] = {}
        for page in self._pages(self.client.list_tags_for_resource, f"tags of {arn}", "nextToken", resourceArn=arn):
            tags.update(page.get("tags", {}))
        return tags

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Set tags on a repository; other tags stay."""
        self._call(lambda: self.client.tag_resource(resourceArn=arn, tags=dict(tags)), f"tags of {arn}")

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Remove tags from a repository; those that are not there do not matter."""
        self._call(lambda: self.client.untag_resource(resourceArn=arn, tagKeys=list(keys)), f"tags of {arn}")

    def branch_tip(self, name: str, branch: str) -> str | None:
        """Return the commit id that a branch stands at, or None where there is no such branch."""
        try:
            answer = self._call(
                lambda: self.client.get_branch(repositoryName=name, branchName=branch), f"a branch of {name}"
            )
        except ObjectMissingError:
            return None
        return answer["branch"].get("commitId")

    def differences(self, name: str, before: str | None, after: str) -> Iterator[Difference]:
        """Yield every path that differs between two commits; without ``before``, every path of ``after``."""
        arguments = {"repositoryName": name, "afterCommitSpecifier": after}
        if before:
            arguments["beforeCommitSpecifier"] = before
        # This operation alone spells its token with a capital letter.
        for page in self._pages(self.client.get_differences, f"differences in {name}", "NextToken", **arguments):
            for each in page.get("differences", []):
                old, new = each.get("beforeBlob", {}), each.get("afterBlob", {})
                path = new.get("path") or old.get("path") or ""
                yield Difference(path, old.get("blobId"), new.get("blobId"), new.get("mode"))

    def blob(self, name: str, blob_id: str) -> bytes:
        """Return a blob's content.

        Raises:
            BlobTooLargeError: it is larger than 6 MB.
            ObjectMissingError: there is no such blob.
        """
        return self._call(
            lambda: self.client.get_blob(repositoryName=name, blobId=blob_id), f"blob {blob_id} of {name}"
        )["content"]

    def commits(self, name: str, ids: Sequence[str]) -> list[ApiCommit]:
        """Return those of ``ids`` that exist as commits; at most 100 ids.

        Raises:
            CodeCommitError: the call was refused.
        """
        what = f"commits of {name}"
        answer = self._call(lambda: self.client.batch_get_commits(repositoryName=name, commitIds=list(ids)), what)
        return [_commit(each) for each in answer.get("commits", [])]

    def comment(
        self, name: str, *, before: str | None, after: str, path: str | None, line: int, text: str, token: str
    ) -> None:
        """Comment on a line of a commit, or without ``path`` on the commit; the same ``token`` never comments twice."""
        more: dict[str, Any] = {"beforeCommitId": before} if before else {}
        if path is not None:
            more["location"] = {"filePath": path, "filePosition": line, "relativeFileVersion": "AFTER"}
        self._call(
            lambda: self.client.post_comment_for_compared_commit(
                repositoryName=name,
                afterCommitId=after,
                content=text,
                clientRequestToken=token,
                **more,
            ),
            f"a comment in {name}",
        )

    def _pages(self, operation: Callable[..., Any], what: str, token_name: str, **arguments: str) -> Iterator[Any]:
        while True:
            page = self._call(functools.partial(operation, **arguments), what)
            yield page
            if not page.get(token_name):
                return
            arguments[token_name] = page[token_name]

    def _call(self, function: Callable[[], T], what: str) -> T:
        try:
            return self.retry.call(function)
        except ClientError as error:
            if is_passing(error):
                raise CodeCommitBusyError(f"{what}: CodeCommit is busy or failing; try again later") from None
            raise _translated(error, what) from None


def _commit(data: Any) -> ApiCommit:
    def person(key: str) -> tuple[str, str, str]:
        who = data.get(key, {})
        return who.get("name", ""), who.get("email", ""), who.get("date", "")

    return ApiCommit(
        data["commitId"], tuple(data.get("parents", ())), data.get("message", ""), person("author"), person("committer")
    )


def _translated(error: ClientError, what: str) -> CodeCommitError:
    # Only the error's code travels: CodeCommit's own message may quote what the caller sent.
    code = error.response.get("Error", {}).get("Code", "unknown error")
    if code in _GONE:
        return RepositoryGoneError(f"{what}: the repository does not exist any more")
    if code in _MISSING:
        return ObjectMissingError(f"{what}: not there any more ({code})")
    if code in _DENIED:
        return AccessDeniedError(f"{what}: access refused ({code}); check the role's permissions")
    if code == "FileTooLargeException":
        return BlobTooLargeError(f"{what}: larger than the API's limit of 6 MB")
    return CodeCommitError(f"{what}: CodeCommit refused ({code})")
