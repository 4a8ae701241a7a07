"""Events that have waited, through real git, the real function and its two queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import aws_secret
from tests.service.conftest import Repo

MAIN = "refs/heads/main"


@pytest.fixture
def backlog(repo: Repo) -> Iterator[Callable[[dict[str, str | bytes]], str]]:
    """Push as Alice while no event arrives, the first push of the repository included; :func:`arrive` brings them later."""
    repo.service.codecommit.events.drop = lambda _event: True

    def push(files: dict[str, str | bytes]) -> str:
        alice = repo.person()
        commit = alice.commit(files, "Work")
        alice.git("push", "--quiet", "--force", "origin", "HEAD:main")
        return commit

    push({"README.md": "# Hello\n"})
    yield push
    repo.service.codecommit.events.drop = 0


def sent(repo: Repo) -> list[dict[str, Any]]:
    repo.service.codecommit.events.wait_idle()
    return [each for each in repo.service.codecommit.events.sent if each["detail"].get("repositoryName") == repo.name]


def arrive(repo: Repo, events: list[dict[str, Any]], minutes: int = 5) -> list[dict[str, Any]]:
    """Let events arrive, minutes after their pushes; return the security events."""
    for number, event in enumerate(events):
        time = datetime.now(UTC) - timedelta(minutes=minutes) + timedelta(seconds=number)
        repo.service.stack.deliver({**event, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ")})
    return repo.settle()


def asked(repo: Repo) -> list[str]:
    """What the scan function has asked of CodeCommit since the last time."""
    arn = repo.service.function("scan").arn
    found = [each.operation for each in repo.service.codecommit.requests.of(repository=repo.name, principal_arn=arn)]
    repo.service.codecommit.requests.clear()
    return found


def test_one_look_at_the_branch_settles_every_clean_push_that_waits(
    repo: Repo, backlog: Callable[[dict[str, str | bytes]], str]
) -> None:
    tips = [backlog({f"{number}.txt": "clean\n"}) for number in range(4)]
    repo.service.codecommit.requests.clear()

    assert arrive(repo, sent(repo)) == []

    # GetRepository: nobody has seen this repository before.
    assert asked(repo) == ["GetRepository", "git-upload-pack/info-refs", "git-upload-pack"]
    row = repo.service.app().state.frontier(repo.repository_id).rows[MAIN]
    assert (row.scanned, row.accepted) == (tips[-1], tips[-1])


def test_a_leak_among_pushes_that_wait_is_told_once_by_its_own_event(
    repo: Repo, backlog: Callable[[dict[str, str | bytes]], str]
) -> None:
    clean = [backlog({f"{number}.txt": "clean\n"}) for number in range(2)]
    bad = backlog({"key.txt": aws_secret(repo.name)})
    backlog({"after.txt": "clean\n"})
    events = sent(repo)

    told = arrive(repo, events)

    assert [(each["eventId"], each["commitId"]) for each in told] == [(events[3]["id"], bad)]
    assert told[0]["acceptedCommitId"] == clean[-1]
    assert told[0]["pusher"] == events[3]["detail"]["callerUserArn"]
    assert {each["commitId"] for each in told[0]["findings"]} == {bad}


def test_two_leaks_among_pushes_that_wait_are_two_incidents(
    repo: Repo, backlog: Callable[[dict[str, str | bytes]], str]
) -> None:
    backlog({"a.txt": "clean\n"})
    one = backlog({"one.txt": aws_secret(f"{repo.name} one")})
    backlog({"b.txt": "clean\n"})
    two = backlog({"two.txt": aws_secret(f"{repo.name} two")})

    told = arrive(repo, sent(repo))

    assert [each["commitId"] for each in told] == [one, two]
    assert [each["findingCount"] for each in told] == [1, 1]


def test_a_leak_that_was_forced_away_while_it_waited_is_told_all_the_same(
    repo: Repo, backlog: Callable[[dict[str, str | bytes]], str]
) -> None:
    bad = backlog({"key.txt": aws_secret(repo.name)})
    repo.person().git("reset", "--quiet", "--hard", "HEAD~1")
    good = backlog({"instead.txt": "clean\n"})

    told = arrive(repo, sent(repo))

    assert [each["commitId"] for each in told] == [bad]
    row = repo.service.app().state.frontier(repo.repository_id).rows[MAIN]
    assert row.scanned == good


def test_what_is_pushed_again_after_it_was_settled_is_scanned_again(
    repo: Repo, backlog: Callable[[dict[str, str | bytes]], str]
) -> None:
    backlog({"a.txt": "clean\n"})
    bad = backlog({"key.txt": aws_secret(repo.name)})
    told = arrive(repo, sent(repo))
    assert [each["commitId"] for each in told] == [bad]
    assert repo.tip() != bad  # the reset took it away
    repo.unlock()
    repo.service.codecommit.events.drop = 0

    repo.admin.git("fetch", "--quiet", "origin")
    # Events count whole seconds: what comes in the second of the first scan cannot be told from what came before it.
    time.sleep(1.0)
    repo.person().git("push", "--quiet", "--force", "origin", f"{bad}:main")

    assert [each["commitId"] for each in repo.settle()] == [bad]
