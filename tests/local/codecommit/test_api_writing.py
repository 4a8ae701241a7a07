"""Commits, merges, pull requests and comments through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushwarden.local.codecommit import CodeCommitServer

from .conftest import ACCOUNT, ADMIN, DEVELOPER, REGION, Work

Details = Callable[[str], list[dict[str, Any]]]


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


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
    work: Work, admin: Any, repo: str, change: dict[str, Any], expected: str
) -> None:
    old = work.commit({"file": "0", "dir/inner": "1"})
    tip = work.commit({"file": "1"})
    work.git("tag", "v1")
    work.git("push", f"@{repo}", "main", "v1")
    parameters = {"branchName": "main", "parentCommitId": tip} | change
    parameters = {key: old if value == "old" else value for key, value in parameters.items() if value is not None}
    with pytest.raises(ClientError) as error:
        admin.create_commit(repositoryName=repo, **parameters)
    assert code(error) == expected
    assert admin.get_branch(repositoryName=repo, branchName="main")["branch"]["commitId"] == tip


# Merges


@pytest.fixture
def diverged(work: Work, repo: str) -> dict[str, str]:
    """``main`` and ``topic`` with a common base; both change ``both`` in different places."""
    lines = [f"line {number}\n" for number in range(20)]
    base = work.commit({"both": "".join(lines), "main-only": "0", "gone": "x", "d/deep": "1"})
    work.git("switch", "-q", "-c", "topic")
    (work.folder / "gone").unlink()
    topic = work.commit({"both": "topic\n" + "".join(lines[1:]), "d/new": "t"})
    work.git("switch", "-q", "main")
    main = work.commit({"both": "".join(lines[:-1]) + "main\n", "main-only": "1"})
    work.git("push", f"@{repo}", "main", "topic", f"{base}:refs/heads/behind")
    return {"base": base, "topic": topic, "main": main}


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


# Pull requests


@pytest.fixture
def pull(admin: Any, repo: str, diverged: dict[str, str]) -> dict[str, Any]:
    target = {"repositoryName": repo, "sourceReference": "topic", "destinationReference": "main"}
    made: dict[str, Any] = admin.create_pull_request(title="Please", description="why", targets=[target])["pullRequest"]
    return made


def events_of(server: CodeCommitServer, pull: dict[str, Any]) -> list[dict[str, Any]]:
    number = pull["pullRequestId"]
    return [each["detail"] for each in server.events.sent if each["detail"].get("pullRequestId") == number]


def test_a_pull_request_is_described_and_listed(
    server: CodeCommitServer, admin: Any, repo: str, pull: dict[str, Any], diverged: dict[str, str]
) -> None:
    target = pull["pullRequestTargets"][0]
    assert (target["sourceCommit"], target["mergeBase"]) == (diverged["topic"], diverged["base"])
    assert admin.get_pull_request(pullRequestId=pull["pullRequestId"])["pullRequest"] == pull
    listed = admin.list_pull_requests(repositoryName=repo, pullRequestStatus="OPEN")
    assert listed["pullRequestIds"] == [pull["pullRequestId"]]
    assert admin.list_pull_requests(repositoryName=repo, pullRequestStatus="CLOSED")["pullRequestIds"] == []
    event = events_of(server, pull)[0]
    assert (event["event"], event["isMerged"], event["repositoryNames"]) == ("pullRequestCreated", "False", [repo])


def test_a_push_to_the_source_updates_the_pull_request(
    server: CodeCommitServer, work: Work, admin: Any, repo: str, pull: dict[str, Any]
) -> None:
    work.git("switch", "-q", "topic")
    tip = work.commit({"more": "x"})
    work.git("push", f"@{repo}", "topic")
    now = admin.get_pull_request(pullRequestId=pull["pullRequestId"])["pullRequest"]
    assert now["pullRequestTargets"][0]["sourceCommit"] == tip
    assert now["revisionId"] != pull["revisionId"]
    assert [each["event"] for each in events_of(server, pull)] == [
        "pullRequestCreated",
        "pullRequestSourceBranchUpdated",
    ]


@pytest.mark.parametrize("kind", ["squash", "three_way"])
def test_merging_a_pull_request_moves_the_destination_and_closes_it(
    *, server: CodeCommitServer, admin: Any, repo: str, pull: dict[str, Any], details: Details, kind: str
) -> None:
    merged = getattr(admin, f"merge_pull_request_by_{kind}")(
        pullRequestId=pull["pullRequestId"], repositoryName=repo, conflictDetailLevel="LINE_LEVEL"
    )["pullRequest"]
    metadata = merged["pullRequestTargets"][0]["mergeMetadata"]
    assert (metadata["isMerged"], metadata["mergedBy"], merged["pullRequestStatus"]) == (True, ADMIN.arn, "CLOSED")
    tip = admin.get_branch(repositoryName=repo, branchName="main")["branch"]["commitId"]
    assert metadata["mergeCommitId"] == tip
    assert details(repo)[-1]["mergeOption"] == f"{kind.upper()}_MERGE"
    assert [each["event"] for each in events_of(server, pull)] == [
        "pullRequestCreated",
        "pullRequestMergeStatusUpdated",
    ]
    with pytest.raises(ClientError) as error:
        admin.merge_pull_request_by_squash(pullRequestId=pull["pullRequestId"], repositoryName=repo)
    assert code(error) == "PullRequestAlreadyClosedException"


def test_a_pull_request_that_cannot_be_fast_forwarded_stays_open(admin: Any, repo: str, pull: dict[str, Any]) -> None:
    named = {"pullRequestId": pull["pullRequestId"], "repositoryName": repo}
    with pytest.raises(ClientError) as error:
        admin.merge_pull_request_by_fast_forward(**named)
    assert code(error) == "ManualMergeRequiredException"
    with pytest.raises(ClientError) as error:
        admin.merge_pull_request_by_squash(**named, sourceCommitId="f" * 40)
    assert code(error) == "TipOfSourceReferenceIsDifferentException"
    assert admin.get_pull_request(pullRequestId=pull["pullRequestId"])["pullRequest"]["pullRequestStatus"] == "OPEN"


def test_a_pull_request_by_fast_forward(admin: Any, repo: str, diverged: dict[str, str]) -> None:
    target = {"repositoryName": repo, "sourceReference": "topic", "destinationReference": "behind"}
    pull = admin.create_pull_request(title="Forward", targets=[target])["pullRequest"]
    admin.merge_pull_request_by_fast_forward(pullRequestId=pull["pullRequestId"], repositoryName=repo)
    assert admin.get_branch(repositoryName=repo, branchName="behind")["branch"]["commitId"] == diverged["topic"]


def test_a_pull_request_can_be_changed_and_closed_but_not_opened_again(
    server: CodeCommitServer, admin: Any, pull: dict[str, Any]
) -> None:
    number = pull["pullRequestId"]
    admin.update_pull_request_title(pullRequestId=number, title="Better")
    admin.update_pull_request_description(pullRequestId=number, description="clear")
    closed = admin.update_pull_request_status(pullRequestId=number, pullRequestStatus="CLOSED")["pullRequest"]
    assert (closed["title"], closed["description"], closed["pullRequestStatus"]) == ("Better", "clear", "CLOSED")
    assert events_of(server, pull)[-1]["event"] == "pullRequestStatusChanged"
    with pytest.raises(ClientError) as error:
        admin.update_pull_request_status(pullRequestId=number, pullRequestStatus="OPEN")
    assert code(error) == "InvalidPullRequestStatusUpdateException"


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("get_pull_request", {"pullRequestId": "999999"}, "PullRequestDoesNotExistException"),
        ("get_pull_request", {"pullRequestId": "x"}, "InvalidPullRequestIdException"),
    ],
)
def test_an_unknown_pull_request_is_not_found(
    admin: Any, operation: str, parameters: dict[str, str], expected: str
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(admin, operation)(**parameters)
    assert code(error) == expected


def test_a_pull_request_with_the_same_token_is_made_once(admin: Any, repo: str, diverged: dict[str, str]) -> None:
    target = {"repositoryName": repo, "sourceReference": "topic", "destinationReference": "main"}
    first = admin.create_pull_request(title="Once", targets=[target], clientRequestToken=f"t-{repo}")["pullRequest"]
    again = admin.create_pull_request(title="Once", targets=[target], clientRequestToken=f"t-{repo}")["pullRequest"]
    assert again["pullRequestId"] == first["pullRequestId"]
    with pytest.raises(ClientError) as error:
        admin.create_pull_request(title="Other", targets=[target], clientRequestToken=f"t-{repo}")
    assert code(error) == "IdempotencyParameterMismatchException"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"sourceReference": "never", "destinationReference": "main"}, "ReferenceDoesNotExistException"),
        ({"sourceReference": "main", "destinationReference": "main"}, "SourceAndDestinationAreSameException"),
    ],
)
def test_a_pull_request_that_cannot_be_made_is_refused(
    admin: Any, repo: str, diverged: dict[str, str], target: dict[str, str], expected: str
) -> None:
    with pytest.raises(ClientError) as error:
        admin.create_pull_request(title="No", targets=[{"repositoryName": repo, **target}])
    assert code(error) == expected


# Comments


def test_a_comment_at_a_line_of_a_commit_is_read_back_with_its_reply(
    admin: Any, repo: str, diverged: dict[str, str], details: Details
) -> None:
    place = {"filePath": "both", "filePosition": 1, "relativeFileVersion": "AFTER"}
    commits = {"beforeCommitId": diverged["base"], "afterCommitId": diverged["topic"]}
    made = admin.post_comment_for_compared_commit(repositoryName=repo, location=place, content="Hm", **commits)
    assert made["beforeBlobId"] != made["afterBlobId"]
    reply = admin.post_comment_reply(inReplyTo=made["comment"]["commentId"], content="Indeed")["comment"]
    groups = admin.get_comments_for_compared_commit(repositoryName=repo, **commits)["commentsForComparedCommitData"]
    assert [(each["location"], [one["content"] for one in each["comments"]]) for each in groups] == [
        (place, ["Hm", "Indeed"])
    ]
    assert groups[0]["comments"][1]["inReplyTo"] == made["comment"]["commentId"]
    events = details(repo)[-2:]
    assert [each["event"] for each in events] == ["commentOnCommitCreated"] * 2
    assert (events[1]["commentId"], events[1]["afterCommitId"]) == (reply["commentId"], diverged["topic"])


def test_a_comment_in_a_pull_request_is_read_back(
    server: CodeCommitServer, admin: Any, repo: str, pull: dict[str, Any], diverged: dict[str, str]
) -> None:
    number = pull["pullRequestId"]
    commits = {"beforeCommitId": diverged["main"], "afterCommitId": diverged["topic"]}
    admin.post_comment_for_pull_request(pullRequestId=number, repositoryName=repo, content="Look", **commits)
    groups = admin.get_comments_for_pull_request(pullRequestId=number)["commentsForPullRequestData"]
    assert [(each["pullRequestId"], each["comments"][0]["content"]) for each in groups] == [(number, "Look")]
    assert events_of(server, pull)[-1]["event"] == "commentOnPullRequestCreated"


def test_a_comment_can_be_changed_by_its_author_only_and_its_content_deleted(
    admin: Any, developer: Any, repo: str, diverged: dict[str, str]
) -> None:
    made = developer.post_comment_for_compared_commit(
        repositoryName=repo, afterCommitId=diverged["topic"], content="Mine"
    )["comment"]
    assert made["authorArn"] == DEVELOPER.arn
    with pytest.raises(ClientError) as error:
        admin.update_comment(commentId=made["commentId"], content="Ours")
    assert code(error) == "CommentNotCreatedByCallerException"
    developer.update_comment(commentId=made["commentId"], content="Still mine")
    assert admin.get_comment(commentId=made["commentId"])["comment"]["content"] == "Still mine"
    assert admin.delete_comment_content(commentId=made["commentId"])["comment"]["deleted"] is True
    assert "content" not in admin.get_comment(commentId=made["commentId"])["comment"]


def test_a_comment_with_the_same_token_is_made_once(admin: Any, repo: str, diverged: dict[str, str]) -> None:
    named = {"repositoryName": repo, "afterCommitId": diverged["topic"], "clientRequestToken": f"c-{repo}"}
    first = admin.post_comment_for_compared_commit(content="One", **named)["comment"]
    assert admin.post_comment_for_compared_commit(content="One", **named)["comment"]["commentId"] == first["commentId"]
    with pytest.raises(ClientError) as error:
        admin.post_comment_for_compared_commit(content="Two", **named)
    assert code(error) == "IdempotencyParameterMismatchException"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"beforeCommitId": "topic"}, "BeforeCommitIdAndAfterCommitIdAreSameException"),
        ({"beforeCommitId": "f" * 40}, "CommitDoesNotExistException"),
        ({"content": "x" * 10_241}, "CommentContentSizeLimitExceededException"),
        ({"location": {"filePath": "never", "filePosition": 1}}, "PathDoesNotExistException"),
    ],
)
def test_a_comment_that_cannot_be_made_is_refused(
    admin: Any, repo: str, diverged: dict[str, str], change: dict[str, Any], expected: str
) -> None:
    parameters = {"afterCommitId": diverged["topic"], "content": "x"} | change
    parameters = {key: diverged["topic"] if value == "topic" else value for key, value in parameters.items()}
    with pytest.raises(ClientError) as error:
        admin.post_comment_for_compared_commit(repositoryName=repo, **parameters)
    assert code(error) == expected


def test_arns_name_account_and_region(admin: Any, repo: str) -> None:
    arn = admin.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    assert arn == f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{repo}"
