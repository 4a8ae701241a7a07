"""Commits and merges through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Prepared, Work, code

Details = Callable[[str], list[dict[str, Any]]]


def put(path: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"filePath": path, "fileContent": content, **more}


# Commits


def test_a_commit_through_the_api_is_a_real_commit(work: Work, admin: Any, repo: str, details: Details) -> None:
    first = admin.create_commit(
        repositoryName=repo,
        branchName="main",
        authorName="Ada",
        email="ada@example.com",
        commitMessage="Start",
        putFiles=[put("a/b.txt", b"one"), put("tool", b"#!/bin/sh", fileMode="EXECUTABLE")],
    )
    assert [each["absolutePath"] for each in first["filesAdded"]] == ["a/b.txt", "tool"]
    second = admin.create_commit(
        repositoryName=repo,
        branchName="main",
        parentCommitId=first["commitId"],
        putFiles=[put("a/b.txt", b"two"), {"filePath": "copy", "sourceFile": {"filePath": "tool", "isMove": True}}],
    )
    assert [each["absolutePath"] for each in second["filesUpdated"]] == ["a/b.txt"]
    assert [each["absolutePath"] for each in second["filesDeleted"]] == ["tool"]
    work.git("clone", f"@{repo}", "copy")
    assert (work.folder / "copy/a/b.txt").read_text() == "two"
    assert (work.folder / "copy/copy").stat().st_mode & 0o100
    assert work.git("-C", "copy", "log", "--format=%an <%ae> %s", first["commitId"]) == "Ada <ada@example.com> Start"
    assert work.git("-C", "copy", "fsck", "--strict") == ""
    assert [each["event"] for each in details(repo)] == ["referenceCreated", "referenceUpdated"]
    assert details(repo)[1]["oldCommitId"] == first["commitId"]


def test_put_and_delete_file_commit_one_file_each(admin: Any, repo: str) -> None:
    first = admin.put_file(repositoryName=repo, branchName="main", filePath="d/f", fileContent=b"x", name="N")
    with pytest.raises(ClientError) as error:
        admin.put_file(
            repositoryName=repo, branchName="main", filePath="d/f", fileContent=b"x", parentCommitId=first["commitId"]
        )
    assert code(error) == "SameFileContentException"
    second = admin.delete_file(
        repositoryName=repo, branchName="main", filePath="d/f", parentCommitId=first["commitId"], keepEmptyFolders=True
    )
    assert (second["filePath"], second["blobId"]) == ("d/f", first["blobId"])
    assert [each["relativePath"] for each in admin.get_folder(repositoryName=repo, folderPath="d")["files"]] == [
        ".gitkeep"
    ]
    third = admin.delete_file(
        repositoryName=repo, branchName="main", filePath="d/.gitkeep", parentCommitId=second["commitId"]
    )
    assert admin.get_folder(repositoryName=repo, folderPath="/", commitSpecifier=third["commitId"])["subFolders"] == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "FileEntryRequiredException"),
        ({"putFiles": [put("new", b"")], "parentCommitId": None}, "ParentCommitIdRequiredException"),
        ({"putFiles": [put("new", b"")], "parentCommitId": "old"}, "ParentCommitIdOutdatedException"),
        ({"putFiles": [put("new", b"")], "parentCommitId": "f" * 40}, "ParentCommitDoesNotExistException"),
        ({"putFiles": [put("new", b"")], "parentCommitId": "abc"}, "InvalidParentCommitIdException"),
        ({"putFiles": [put("new", b"")], "branchName": "never"}, "BranchDoesNotExistException"),
        ({"putFiles": [put("new", b"")], "branchName": "v1"}, "BranchNameIsTagNameException"),
        ({"putFiles": [put("file", b"1")]}, "NoChangeException"),
        ({"putFiles": [put("x", b"1"), put("x", b"2")]}, "SamePathRequestException"),
        ({"putFiles": [{"filePath": "x"}]}, "SourceFileOrContentRequiredException"),
        (
            {"putFiles": [put("x", b"1", sourceFile={"filePath": "file"})]},
            "FileContentAndSourceFileSpecifiedException",
        ),
        ({"putFiles": [put("../x", b"1")]}, "InvalidPathException"),
        ({"putFiles": [put("/x", b"1")]}, "InvalidPathException"),
        ({"putFiles": [put(".git/config", b"1")]}, "InvalidPathException"),
        ({"putFiles": [put("file/below", b"1")]}, "DirectoryNameConflictsWithFileNameException"),
        ({"putFiles": [put("dir", b"1")]}, "FileNameConflictsWithDirectoryNameException"),
        ({"putFiles": [put("big", b"x" * (6 * 1024 * 1024 + 1))]}, "FileContentSizeLimitExceededException"),
        ({"putFiles": [put(str(n), b"1") for n in range(101)]}, "MaximumFileEntriesExceededException"),
        ({"deleteFiles": [{"filePath": "never"}]}, "FileDoesNotExistException"),
        ({"setFileModes": [{"filePath": "dir", "fileMode": "EXECUTABLE"}]}, "FileDoesNotExistException"),
    ],
)
def test_a_commit_that_cannot_be_made_changes_nothing(
    admin: Any, prepared: Prepared, change: dict[str, Any], expected: str
) -> None:
    parameters = {"branchName": "main", "parentCommitId": prepared.tip} | change
    if parameters["parentCommitId"] == "old":
        parameters["parentCommitId"] = prepared.old
    given = {key: value for key, value in parameters.items() if value is not None}
    with pytest.raises(ClientError) as error:
        admin.create_commit(repositoryName=prepared.name, **given)
    assert code(error) == expected
    branch = admin.get_branch(repositoryName=prepared.name, branchName="main")["branch"]
    assert branch["commitId"] == prepared.tip


def test_an_empty_file_and_a_new_mode_are_changes(admin: Any, repo: str) -> None:
    first = admin.put_file(repositoryName=repo, branchName="main", filePath="f", fileContent=b"")
    second = admin.create_commit(
        repositoryName=repo,
        branchName="main",
        parentCommitId=first["commitId"],
        setFileModes=[{"filePath": "f", "fileMode": "EXECUTABLE"}],
    )
    assert second["filesUpdated"] == [{"absolutePath": "f", "blobId": first["blobId"], "fileMode": "EXECUTABLE"}]


# Merges


def test_a_fast_forward_moves_the_branch_and_says_how(
    admin: Any, repo: str, diverged: dict[str, str], details: Details
) -> None:
    answer = admin.merge_branches_by_fast_forward(
        repositoryName=repo, sourceCommitSpecifier="topic", destinationCommitSpecifier="behind"
    )
    assert answer["commitId"] == diverged["topic"]
    event = details(repo)[-1]
    assert {key: event[key] for key in ("event", "mergeOption", "baseCommitId", "sourceCommitId")} == {
        "event": "referenceUpdated",
        "mergeOption": "FAST_FORWARD_MERGE",
        "baseCommitId": diverged["base"],
        "sourceCommitId": diverged["topic"],
    }
    assert (event["oldCommitId"], event["destinationCommitId"]) == (diverged["base"], diverged["base"])


def test_diverged_branches_are_not_fast_forwarded(admin: Any, repo: str, diverged: dict[str, str]) -> None:
    with pytest.raises(ClientError) as error:
        admin.merge_branches_by_fast_forward(
            repositoryName=repo, sourceCommitSpecifier="topic", destinationCommitSpecifier="main"
        )
    assert code(error) == "ManualMergeRequiredException"


@pytest.mark.parametrize("kind", ["squash", "three_way"])
def test_a_merge_has_the_tree_that_git_makes(
    work: Work, admin: Any, repo: str, diverged: dict[str, str], kind: str
) -> None:
    answer = getattr(admin, f"merge_branches_by_{kind}")(
        repositoryName=repo,
        sourceCommitSpecifier="topic",
        destinationCommitSpecifier="main",
        targetBranch="main",
        conflictDetailLevel="LINE_LEVEL",
    )
    work.git("merge", "-q", "--no-ff", "-m", "m", "topic")
    assert answer["treeId"] == work.git("rev-parse", "HEAD^{tree}")
    parents = admin.get_commit(repositoryName=repo, commitId=answer["commitId"])["commit"]["parents"]
    expected = [diverged["main"], diverged["topic"]] if kind == "three_way" else [diverged["main"]]
    assert parents == expected


def test_files_that_both_sides_changed_are_a_conflict_by_default_and_a_side_can_be_picked(
    work: Work, admin: Any, repo: str, diverged: dict[str, str]
) -> None:
    named = {"repositoryName": repo, "sourceCommitSpecifier": "topic", "destinationCommitSpecifier": "main"}
    with pytest.raises(ClientError) as error:
        admin.merge_branches_by_three_way(**named)
    assert code(error) == "ManualMergeRequiredException"
    assert admin.get_merge_options(**named)["mergeOptions"] == []
    options = admin.get_merge_options(**named, conflictDetailLevel="LINE_LEVEL")
    assert options["mergeOptions"] == ["SQUASH_MERGE", "THREE_WAY_MERGE"]
    assert options["baseCommitId"] == diverged["base"]
    merged = admin.merge_branches_by_three_way(**named, conflictResolutionStrategy="ACCEPT_SOURCE")
    both = admin.get_file(repositoryName=repo, filePath="both", commitSpecifier=merged["commitId"])["fileContent"]
    assert both.startswith(b"topic\n")
    assert both.endswith(b"line 19\n")


def test_a_merge_commit_without_a_ref_sends_its_own_event(
    admin: Any, repo: str, diverged: dict[str, str], details: Details
) -> None:
    answer = admin.create_unreferenced_merge_commit(
        repositoryName=repo,
        sourceCommitSpecifier="topic",
        destinationCommitSpecifier="main",
        mergeOption="THREE_WAY_MERGE",
        conflictDetailLevel="LINE_LEVEL",
    )
    event = details(repo)[-1]
    assert (event["event"], event["commitId"]) == ("unreferencedMergeCommitCreated", answer["commitId"])
    assert not [key for key in event if key.startswith("reference")]
    assert admin.get_branch(repositoryName=repo, branchName="main")["branch"]["commitId"] == diverged["main"]


def test_a_file_that_one_side_deleted_and_the_other_changed_is_a_conflict(
    work: Work, admin: Any, repo: str, diverged: dict[str, str]
) -> None:
    changed = work.commit({"gone": "changed"})
    work.git("push", f"@{repo}", "main")
    named = {"repositoryName": repo, "sourceCommitSpecifier": "topic", "destinationCommitSpecifier": "main"}
    with pytest.raises(ClientError, match=r"ManualMergeRequired.*gone"):
        admin.merge_branches_by_squash(**named, conflictDetailLevel="LINE_LEVEL")
    merge = admin.get_merge_commit(**named)
    assert (merge["baseCommitId"], merge["destinationCommitId"]) == (diverged["base"], changed)
    assert "mergedCommitId" not in merge


def test_histories_without_a_common_commit_are_not_merged(work: Work, admin: Any, repo: str) -> None:
    work.commit({"a": "1"})
    work.git("push", f"@{repo}", "main")
    work.git("switch", "-q", "--orphan", "other")
    work.commit({"b": "2"})
    work.git("push", f"@{repo}", "other")
    with pytest.raises(ClientError, match="no common ancestor"):
        admin.merge_branches_by_three_way(
            repositoryName=repo, sourceCommitSpecifier="other", destinationCommitSpecifier="main"
        )


def test_a_merge_into_a_branch_that_stands_elsewhere_is_refused(
    admin: Any, repo: str, diverged: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as error:
        admin.merge_branches_by_fast_forward(
            repositoryName=repo, sourceCommitSpecifier="topic", destinationCommitSpecifier="behind", targetBranch="main"
        )
    assert code(error) == "InvalidTargetBranchException"
