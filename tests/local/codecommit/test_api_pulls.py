"""Pull requests and comments through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushwarden.local.codecommit import CodeCommitServer

from .conftest import ACCOUNT, ADMIN, DEVELOPER, REGION, Work, code

Details = Callable[[str], list[dict[str, Any]]]


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
