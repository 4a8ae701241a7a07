"""Branches, commits, blobs, files and differences: what is read."""

from __future__ import annotations

from typing import Any, Final

from pushwarden.local.codecommit import trees
from pushwarden.local.codecommit.api.call import (
    MAX_FILE_BYTES,
    Call,
    blob_id,
    branch_tip,
    check_branch_name,
    commit_id,
    read_commit,
    require_commit,
    resolve,
)
from pushwarden.local.codecommit.api.pages import max_results, page
from pushwarden.local.codecommit.bare import BRANCHES, OBJECT_ID, ZERO_ID, RefConflictError
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.events import RefChange
from pushwarden.local.codecommit.state import Repository

MAX_COMMITS: Final = 100
BRANCH_PAGE: Final = 1000
DIFFERENCE_PAGE: Final = 400
"""Size of a page of GetDifferences; AWS documents neither default nor maximum, so clients must page."""
MAX_DIFFERENCE_PAGE: Final = 1000


# Branches


def get_branch(call: Call) -> dict[str, Any]:
    """Answer GetBranch."""
    branch = call.optional("branchName")
    if branch is None:
        raise ApiError("BranchNameRequiredException", "branchName is required")
    return {"branch": {"branchName": branch, "commitId": branch_tip(call.repository, branch)}}


def list_branches(call: Call) -> dict[str, Any]:
    """Answer ListBranches: names only."""
    names, token = page(call.repository.git.branches(), call.optional("nextToken"), BRANCH_PAGE)
    return {"branches": names, "nextToken": token}


def create_branch(call: Call) -> dict[str, Any]:
    """Answer CreateBranch; any stored commit will do, reachable or not."""
    repository, branch = call.repository, call.text("branchName")
    check_branch_name(repository, branch)
    tip = require_commit(repository, commit_id(call.text("commitId")), "CommitDoesNotExistException")
    try:
        call.account.move_ref(repository, call.principal, RefChange(BRANCHES + branch, ZERO_ID, tip.commit_id))
    except RefConflictError:
        raise ApiError("BranchNameExistsException", f"Branch {branch} already exists") from None
    return {}


def delete_branch(call: Call) -> dict[str, Any]:
    """Answer DeleteBranch: an unknown branch is no error, the default branch is one."""
    repository, branch = call.repository, call.text("branchName")
    with repository.lock:
        if branch == repository.default_branch:
            raise ApiError("DefaultBranchCannotBeDeletedException", f"{branch} is the default branch")
        tip = repository.git.ref(BRANCHES + branch)
        if tip is None:
            return {}
        call.account.move_ref(repository, call.principal, RefChange(BRANCHES + branch, tip, ZERO_ID))
    return {"deletedBranch": {"branchName": branch, "commitId": tip}}


def update_default_branch(call: Call) -> dict[str, Any]:
    """Answer UpdateDefaultBranch."""
    repository, branch = call.repository, call.text("defaultBranchName")
    branch_tip(repository, branch)
    with repository.lock:
        repository.git.set_head(BRANCHES + branch)
    return {}


# Commits


def _commit_shape(commit: trees.Commit) -> dict[str, Any]:
    def person(value: trees.Person) -> dict[str, Any]:
        return {"name": value.name, "email": value.email, "date": value.date}

    return {
        "commitId": commit.commit_id,
        "treeId": commit.tree,
        "parents": list(commit.parents),
        "message": commit.message,
        "author": person(commit.author),
        "committer": person(commit.committer),
        "additionalData": "",
    }


def get_commit(call: Call) -> dict[str, Any]:
    """Answer GetCommit; commits that no ref reaches are still there."""
    return {"commit": _commit_shape(require_commit(call.repository, commit_id(call.text("commitId"))))}


def batch_get_commits(call: Call) -> dict[str, Any]:
    """Answer BatchGetCommits: commits and errors side by side."""
    repository, wanted = call.repository, call.params["commitIds"]
    if len(wanted) > MAX_COMMITS:
        raise ApiError("CommitIdsLimitExceededException", f"at most {MAX_COMMITS} commit IDs, not {len(wanted)}")
    commits, errors = [], []
    for each in wanted:
        valid = OBJECT_ID.fullmatch(each.lower()) is not None
        commit = read_commit(repository, each.lower()) if valid else None
        if commit is not None:
            commits.append(_commit_shape(commit))
            continue
        code = "CommitIdDoesNotExistException" if valid else "InvalidCommitIdException"
        errors.append({"commitId": each, "errorCode": code, "errorMessage": f"The commit {each} was not found"})
    return {"commits": commits, "errors": errors}


# Differences


def get_differences(call: Call) -> dict[str, Any]:
    """Answer GetDifferences: the files that differ between two commits, or a whole tree."""
    repository = call.repository
    after = resolve(repository, call.text("afterCommitSpecifier"))
    before_specifier = call.optional("beforeCommitSpecifier")
    before = resolve(repository, before_specifier) if before_specifier else None
    size = max_results(call.params, "MaxResults", DIFFERENCE_PAGE, MAX_DIFFERENCE_PAGE)
    after_path, before_path = call.optional("afterPath"), call.optional("beforePath")
    objects = repository.git.objects
    new_prefix, new_tree = _subtree(repository, after.tree, after_path)
    old_prefix, old_tree = (b"", None) if before is None else _subtree(repository, before.tree, before_path)
    changes = trees.diff(objects, old_tree, new_tree)
    shown, token = page(changes, call.optional("NextToken"), size)
    return {"differences": [_difference(each, old_prefix, new_prefix) for each in shown], "NextToken": token}


def _difference(change: trees.Change, old_prefix: bytes, new_prefix: bytes) -> dict[str, Any]:
    def blob(prefix: bytes, entry: trees.Entry | None) -> dict[str, str] | None:
        if entry is None:
            return None
        return {"blobId": entry.object_id, "path": trees.decode(prefix + change.path), "mode": f"{entry.mode:06o}"}

    return {
        "beforeBlob": blob(old_prefix, change.before),
        "afterBlob": blob(new_prefix, change.after),
        "changeType": change.kind,
    }


def _subtree(repository: Repository, tree: str, path: str | None) -> tuple[bytes, str]:
    """Return the prefix and the tree at ``path``, which limits a comparison to one folder."""
    if path is None or not path.strip("/"):
        return b"", tree
    clean = path.strip("/").encode()
    entry = trees.find(repository.git.objects, tree, clean)
    if entry is None or not entry.is_tree:
        raise ApiError("PathDoesNotExistException", f"The folder {path} does not exist in the commit")
    return clean + b"/", entry.object_id


# Blobs, files, folders


def get_blob(call: Call) -> dict[str, Any]:
    """Answer GetBlob."""
    return {"content": read_blob(call.repository, blob_id(call.text("blobId")))}


def read_blob(repository: Repository, object_id: str) -> bytes:
    """Return a blob's bytes.

    Raises:
        ApiError: no blob has this id, or it is larger than 6 MB.
    """
    found = repository.git.objects.read(object_id, limit_bytes=MAX_FILE_BYTES)
    if found is None or found.kind != "blob":
        raise ApiError("BlobIdDoesNotExistException", f"The blob {object_id} does not exist in {repository.name}")
    if found.data is None:
        raise ApiError("FileTooLargeException", f"The file has {found.size_bytes} bytes; the limit is {MAX_FILE_BYTES}")
    return found.data


def get_file(call: Call) -> dict[str, Any]:
    """Answer GetFile."""
    repository, path = call.repository, call.text("filePath")
    commit = resolve(repository, call.optional("commitSpecifier") or "HEAD")
    entry = trees.find(repository.git.objects, commit.tree, path.strip("/").encode())
    if entry is None or entry.is_tree or entry.mode == trees.SUBMODULE_MODE:
        raise ApiError("FileDoesNotExistException", f"The file {path} does not exist in the commit")
    content = read_blob(repository, entry.object_id)
    return {
        "commitId": commit.commit_id,
        "blobId": entry.object_id,
        "filePath": path.strip("/"),
        "fileMode": file_mode(entry.mode),
        "fileSize": len(content),
        "fileContent": content,
    }


def file_mode(mode: int) -> str:
    """Return the API's word for a file's mode."""
    return {trees.EXECUTABLE_MODE: "EXECUTABLE", trees.SYMLINK_MODE: "SYMLINK"}.get(mode, "NORMAL")


def get_folder(call: Call) -> dict[str, Any]:
    """Answer GetFolder: one level, without pages."""
    repository, path = call.repository, call.text("folderPath").strip("/")
    commit = resolve(repository, call.optional("commitSpecifier") or "HEAD")
    entry = trees.find(repository.git.objects, commit.tree, path.encode())
    if entry is None or not entry.is_tree:
        raise ApiError("FolderDoesNotExistException", f"The folder {path} does not exist in the commit")
    answer: dict[str, Any] = {name: [] for name in ("subFolders", "files", "symbolicLinks", "subModules")}
    for raw, each in trees.read_tree(repository.git.objects, entry.object_id).items():
        name = trees.decode(raw)
        paths = {"absolutePath": f"{path}/{name}" if path else name, "relativePath": name}
        if each.is_tree:
            answer["subFolders"].append({"treeId": each.object_id, **paths})
        elif each.mode == trees.SUBMODULE_MODE:
            answer["subModules"].append({"commitId": each.object_id, **paths})
        else:
            group = "symbolicLinks" if each.mode == trees.SYMLINK_MODE else "files"
            answer[group].append({"blobId": each.object_id, "fileMode": file_mode(each.mode), **paths})
    return {"commitId": commit.commit_id, "folderPath": path, "treeId": entry.object_id, **answer}
