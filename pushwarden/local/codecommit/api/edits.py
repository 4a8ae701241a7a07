"""Commits made through the API: CreateCommit, PutFile, DeleteFile."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pushwarden.local.codecommit import trees
from pushwarden.local.codecommit.api.call import (
    MAX_FILE_BYTES,
    Call,
    check_branch_name,
    commit_id,
    is_tag_name,
    read_commit,
)
from pushwarden.local.codecommit.api.commits import file_mode
from pushwarden.local.codecommit.bare import BRANCHES, ZERO_ID, BareRepository, RefConflictError
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.events import RefChange
from pushwarden.local.codecommit.state import Repository
from pushwarden.local.codecommit.treeedit import Edits, TreeConflictError, edit_tree

MAX_FILES: Final = 100
MODES: Final[Mapping[str, int]] = {
    "NORMAL": trees.FILE_MODE,
    "EXECUTABLE": trees.EXECUTABLE_MODE,
    "SYMLINK": trees.SYMLINK_MODE,
}

_CONFLICTS: Final[Mapping[str, str]] = {
    "file-in-the-way": "DirectoryNameConflictsWithFileNameException",
    "folder-in-the-way": "FileNameConflictsWithDirectoryNameException",
    "submodule-in-the-way": "FilePathConflictsWithSubmodulePathException",
}


def create_commit(call: Call) -> dict[str, Any]:
    """Answer CreateCommit."""
    puts, deletes = call.params.get("putFiles", []), call.params.get("deleteFiles", [])
    modes = call.params.get("setFileModes", [])
    if not puts and not deletes and not modes:
        raise ApiError("FileEntryRequiredException", "A commit needs at least one file to put, delete or change")
    if len(puts) + len(deletes) + len(modes) > MAX_FILES:
        raise ApiError("MaximumFileEntriesExceededException", f"A commit changes at most {MAX_FILES} files")
    repository = call.repository
    with repository.lock:
        parent = _parent(call, repository)
        edits: dict[bytes, trees.Entry | None] = {}
        for path, entry in _requested(repository, parent, puts, deletes, modes):
            if path in edits:
                raise ApiError("SamePathRequestException", f"{path.decode()} is named more than once")
            edits[path] = entry
        tree, commit = _commit(call, repository, parent, edits, (call.optional("authorName"), call.optional("email")))
        changes = list(trees.diff(repository.git.objects, parent.tree if parent else None, tree))
    return {
        "commitId": commit,
        "treeId": tree,
        "filesAdded": [_file(each) for each in changes if each.kind == "A"],
        "filesUpdated": [_file(each) for each in changes if each.kind == "M"],
        "filesDeleted": [_file(each) for each in changes if each.kind == "D"],
    }


def put_file(call: Call) -> dict[str, Any]:
    """Answer PutFile."""
    repository = call.repository
    with repository.lock:
        parent = _parent(call, repository)
        path = _path(call.text("filePath"))
        mode = MODES[call.optional("fileMode") or "NORMAL"]
        entry = trees.Entry(mode, _store(repository.git, call.params["fileContent"]))
        if parent is not None and trees.find(repository.git.objects, parent.tree, path) == entry:
            raise ApiError("SameFileContentException", f"{call.text('filePath')} has this content and mode already")
        author = (call.optional("name"), call.optional("email"))
        tree, commit = _commit(call, repository, parent, {path: entry}, author)
    return {"commitId": commit, "blobId": entry.object_id, "treeId": tree}


def delete_file(call: Call) -> dict[str, Any]:
    """Answer DeleteFile."""
    repository = call.repository
    with repository.lock:
        parent = _parent(call, repository)
        path = _path(call.text("filePath"))
        entry = _existing(repository, parent, path)
        author = (call.optional("name"), call.optional("email"))
        tree, commit = _commit(call, repository, parent, {path: None}, author)
    return {"commitId": commit, "blobId": entry.object_id, "treeId": tree, "filePath": call.text("filePath")}


def _requested(
    repository: Repository,
    parent: trees.Commit | None,
    puts: Iterable[Mapping[str, Any]],
    deletes: Iterable[Mapping[str, Any]],
    modes: Iterable[Mapping[str, Any]],
) -> Iterable[tuple[bytes, trees.Entry | None]]:
    for put in puts:
        yield from _put(repository, parent, put)
    for delete in deletes:
        path = _path(delete["filePath"])
        _existing(repository, parent, path)
        yield path, None
    for each in modes:
        path = _path(each["filePath"])
        yield path, trees.Entry(MODES[each["fileMode"]], _existing(repository, parent, path).object_id)


def _put(
    repository: Repository, parent: trees.Commit | None, put: Mapping[str, Any]
) -> Iterable[tuple[bytes, trees.Entry | None]]:
    content, source = put.get("fileContent"), put.get("sourceFile")
    if content is not None and source is not None:
        raise ApiError("FileContentAndSourceFileSpecifiedException", "Give either fileContent or sourceFile")
    path, wanted_mode = _path(put["filePath"]), put.get("fileMode")
    if source is None:
        if content is None:
            raise ApiError("SourceFileOrContentRequiredException", "Give fileContent or sourceFile")
        yield path, trees.Entry(MODES[wanted_mode or "NORMAL"], _store(repository.git, content))
        return
    old_path = _path(source["filePath"])
    old = _existing(repository, parent, old_path)
    yield path, trees.Entry(MODES[wanted_mode] if wanted_mode else old.mode, old.object_id)
    if source.get("isMove"):
        yield old_path, None


def _parent(call: Call, repository: Repository) -> trees.Commit | None:
    """Return the commit to build on, None in an empty repository."""
    branch, given = call.text("branchName"), call.optional("parentCommitId")
    check_branch_name(repository, branch)
    if is_tag_name(repository, branch):
        raise ApiError("BranchNameIsTagNameException", f"{branch} is the name of a tag")
    tip = repository.git.ref(BRANCHES + branch)
    if tip is None:
        if repository.git.branches():
            raise ApiError("BranchDoesNotExistException", f"Could not find branch {branch} in {repository.name}")
        return None
    if given is None:
        raise ApiError("ParentCommitIdRequiredException", "A parent commit ID is required")
    if read_commit(repository, _parent_id(given)) is None:
        raise ApiError("ParentCommitDoesNotExistException", f"The parent commit {given} does not exist")
    if given.lower() != tip:
        raise ApiError("ParentCommitIdOutdatedException", f"The tip of {branch} is {tip}, not {given}")
    return read_commit(repository, tip)


def _parent_id(given: str) -> str:
    try:
        return commit_id(given)
    except ApiError as error:
        raise ApiError("InvalidParentCommitIdException", error.message) from None


def _commit(
    call: Call,
    repository: Repository,
    parent: trees.Commit | None,
    edits: Edits,
    author: tuple[str | None, str | None],
) -> tuple[str, str]:
    """Store the edited tree and its commit, move the branch; return the ids of both."""
    git = repository.git
    try:
        keep = bool(call.params.get("keepEmptyFolders"))
        tree = edit_tree(git.objects, git.write, parent.tree if parent else None, edits, keep_empty=keep)
    except TreeConflictError as error:
        raise ApiError(_CONFLICTS[error.kind], str(error)) from None
    if parent is not None and tree == parent.tree:
        raise ApiError("NoChangeException", "The commit would change nothing")
    person = author_of(call, author)
    parents = [parent.commit_id] if parent else []
    data = trees.format_commit(tree, parents, person, int(time.time()), call.optional("commitMessage") or "")
    commit = git.write("commit", data)
    change = RefChange(BRANCHES + call.text("branchName"), parents[0] if parents else ZERO_ID, commit)
    try:
        call.account.move_ref(repository, call.principal, change)
    except RefConflictError as error:
        raise ApiError("ParentCommitIdOutdatedException", str(error)) from None
    return tree, commit


def author_of(call: Call, given: tuple[str | None, str | None]) -> tuple[str, str]:
    """Return name and e-mail address; without a name, the caller's user name, as CodeCommit does it."""
    return given[0] or call.principal.arn.rpartition("/")[2], given[1] or ""


def _path(text: str) -> bytes:
    parts = text.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise ApiError("InvalidPathException", f"{text} is not a valid path")
    return text.encode()


def _existing(repository: Repository, parent: trees.Commit | None, path: bytes) -> trees.Entry:
    entry = trees.find(repository.git.objects, parent.tree, path) if parent else None
    if entry is None or entry.is_tree:
        raise ApiError("FileDoesNotExistException", f"The file {path.decode()} does not exist in the branch")
    return entry


def _store(git: BareRepository, content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        raise ApiError("FileContentSizeLimitExceededException", f"{len(content)} bytes; the limit is {MAX_FILE_BYTES}")
    return git.write("blob", content)


def _file(change: trees.Change) -> dict[str, str]:
    entry = change.after or change.before
    assert entry is not None
    return {"absolutePath": trees.decode(change.path), "blobId": entry.object_id, "fileMode": file_mode(entry.mode)}
