"""Which queue an event goes through, and that each leak is told once, whatever the order of the events."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bench._burst import MAIN, Repository, ScanApp, World, push_event
from pushwarden.aws.githttp import GitAccessError
from pushwarden.aws.retry import Pace, RetryPolicy
from pushwarden.events import MalformedEventError, SecurityEvent
from pushwarden.service.lanes import LATE_S, TURN_S, TURNS_MAX, Taken, take

_names = itertools.count()


@dataclass
class LateQueue:
    """What was put off: seconds of delay, and the event."""

    held: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def send(self, bodies: Sequence[str], *, delay_s: int = 0) -> None:
        self.held += [(delay_s, json.loads(body)) for body in bodies]


@dataclass
class Branch:
    """A branch whose every commit was a push, and the function that is told of them."""

    world: World
    repository: Repository
    told: list[tuple[float, SecurityEvent]]
    app: ScanApp
    late: LateQueue

    def event(self, number: int, *, age_s: float = 0.0) -> dict[str, Any]:
        return push_event(self.repository, number, time.time() - age_s)

    def late_event(self, number: int, waited: int = 0) -> dict[str, Any]:
        # As far apart as pushes are, so that their order can be told.
        age_s = 600.0 - number * 2
        return {**self.event(number, age_s=age_s), "pushwarden": {"waited": waited}}

    def take(self, event: dict[str, Any]) -> Taken:
        return take(self.app, event)

    def take_all(self, events: Sequence[dict[str, Any]]) -> None:
        """Take events, then whatever was put off, until nothing is left."""
        waiting = list(events)
        for _ in range(1000):
            if not waiting:
                return
            self.take(waiting.pop(0))
            waiting += [event for _, event in self.late.held]
            self.late.held.clear()
        raise AssertionError("the events do not come to an end")

    @property
    def incidents(self) -> Counter[int]:
        """By the push that is named: how often its leak was told, as different incidents."""
        number = {commit: n for n, commit in enumerate(self.repository.commits)}
        found = {(number[f.commit], event.incident_id) for _, event in self.told for f in event.findings if f.commit}
        return Counter(each for each, _ in found)

    def stands_at(self) -> tuple[int | None, ...]:
        row = self.app.state.frontier(self.repository.repository_id).rows[MAIN]
        number: dict[str | None, int | None] = {commit: n for n, commit in enumerate(self.repository.commits)}
        return number.get(row.scanned), number.get(row.accepted)

    def requests(self) -> int:
        found = len(self.world.codecommit.requests)
        self.world.codecommit.requests.clear()
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, quick_moto: None) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("lanes")) as running:
        yield running


def branch(world: World, commits: int, leaks: Sequence[int] = ()) -> Branch:
    slept: list[float] = []
    retry = RetryPolicy(sleep=slept.append, jitter=lambda: 1.0, pace=Pace(clock=lambda: sum(slept)))
    told: list[tuple[float, SecurityEvent]] = []
    app = ScanApp(world, told, retry=retry, scanner=world.scanner)
    late = LateQueue()
    app.__dict__["late_queue"] = late
    made = Branch(world, world.repository(f"lanes-{next(_names)}", commits, leaks), told, app, late)
    made.requests()
    return made


def test_an_event_that_has_stood_in_the_queue_is_put_off_without_a_request(world: World) -> None:
    it = branch(world, 1, [0])

    taken = it.take(it.event(0, age_s=LATE_S + 5))

    assert taken.put_off
    assert [delay for delay, _ in it.late.held] == [0]
    assert it.requests() == 0
    assert it.told == []


def test_what_was_put_off_is_scanned_from_the_other_queue(world: World) -> None:
    it = branch(world, 1, [0])
    it.take(it.event(0, age_s=LATE_S + 5))

    ((_, event),) = it.late.held
    assert it.take(event).event is not None
    assert it.incidents == {0: 1}


def test_a_fresh_event_is_scanned_at_once(world: World) -> None:
    it = branch(world, 1, [0])

    assert it.take(it.event(0)).event is not None
    assert it.late.held == []


def test_without_a_second_queue_late_events_are_scanned_in_their_order(world: World) -> None:
    it = branch(world, 1, [0])
    it.app.__dict__["late_queue"] = None

    assert it.take(it.event(0, age_s=LATE_S + 5)).event is not None


def test_a_fresh_event_that_codecommit_has_no_time_for_is_put_off_for_seconds(world: World) -> None:
    it = branch(world, 1, [0])
    world.codecommit.faults.add("git-*", "throttle-xml", 30)

    assert it.take(it.event(0)).put_off
    world.codecommit.faults.clear()
    assert [delay for delay, _ in it.late.held] == [TURN_S]


def test_a_fault_that_does_not_pass_is_no_reason_to_put_an_event_off(world: World) -> None:
    it = branch(world, 1, [0])
    world.codecommit.faults.add("git-*", "access-denied", 30)

    with pytest.raises(GitAccessError):
        it.take(it.event(0))
    world.codecommit.faults.clear()
    assert it.late.held == []


@pytest.mark.parametrize("mark", [{}, {"waited": "often"}, "waited", 3])
def test_an_event_with_a_garbled_mark_is_refused(world: World, mark: Any) -> None:
    it = branch(world, 1)

    with pytest.raises(MalformedEventError):
        it.take({**it.event(0), "pushwarden": mark})


def test_late_events_leave_time_between_their_requests(world: World) -> None:
    it = branch(world, 2)

    it.take(it.late_event(0))

    assert it.app.retry.pace.least_s > 0
    it.take(it.event(1))
    assert it.app.retry.pace.least_s == 0


def test_one_look_is_enough_for_a_clean_branch_whichever_event_comes_first(world: World) -> None:
    it = branch(world, 8)

    it.take_all([it.late_event(n) for n in (5, 2, 7, 0, 1, 3, 4, 6)])

    assert it.stands_at() == (7, 7)
    assert it.requests() == 3  # GetRepository, because nobody has met it before; its refs; one pack


def test_a_push_waits_for_the_leaking_one_before_it(world: World) -> None:
    it = branch(world, 4, [2])
    it.take(it.late_event(0))

    assert it.take(it.late_event(3)).put_off
    assert [(delay, event["pushwarden"]) for delay, event in it.late.held] == [(TURN_S, {"waited": 1})]
    told = it.take(it.late_event(2)).event

    assert told is not None
    assert told.push.new == it.repository.commits[2]
    assert told.accepted == it.repository.commits[1]
    assert not it.take(it.late.held[0][1]).put_off
    assert it.incidents == {2: 1}
    assert it.stands_at() == (3, 1)


def test_a_push_does_not_wait_for_ever_and_then_names_nobody_for_what_another_brought_in(world: World) -> None:
    it = branch(world, 4, [2])
    it.take(it.late_event(0))

    told = it.take(it.late_event(3, waited=TURNS_MAX)).event

    assert told is not None
    assert told.push.new == it.repository.commits[3]
    assert told.push.pusher is None
    assert it.take(it.late_event(2)).event is None
    assert it.incidents == {2: 1}


@pytest.mark.parametrize("seed", range(12))
def test_in_any_order_and_from_either_queue_each_leak_is_told_once(world: World, seed: int) -> None:
    source = random.Random(seed)
    it = branch(world, 9, sorted(source.sample(range(9), 2)))
    order = list(range(9))
    source.shuffle(order)
    events = [it.late_event(n) for n in order]
    again = source.choice(events)

    it.take_all([*events, again])

    assert it.incidents == dict.fromkeys(it.repository.leaks, 1)
    row = it.app.state.frontier(it.repository.repository_id).rows[MAIN]
    assert row.scanned == it.repository.commits[-1]
    assert set(row.open_commits) == {it.repository.commits[n] for n in it.repository.leaks}
    assert it.stands_at()[1] == (it.repository.leaks[0] - 1 if it.repository.leaks[0] else None)


def test_a_function_that_dies_between_telling_and_noting_tells_the_same_incident_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = branch(world, 4, [1])
    events = [it.late_event(n) for n in range(4)]
    it.take(events[0])

    class DeadError(Exception):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise DeadError

    with monkeypatch.context() as patch:
        patch.setattr(type(it.app.state), "save_ref", die)
        with pytest.raises(DeadError):
            it.take(events[1])
    # As if half a minute had gone by: until then the branch is left to the dead one.
    it.app.state.release(it.repository.repository_id, MAIN, now_s=time.time())
    it.take_all(events[1:])

    assert len(it.told) == 2
    assert it.incidents == {1: 1}
    assert it.stands_at() == (3, 0)


def test_while_one_late_event_reads_a_branch_the_others_of_that_branch_wait(world: World) -> None:
    it = branch(world, 3)
    state, repository_id = it.app.state, it.repository.repository_id
    assert state.claim(repository_id, MAIN, now_s=time.time(), for_s=60)

    assert it.take(it.late_event(0)).put_off
    assert it.take(it.late_event(1, waited=TURNS_MAX)).put_off
    assert [event["pushwarden"]["waited"] for _, event in it.late.held] == [0, TURNS_MAX]
    state.release(repository_id, MAIN, now_s=time.time())
    waiting = [event for _, event in it.late.held]
    it.late.held.clear()
    it.take_all(waiting)
    assert it.stands_at() == (2, 2)


def test_a_claim_ends_when_it_is_released_or_its_time_is_over(world: World) -> None:
    it = branch(world, 1)
    state, repository_id = it.app.state, it.repository.repository_id

    assert state.claim(repository_id, MAIN, now_s=100.0, for_s=30)
    assert not state.claim(repository_id, MAIN, now_s=129.0, for_s=30)
    assert state.claim(repository_id, "refs/heads/other", now_s=129.0, for_s=30)
    assert state.claim(repository_id, MAIN, now_s=131.0, for_s=30)
    state.release(repository_id, MAIN, now_s=132.0)
    assert state.claim(repository_id, MAIN, now_s=133.0, for_s=30)
