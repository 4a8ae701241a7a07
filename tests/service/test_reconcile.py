"""Pushes whose event never came are found and scanned; those whose event is only late are not told of twice."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pushwarden.aws.codecommit import Repository
from pushwarden.aws.githttp import Advertisement
from pushwarden.aws.progress import Sighting, Unscanned
from pushwarden.aws.state import Frontier, RefState
from pushwarden.events import Change, parse_push
from pushwarden.local.service import LocalService
from pushwarden.service.app import App
from pushwarden.service.reconcile import (
    GRACE_S,
    Pace,
    Reconciled,
    TooManyFailuresError,
    reconcile,
    sort_out,
    still_asked,
    unscanned,
)
from pushwarden.service.synthetic import state_change
from tests.conftest import aws_secret
from tests.service.conftest import Repo

A, B, C = "a" * 40, "b" * 40, "c" * 40
MAIN = "refs/heads/main"


def frontier(*rows: RefState) -> Frontier:
    return Frontier({row.ref: row for row in rows}, met=True)


def refs(peeled: dict[str, str] | None = None, **tips: str) -> Advertisement:
    return Advertisement({f"refs/heads/{name}": tip for name, tip in tips.items()}, peeled or {}, frozenset())


def test_a_ref_that_stands_where_it_was_scanned_is_in_order() -> None:
    assert unscanned(frontier(RefState(MAIN, scanned=A, accepted=A)), refs(main=A)) == {}


def test_a_ref_at_its_baseline_is_in_order() -> None:
    assert unscanned(frontier(RefState(MAIN, accepted=A)), refs(main=A)) == {}


def test_a_ref_with_an_open_finding_at_its_tip_was_scanned() -> None:
    assert unscanned(frontier(RefState(MAIN, scanned=B, accepted=A, open_commits=(B,))), refs(main=B)) == {}


def test_moved_new_and_deleted_refs_are_unscanned() -> None:
    rows = frontier(RefState(MAIN, scanned=A, accepted=A), RefState("refs/heads/old", scanned=A, accepted=A))

    assert unscanned(rows, refs(main=B, new=C)) == {MAIN: B, "refs/heads/new": C, "refs/heads/old": None}


def test_a_deleted_ref_that_came_back_is_unscanned() -> None:
    assert unscanned(frontier(RefState(MAIN, scanned=A, accepted=A, deleted=True)), refs(main=A)) == {MAIN: A}


def test_an_annotated_tag_counts_as_scanned_by_its_commit_or_by_its_own_id() -> None:
    tag = "refs/tags/v1"
    advertised = Advertisement({tag: B}, {tag: A}, frozenset())

    assert unscanned(frontier(RefState(tag, scanned=A, accepted=A, accepted_object=B)), advertised) == {}
    assert unscanned(frontier(RefState(tag, scanned=B, accepted=B)), advertised) == {}


def test_an_annotated_tag_that_was_made_anew_on_the_same_commit_is_unscanned() -> None:
    tag = "refs/tags/v1"
    advertised = Advertisement({tag: C}, {tag: A}, frozenset())

    assert unscanned(frontier(RefState(tag, scanned=A, accepted=A, accepted_object=B)), advertised) == {tag: A}


def test_a_scan_is_asked_for_only_after_the_grace() -> None:
    first, due = sort_out({MAIN: B}, Sighting("shop"), name="shop", now_s=1000.0)
    assert due == []
    second, due = sort_out({MAIN: B}, first, name="shop", now_s=1000.0 + GRACE_S - 1)
    assert due == []
    assert second == first

    assert sort_out({MAIN: B}, second, name="shop", now_s=1000.0 + GRACE_S)[1] == [MAIN]


def test_the_grace_begins_anew_when_the_ref_moves() -> None:
    before = Sighting("shop", {MAIN: Unscanned(B, 1000)})

    now, due = sort_out({MAIN: C}, before, name="shop", now_s=1000.0 + GRACE_S)

    assert due == []
    assert now.unscanned[MAIN] == Unscanned(C, 1000 + GRACE_S)


def test_a_scan_is_not_asked_for_again_before_a_day_has_gone_by() -> None:
    sent = Sighting("shop", {MAIN: Unscanned(B, 1000, sent_s=5000)})

    assert sort_out({MAIN: B}, sent, name="shop", now_s=5000 + 23 * 3600)[1] == []
    assert sort_out({MAIN: B}, sent, name="shop", now_s=5000 + 24 * 3600)[1] == [MAIN]


def test_what_was_scanned_meanwhile_is_forgotten() -> None:
    assert sort_out({}, Sighting("shop", {MAIN: Unscanned(B, 1)}), name="shop", now_s=9e9) == (Sighting("shop"), [])


def test_a_ref_that_was_scanned_since_is_unscanned_anew_when_it_is_lost_again() -> None:
    asked = Sighting("shop", {MAIN: Unscanned(B, 1000, sent_s=5000)})
    time_ = "1970-01-01T01:23:20+00:00"  # 5,000 seconds

    assert still_asked(asked, frontier(RefState(MAIN, scanned=A, event_time=time_))).unscanned == {}
    assert still_asked(asked, frontier(RefState(MAIN, scanned=A, event_time=time_.replace("20+", "19+")))) == asked
    assert still_asked(asked, frontier()) == asked


@pytest.mark.parametrize(
    ("row", "tip", "change", "old"),
    [
        (None, B, Change.CREATED, None),
        (RefState(MAIN, scanned=A, accepted=A), B, Change.UPDATED, A),
        (RefState(MAIN, accepted=A), B, Change.UPDATED, A),
        (RefState(MAIN, scanned=A, accepted=A, deleted=True), B, Change.CREATED, None),
        (RefState(MAIN, scanned=A, accepted=A), None, Change.DELETED, A),
    ],
)
def test_the_event_has_the_shape_of_codecommits_own(
    row: RefState | None, tip: str | None, change: Change, old: str | None
) -> None:
    repository = Repository("arn:aws:codecommit:eu-west-1:123456789012:shop", "id", "shop", None, 0.0)

    push = parse_push(state_change(repository, MAIN, row, tip, seen_s=1000, now_s=2000))

    assert (push.change, push.old, push.new, push.seen_s, push.pusher) == (change, old, tip, 1000, None)
    again = parse_push(state_change(repository, MAIN, row, tip, seen_s=1000, now_s=3000))
    assert again.incident_id == push.incident_id
    later = parse_push(state_change(repository, MAIN, row, tip, seen_s=1001, now_s=3000))
    assert later.incident_id != push.incident_id


def test_the_pace_spreads_requests_evenly() -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now[0] += seconds

    pace = Pace(4.0, clock=lambda: now[0], sleep=sleep)
    for _ in range(3):
        pace.wait()
    now[0] += 10
    pace.wait()

    assert slept == [0.25, 0.25]


def sweep(repo: Repo, later_s: float = 0.0, **more: Any) -> Reconciled:
    """Run reconciliation in this process, with its role's rights, ``later_s`` seconds from now."""
    app = role(repo, later_s)
    return reconcile(app, pace=Pace(1e6), **more)


@functools.cache
def reconciler(service: LocalService) -> App:
    return service.app(service.function("reconcile"))  # once: making clients takes longer than using them


def role(repo: Repo, later_s: float = 0.0) -> App:
    """Return an app with the function's rights, for one repository and what is named after it."""
    app = reconciler(repo.service)
    app.wall_clock = lambda: time.time() + later_s
    # What other tests left behind is none of this one's business.
    watched = replace(app.settings.policy, watch=(repo.name, f"{repo.name}-*"))
    app.settings = replace(app.settings, policy=watched)
    return app


def drop(repo: Repo, push: Callable[[], object]) -> None:
    repo.service.codecommit.events.drop = lambda _event: True
    push()
    repo.service.codecommit.events.drop = 0


def test_a_push_whose_event_was_lost_is_found_and_answered(repo: Repo) -> None:
    clean = repo.start()
    alice = repo.person()
    leak = alice.commit({"key.txt": aws_secret()}, "Add")
    drop(repo, lambda: alice.git("push", "origin", "HEAD:main"))
    assert repo.settle() == []

    assert sweep(repo).missing == 0
    done = sweep(repo, GRACE_S + 5)
    (event,) = repo.settle()

    assert done.missing == 1
    assert done.finished
    assert {f["commitId"] for f in event["findings"]} == {leak}
    assert event["pusher"] is None
    assert repo.tip() == clean
    assert repo.service.tags(repo.name)["RepoState"] == "locked"
    assert len(repo.mails) == 3
    assert sweep(repo, GRACE_S + 10).missing == 0


def test_the_function_runs_with_its_own_rights_and_finds_nothing_to_do(repo: Repo) -> None:
    repo.start()

    answer = repo.service.invoke("reconcile")

    assert answer["finished"]
    assert answer["unreadable"] == []
    assert answer["repositories"] >= 1
    line = json.loads((repo.service.root / "logs" / "reconcile.log").read_text().splitlines()[-1])
    # What the metric filter of the stack looks for.
    assert line["message"] == "reconciled"
    assert line["missing"] == answer["missing"]


def test_an_event_that_comes_late_after_all_is_not_told_of_twice(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    repo.service.codecommit.events.hold()
    alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:main")
    time.sleep(1.1)  # events tell time in seconds
    sweep(repo)
    sweep(repo, GRACE_S + 5)
    held = repo.service.codecommit.events.held
    repo.service.codecommit.events.release(lambda _held: [])
    assert len(repo.settle()) == 1

    for event in held:
        repo.service.stack.deliver(event)
    assert repo.settle() == []
    assert len(repo.mails) == 3


def test_an_event_that_was_overtaken_in_the_queue_is_not_told_of_twice(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"key.txt": aws_secret()}, "Add")
    repo.service.codecommit.events.hold()
    alice.git("push", "origin", "HEAD:main")
    sweep(repo)
    before = repo.service.app().progress.sightings()[repo.repository_id]
    repo.service.codecommit.events.release()
    assert len(repo.settle()) == 1  # the event itself was first
    assert repo.service.tip(repo.name, MAIN) != before.unscanned[MAIN].tip

    repository = role(repo).codecommit.repository(repo.name)
    seen = before.unscanned[MAIN]
    late = state_change(repository, MAIN, None, seen.tip, seen_s=seen.first_seen_s, now_s=time.time())
    repo.service.stack.deliver(late)

    assert repo.settle() == []
    assert len(repo.mails) == 3


def test_a_push_that_is_lost_a_second_time_is_told_of_again(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"key.txt": aws_secret()}, "Add")
    for round_ in (1, 2):
        repo.unlock()
        drop(repo, lambda: alice.git("push", "origin", "HEAD:main"))
        sweep(repo, round_ * 10_000)
        sweep(repo, round_ * 10_000 + GRACE_S)
        assert len(repo.settle()) == 1
        assert repo.responded("reset") == ["done"] * round_


def test_a_lost_deletion_and_a_lost_new_branch_are_made_good(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.git("push", "origin", "HEAD:side")
    assert repo.settle() == []
    alice.commit({"b.txt": "b\n"}, "More")
    drop(repo, lambda: alice.git("push", "origin", ":side", "HEAD:new"))
    sweep(repo)

    assert sweep(repo, GRACE_S).missing == 2
    assert repo.settle() == []

    rows = repo.service.app().state.frontier(repo.repository_id).rows
    assert rows["refs/heads/side"].deleted
    assert rows["refs/heads/new"].accepted == repo.tip("refs/heads/new")


def test_the_history_of_an_old_repository_becomes_its_baseline_and_locks_nothing(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = repo.person()
    leak = alice.commit({"key.txt": aws_secret()}, "Long ago")
    drop(repo, lambda: alice.git("push", "origin", "HEAD:main"))
    app = role(repo)
    old = app.codecommit.repository(repo.name)
    monkeypatch.setattr(app, "codecommit", _Older(app.codecommit, old))

    done = reconcile(app, pace=Pace(1e6))
    sweep(repo, 2 * GRACE_S)

    assert done.baselines == 1
    assert repo.settle() == []
    assert repo.service.app().state.frontier(repo.repository_id).rows[MAIN] == RefState(MAIN, accepted=leak)
    assert repo.service.tags(repo.name)["RepoState"] == "ok"


class _Older:
    """CodeCommit, but one repository was created long before Pushwarden came."""

    def __init__(self, real: Any, old: Repository) -> None:
        self._real, self._old = real, old

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def repository(self, name: str) -> Repository:
        found: Repository = self._real.repository(name)
        if name != self._old.name:
            return found
        return Repository(found.arn, found.repository_id, name, found.default_branch, 0.0)


def test_a_run_out_of_time_is_gone_on_with_where_it_stopped(repo: Repo) -> None:
    repo.start()
    for i in range(4):
        repo.api.create_repository(repositoryName=f"{repo.name}-{i}")
    ticks = iter(range(1000))

    first = sweep(repo, deadline=3.0, clock=lambda: float(next(ticks)))
    rest = sweep(repo)

    assert not first.finished
    assert first.repositories == 3
    assert rest.finished
    assert rest.repositories == 2
    assert sweep(repo).repositories == 5


def test_deleted_and_renamed_repositories_are_noticed(repo: Repo) -> None:
    repo.start()
    doomed = f"{repo.name}-doomed"
    repo.api.create_repository(repositoryName=doomed)
    sweep(repo)
    repo.api.delete_repository(repositoryName=doomed)
    repo.api.update_repository_name(oldName=repo.name, newName=f"{repo.name}-renamed")

    done = sweep(repo)

    assert done.gone == 1
    assert done.renamed == 1
    assert done.missing == 0
    assert sweep(repo).gone == 0
    repository_id = role(repo).codecommit.repository(f"{repo.name}-renamed").repository_id
    assert repo.service.app().state.frontier(repository_id).rows.keys() == {MAIN}


def test_one_repository_that_cannot_be_read_does_not_hide_the_others(repo: Repo) -> None:
    repo.start()
    for i in range(2):
        repo.api.create_repository(repositoryName=f"{repo.name}-{i}")
    arn = f"arn:aws:sts::123456789012:assumed-role/{repo.service.stack.name}-reconcile/reconcile"
    repo.service.codecommit.faults.add("git-upload-pack/info-refs", "access-denied", 1, arn)

    done = sweep(repo)

    assert len(done.unreadable) == 1
    assert done.repositories == 2
    assert done.finished


def test_a_run_that_can_read_nothing_fails_loudly(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.start()
    repo.api.create_repository(repositoryName=f"{repo.name}-2")
    monkeypatch.setattr("pushwarden.service.reconcile.FAILURES_IN_A_ROW_MAX", 2)
    arn = f"arn:aws:sts::123456789012:assumed-role/{repo.service.stack.name}-reconcile/reconcile"
    repo.service.codecommit.faults.add("git-upload-pack/info-refs", "access-denied", 50, arn)

    with pytest.raises(TooManyFailuresError, match="reconciliation stops after"):
        sweep(repo)
    repo.service.codecommit.faults.clear()
    assert sweep(repo).finished


def test_a_throttled_run_gets_through(repo: Repo) -> None:
    repo.start()
    repo.service.codecommit.faults.add("git-upload-pack/info-refs", "throttle-xml", 2)
    repo.service.codecommit.faults.add("ListRepositories", "throttle-xml", 1)

    done = sweep(repo)

    assert done.finished
    assert done.unreadable == []
