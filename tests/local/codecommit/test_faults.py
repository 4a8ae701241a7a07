"""Injected faults, as clients see them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.exceptions import ConnectionError as BotoConnectionError

from pushwarden.errors import UsageError
from pushwarden.local.codecommit import CodeCommitServer, Faults
from pushwarden.local.codecommit.faults import RateLimit

from .conftest import ADMIN, DEVELOPER, Work, connect


def test_a_throttled_call_gets_xml_that_botocore_does_not_understand(server: CodeCommitServer, admin: Any) -> None:
    server.faults.add("ListRepositories", "throttle-xml", times=2)
    for _ in range(2):
        with pytest.raises(ClientError) as error:
            admin.list_repositories()
        assert error.value.response["Error"]["Code"] == "400"
    admin.list_repositories()


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("http-500", 500, "InternalFailure"),
        ("access-denied", 400, "AccessDeniedException"),
        ("expired-token", 400, "ExpiredTokenException"),
    ],
)
def test_a_fault_with_an_answer_is_answered_once(
    server: CodeCommitServer, admin: Any, kind: Any, status: int, code: str
) -> None:
    server.faults.add("ListRepositories", kind)
    with pytest.raises(ClientError) as error:
        admin.list_repositories()
    assert error.value.response["Error"]["Code"] == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    admin.list_repositories()


def test_a_reset_ends_the_connection_without_an_answer(server: CodeCommitServer, admin: Any) -> None:
    server.faults.add("ListRepositories", "reset")
    with pytest.raises((ConnectionClosedError, BotoConnectionError)):
        admin.list_repositories()
    assert server.requests.all()[-1].status == 0


@pytest.mark.parametrize(("kind", "done"), [("timeout-before", False), ("timeout-after", True)])
def test_a_timeout_happens_before_or_after_the_work(server: CodeCommitServer, repo: str, kind: Any, done: bool) -> None:
    client = connect(server, ADMIN, read_timeout=0.3)
    arn = client.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    server.faults.add("TagResource", kind)
    with pytest.raises(ReadTimeoutError):
        client.tag_resource(resourceArn=arn, tags={"a": "b"})
    assert (client.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}) is done


def test_a_fault_meets_only_its_operation_and_principal(
    server: CodeCommitServer, admin: Any, developer: Any, repo: str
) -> None:
    server.faults.add("Get*", "http-500", times=5, principal_arn=DEVELOPER.arn)
    admin.get_repository(repositoryName=repo)
    developer.list_branches(repositoryName=repo)
    with pytest.raises(ClientError, match="InternalFailure"):
        developer.get_repository(repositoryName=repo)
    assert [(each.operation, each.times) for each in server.faults.waiting] == [("Get*", 4)]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("throttle-xml", "429"),
        ("http-500", "500"),
        ("access-denied", "403"),
        ("expired-token", "403"),
        ("reset", "fatal"),
    ],
)
@pytest.mark.parametrize("operation", ["git-receive-pack/info-refs", "git-receive-pack"])
def test_git_fails_as_it_does_in_the_real_world(
    *, server: CodeCommitServer, work: Work, repo: str, operation: str, kind: Any, words: str
) -> None:
    work.commit()
    # libcurl tries again by itself when a connection that it used before is reset
    server.faults.add(operation, kind, times=2 if kind == "reset" else 1)
    done = work.run("push", f"@{repo}", "main")
    assert done.returncode != 0
    assert words in done.stderr
    server.faults.clear()
    work.git("push", f"@{repo}", "main")


def test_a_push_that_times_out_after_the_work_has_moved_the_ref(
    server: CodeCommitServer, work: Work, repo: str, admin: Any
) -> None:
    tip = work.commit()
    server.faults.add("git-receive-pack", "timeout-after", hold_s=0.1)
    assert work.run("push", f"@{repo}", "main").returncode != 0
    assert admin.get_branch(repositoryName=repo, branchName="main")["branch"]["commitId"] == tip


def test_above_the_rate_limit_every_call_and_every_git_request_is_throttled(
    server: CodeCommitServer, work: Work, admin: Any, repo: str
) -> None:
    server.rate_limit_per_s = 0.0001
    with pytest.raises(ClientError) as error:
        admin.list_repositories()
    assert error.value.response["Error"]["Code"] == "400"
    assert "429" in work.run("ls-remote", f"@{repo}").stderr
    server.rate_limit_per_s = None
    admin.list_repositories()


def test_a_rate_limit_lets_a_burst_of_one_second_pass_and_then_its_rate() -> None:
    now = [100.0]
    limit = RateLimit(clock=lambda: now[0])
    assert all(limit.allow() for _ in range(100))
    limit.set(3)
    assert [limit.allow() for _ in range(4)] == [True, True, True, False]
    now[0] += 0.5
    assert [limit.allow() for _ in range(2)] == [True, False]
    now[0] += 60
    assert [limit.allow() for _ in range(4)] == [True, True, True, False]


def test_latency_delays_nothing_else_than_the_answer(server: CodeCommitServer, admin: Any) -> None:
    server.latency_ms = 1
    try:
        admin.list_repositories()
    finally:
        server.latency_ms = 0


@pytest.mark.parametrize(("kind", "times"), [("explode", 1), ("reset", 0)])
def test_a_fault_that_makes_no_sense_is_refused(kind: Any, times: int) -> None:
    with pytest.raises(UsageError):
        Faults().add("GetBlob", kind, times)


def test_faults_are_counted_exactly_by_many_threads() -> None:
    faults = Faults()
    faults.add("*", "reset", times=50)
    taken: list[bool] = []

    def take() -> None:
        taken.extend(faults.take("GetBlob", "arn") is not None for _ in range(30))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 50
