"""One call of the API on its way to the function that answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pushwarden.local.codecommit import trees
from pushwarden.local.codecommit.auth import Principal
from pushwarden.local.codecommit.bare import BRANCHES, OBJECT_ID, TAGS
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.state import Account, Repository, peel

MAX_FILE_BYTES: Final = 6 * 1024 * 1024
"""Largest file the API gives or takes: https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html."""

_HEX: Final = re.compile(r"[0-9a-fA-F]{1,64}")


@dataclass(frozen=True, slots=True)
class Call:
    """The caller, what is asked (checked against the model), and the account it is asked of."""

    account: Account
    principal: Principal
    params: Mapping[str, Any]

    @property
    def repository(self) -> Repository:
        """The repository that ``repositoryName`` names.

        Raises:
            ApiError: there is none.
        """
        return self.account.repository(self.params["repositoryName"])

    def text(self, name: str) -> str:
        """Return a required member that is text."""
        value: str = self.params[name]
        return value

    def optional(self, name: str) -> str | None:
        """Return a member that is text and may be missing."""
        value: str | None = self.params.get(name)
        return value


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """How one operation is answered and on which resources it is authorised."""

    handler: Handler
    repositories: Callable[[Call], Sequence[str | None]]
    """Names of the repositories it acts on; ``[None]`` for an action without a resource."""
    references: Callable[[Call], Sequence[str]] | None = None
    """Full ref names for the condition key ``codecommit:References``, where the action supports it."""


def commit_id(value: str, *, member: str = "commitId") -> str:
    """Check that ``value`` is a full commit id and return it in lower case.

    Raises:
        ApiError: it is not: CodeCommit takes no short ids.
    """
    if not OBJECT_ID.fullmatch(value.lower()):
        raise ApiError("InvalidCommitIdException", f"The {member} {value} is not a full commit ID")
    return value.lower()


def blob_id(value: str) -> str:
    """Check that ``value`` is a full blob id and return it in lower case.

    Raises:
        ApiError: it is not.
    """
    if not OBJECT_ID.fullmatch(value.lower()):
        raise ApiError("InvalidBlobIdException", f"{value} is not a full blob ID")
    return value.lower()


def read_commit(repository: Repository, object_id: str) -> trees.Commit | None:
    """Return the commit of that full id, None when no commit has it."""
    data = repository.git.objects.typed(object_id, "commit")
    return None if data is None else trees.parse_commit(object_id, data)


def require_commit(repository: Repository, object_id: str, code: str = "CommitIdDoesNotExistException") -> trees.Commit:
    """Return the commit of that full id.

    Raises:
        ApiError: with ``code``, when no commit has it.
    """
    found = read_commit(repository, object_id)
    if found is None:
        raise ApiError(code, f"The commit {object_id} does not exist in {repository.name}")
    return found


def resolve(repository: Repository, specifier: str) -> trees.Commit:
    """Return the commit that a *commit specifier* names: full id, branch, tag, ``HEAD`` or full ref.

    Raises:
        ApiError: it names no commit.
    """
    if OBJECT_ID.fullmatch(specifier.lower()):
        return require_commit(repository, specifier.lower(), "CommitDoesNotExistException")
    names = [repository.git.head()] if specifier == "HEAD" else [specifier, BRANCHES + specifier, TAGS + specifier]
    for name in names:
        tip = repository.git.ref(name)
        if tip is not None:
            return require_commit(repository, peel(repository.git, tip), "CommitDoesNotExistException")
    if _HEX.fullmatch(specifier) and len(specifier) >= 4:  # noqa: PLR2004 - what git takes for a short id
        raise ApiError("InvalidCommitException", f"{specifier} is not a full commit ID")
    raise ApiError("CommitDoesNotExistException", f"Could not resolve the commit {specifier}")


def branch_tip(repository: Repository, branch: str) -> str:
    """Return the commit id at which a branch stands.

    Raises:
        ApiError: there is no such branch.
    """
    tip = repository.git.ref(BRANCHES + branch.removeprefix(BRANCHES))
    if tip is None:
        raise ApiError("BranchDoesNotExistException", f"Could not find branch {branch} in {repository.name}")
    return tip


def check_branch_name(repository: Repository, branch: str) -> None:
    """Check a new branch's name.

    Raises:
        ApiError: git or CodeCommit takes no such name.
    """
    if OBJECT_ID.fullmatch(branch) or not repository.git.is_ref_name(BRANCHES + branch):
        raise ApiError("InvalidBranchNameException", f"{branch} is not a valid branch name")


def is_tag_name(repository: Repository, name: str) -> bool:
    """Tell whether a tag of that name exists: commits through the API refuse such branches."""
    return repository.git.ref(TAGS + name) is not None
