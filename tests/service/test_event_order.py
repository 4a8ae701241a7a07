"""Events that come twice, late, in another order, or never: the pushes are answered all the same."""

from __future__ import annotations

from tests.conftest import aws_secret
from tests.service.conftest import Repo, places


def test_an_event_that_comes_twice_is_answered_once(repo: Repo) -> None:
    repo.start()
    repo.service.codecommit.events.duplicate = 1
    alice = repo.person()
    alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:main")

    repo.settle()

    assert len({event["incidentId"] for event in repo.events}) == 1
    assert repo.responded("reset") == ["done"]
    assert repo.responded("lock") == ["done"]
    assert len(repo.mails) == 3


def test_a_push_whose_event_was_lost_is_covered_by_the_next_one(repo: Repo) -> None:
    clean = repo.start()
    alice = repo.person()
    lost = alice.commit({"key.txt": aws_secret()}, "Add")
    repo.service.codecommit.events.drop = 1
    alice.git("push", "origin", "HEAD:main")
    assert repo.settle() == []
    alice.commit({"b.txt": "b\n"}, "More")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert places(event) == {("key.txt", lost)}
    assert repo.tip() == clean


def test_events_out_of_order_end_in_the_same_frontier(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    events = repo.service.codecommit.events
    events.hold()
    leak = alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:main")
    alice.commit({"b.txt": "b\n"}, "More")
    alice.git("push", "origin", "HEAD:main")
    events.release(reversed)

    repo.settle()

    assert {place for event in repo.events for place in places(event)} == {("key.txt", leak)}
    row = repo.service.app().state.frontier(repo.repository_id).rows["refs/heads/main"]
    assert row.scanned == repo.tip()
    assert row.open_commits == ()


def test_a_leak_that_was_forced_away_is_told_though_its_own_event_was_lost(repo: Repo) -> None:
    good = repo.start()
    alice = repo.person()
    lost = alice.commit({"key.txt": aws_secret("forced away")}, "Add")
    repo.service.codecommit.events.drop = 1
    alice.git("push", "origin", "HEAD:main")
    repo.settle()
    alice.git("push", "--force", "origin", f"{good}:main")

    (event,) = repo.settle()

    assert places(event) == {("key.txt", lost)}
    assert "reset" not in event["actions"]
    assert repo.tip() == good
