"""GetDifferences against what git itself says, and GetBlobDifferences."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Work


def differences(admin: Any, repo: str, **parameters: Any) -> list[tuple[str, ...]]:
    """Return change type, modes, ids and paths over all pages, and check them against the pages' size."""
    found = []
    for page in admin.get_paginator("get_differences").paginate(
        repositoryName=repo, PaginationConfig={"PageSize": 2}, **parameters
    ):
        assert len(page["differences"]) <= 2
        for each in page["differences"]:
            before, after = each.get("beforeBlob", {}), each.get("afterBlob", {})
            found.append(
                (
                    each["changeType"],
                    before.get("mode", "000000"),
                    after.get("mode", "000000"),
                    before.get("blobId", "0" * 40),
                    after.get("blobId", "0" * 40),
                    after.get("path") or before["path"],
                )
            )
    return found


def git_says(work: Work, *arguments: str) -> list[tuple[str, ...]]:
    raw = work.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", *arguments)
    parts = raw.split("\0")
    found = []
    for info, path in zip(parts[::2], parts[1::2], strict=False):
        old_mode, new_mode, old_id, new_id, kind = info.removeprefix(":").split(" ")
        found.append(("M" if kind == "T" else kind, old_mode, new_mode, old_id, new_id, path))
    return sorted(found, key=lambda each: each[5].encode())


@pytest.fixture
def two_commits(work: Work, repo: str) -> tuple[str, str]:
    base = {f"many/{number:02}": str(number) for number in range(9)}
    before = work.commit({**base, "same": "s", "changed": "1", "gone": "g", "old/name": "moved", "thing": "file"})
    for name in ("gone", "old/name", "thing"):
        (work.folder / name).unlink()
    work.git("update-index", "--add", "--cacheinfo", f"160000,{'d' * 40},module")
    (work.folder / "link").symlink_to("same")
    files = {f"many/{number:02}": f"new {number}" for number in range(9)}
    work.commit({**files, "changed": "2", "new/name": "moved", "thing/inside": "dir", "ä ö": "u"})
    work.git("update-index", "--add", "--cacheinfo", f"160000,{'d' * 40},module")
    (work.folder / "same").chmod(0o755)
    after = work.git("commit-tree", "-p", "HEAD", "-m", "x", work.git("write-tree"))
    work.git("push", f"@{repo}", f"{after}:refs/heads/main")
    return before, after


def test_differences_are_those_of_git_without_renames(
    work: Work, admin: Any, repo: str, two_commits: tuple[str, str]
) -> None:
    before, after = two_commits
    found = differences(admin, repo, beforeCommitSpecifier=before, afterCommitSpecifier=after)
    assert sorted(found, key=lambda each: each[5].encode()) == git_says(work, before, after)
    assert {each[0] for each in found} == {"A", "M", "D"}
    assert ("A", "000000", "160000", "0" * 40, "d" * 40, "module") in found


def test_without_a_before_commit_the_whole_tree_is_new(
    work: Work, admin: Any, repo: str, two_commits: tuple[str, str]
) -> None:
    _, after = two_commits
    found = differences(admin, repo, afterCommitSpecifier=after)
    assert sorted(each[5] for each in found) == sorted(
        work.git("-c", "core.quotePath=false", "ls-tree", "-r", "-z", "--name-only", after).strip("\0").split("\0")
    )
    assert {each[0] for each in found} == {"A"}


def test_a_path_limits_differences_to_a_folder(work: Work, admin: Any, repo: str, two_commits: tuple[str, str]) -> None:
    before, after = two_commits
    found = differences(
        admin,
        repo,
        beforeCommitSpecifier=before,
        afterCommitSpecifier=after,
        beforePath="many",
        afterPath="many/",
    )
    assert sorted(found) == sorted(git_says(work, before, after, "--", "many"))


def test_a_commit_does_not_differ_from_itself(admin: Any, repo: str, two_commits: tuple[str, str]) -> None:
    assert differences(admin, repo, beforeCommitSpecifier="main", afterCommitSpecifier=two_commits[1]) == []


def blob_differences(admin: Any, work: Work, repo: str, before: bytes | None, after: bytes, **more: Any) -> Any:
    ids = []
    for content in filter(lambda each: each is not None, (before, after)):
        commit = work.commit({"f": content})
        ids.append(work.git("rev-parse", f"{commit}:f"))
    work.git("push", f"@{repo}", "main")
    named = {"afterBlobId": ids[-1]} | ({"beforeBlobId": ids[0]} if before is not None else {})
    return admin.get_blob_differences(repositoryName=repo, **named, **more)


def test_hunks_name_the_lines_that_changed(admin: Any, work: Work, repo: str) -> None:
    old = [f"line {number}" for number in range(1, 41)]
    new = [*old[:4], "changed", *old[5:30], "inserted", *old[30:]]
    answer = blob_differences(
        admin, work, repo, "\n".join(old).encode(), "\n".join(new).encode(), contextLines=1, MaxResults=1
    )
    hunk = answer["hunks"][0]
    assert [hunk[key] for key in ("beforeStartLine", "beforeLineCount", "afterStartLine", "afterLineCount")] == [
        4,
        3,
        4,
        3,
    ]
    assert [(each["type"], each["content"]) for each in hunk["changes"]] == [
        ("CONTEXT", "line 4"),
        ("DELETE", "line 5"),
        ("ADD", "changed"),
        ("CONTEXT", "line 6"),
    ]
    ids = {"beforeBlobId": work.git("rev-parse", "HEAD~1:f"), "afterBlobId": work.git("rev-parse", "HEAD:f")}
    rest = admin.get_blob_differences(repositoryName=repo, contextLines=1, NextToken=answer["NextToken"], **ids)
    added = [each for each in rest["hunks"][0]["changes"] if each["type"] == "ADD"]
    assert added == [{"type": "ADD", "afterLineNumber": 31, "content": "inserted"}]
    assert "NextToken" not in rest


def test_a_new_blob_is_all_additions(admin: Any, work: Work, repo: str) -> None:
    answer = blob_differences(admin, work, repo, None, b"one\ntwo\n")
    assert [each["content"] for each in answer["hunks"][0]["changes"]] == ["one", "two"]
    assert (answer["isBinary"], answer["afterBlobSize"]) == (False, 8)


def test_a_binary_blob_has_no_hunks(admin: Any, work: Work, repo: str) -> None:
    answer = blob_differences(admin, work, repo, b"text", b"\0\1")
    assert (answer["isBinary"], answer["hunks"]) == (True, [])


def test_whitespace_can_be_ignored(admin: Any, work: Work, repo: str) -> None:
    answer = blob_differences(admin, work, repo, b"a b\n", b"a    b\n", ignoreWhitespace=True)
    assert answer["hunks"] == []


def test_too_much_context_is_refused(admin: Any, work: Work, repo: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        blob_differences(admin, work, repo, b"a", b"b", contextLines=21)
