"""Which queue an event goes through, and that each leak is told once, whatever the order of the events."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from bench._burst import MAIN, World, push_event
from pushwarden.aws.claims import Claim
from pushwarden.aws.githttp import GitAccessError
from pushwarden.events import MalformedEventError
from pushwarden.service import turn
from pushwarden.service.lanes import FRESH_TURN_S, LATE_S, TURN_S, TURNS_MAX
from tests.service.branches import Branch, branch


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


def test_an_event_that_only_stood_behind_others_of_other_repositories_is_scanned_at_once(world: World) -> None:
    it, burst = branch(world, 1, [0]), branch(world, 1)
    for _ in range(20):
        assert it.take(burst.event(0, age_s=LATE_S + 5)).put_off
    assert it.requests() == 0

    assert it.take(it.event(0, age_s=LATE_S + 5)).event is not None
    assert it.take(burst.event(0, age_s=LATE_S + 5)).put_off


def test_one_that_codecommit_has_no_time_for_waits_with_the_others(world: World) -> None:
    it, burst = branch(world, 1, [0]), branch(world, 1)
    for _ in range(20):
        it.take(burst.event(0, age_s=LATE_S + 5))
    it.late.held.clear()
    world.codecommit.faults.add("git-*", "throttle-xml", 30)

    assert it.take(it.event(0, age_s=LATE_S + 5)).put_off
    world.codecommit.faults.clear()
    it.take_all([event for _, event in it.late.held])
    assert it.incidents == {0: 1}


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


def test_a_fresh_push_that_comes_before_its_leaking_predecessor_waits_for_seconds(world: World) -> None:
    it = branch(world, 5, [2])
    it.take(it.event(0, age_s=4))

    # The branch stands at 4 already, so nothing says that what leads to 3 is in order.
    assert it.take(it.event(3, age_s=1)).put_off
    assert [(delay, event["pushwarden"]) for delay, event in it.late.held] == [(FRESH_TURN_S, {"waited": TURNS_MAX})]
    told = it.take(it.event(2, age_s=2)).event

    assert told is not None
    assert told.push.pusher is not None
    it.take_all([it.late.held.pop()[1], it.event(1, age_s=3), it.event(4)])
    assert it.incidents == {2: 1}
    assert it.stands_at() == (4, 1)


def _fresh(it: Branch, _: random.Random) -> list[dict[str, Any]]:
    now_s = time.time()
    return [push_event(it.repository, n, now_s - 8 + n) for n in range(8)]


def _late(it: Branch, _: random.Random) -> list[dict[str, Any]]:
    return [it.late_event(n) for n in range(8)]


def _of_both_kinds(it: Branch, source: random.Random) -> list[dict[str, Any]]:
    until = source.randrange(8)
    return [*_late(it, source)[:until], *_fresh(it, source)[until:]]


@pytest.mark.parametrize("kind", [_fresh, _late, _of_both_kinds])
@pytest.mark.parametrize("seed", range(4))
def test_in_any_order_and_from_either_queue_each_leak_is_told_once(
    world: World, seed: int, kind: Callable[[Branch, random.Random], list[dict[str, Any]]]
) -> None:
    source = random.Random(seed)
    it = branch(world, 8, sorted(source.sample(range(8), 2)))
    events = kind(it, source)
    source.shuffle(events)

    it.take_all([*events, source.choice(events)])

    assert it.incidents == dict.fromkeys(it.repository.leaks, 1)
    row = it.app.state.frontier(it.repository.repository_id).rows[MAIN]
    assert row.scanned == it.repository.commits[-1]
    assert set(row.open_commits) == {it.repository.commits[n] for n in it.repository.leaks}
    accepted, first = it.stands_at()[1], it.repository.leaks[0]
    if kind is _late:
        assert accepted == (first - 1 if first else None)
    assert accepted is None or accepted < first


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
    it.sleep(turn.TURN_S)  # until then the branch is left to the dead one
    it.take_all(events[1:])

    assert len(it.told) == 2
    assert it.incidents == {1: 1}
    assert it.stands_at() == (3, 0)


def test_while_one_late_event_reads_a_branch_the_others_of_that_branch_wait(world: World) -> None:
    it = branch(world, 3)
    claims, repository_id = it.app.claims, it.repository.repository_id
    now_s = time.time()
    another = claims.take(repository_id, MAIN, Claim("another", now_s + 60), now_s=now_s)
    assert another is not None

    assert it.take(it.late_event(0)).put_off
    assert it.take(it.late_event(1, waited=TURNS_MAX)).put_off
    assert [event["pushwarden"]["waited"] for _, event in it.late.held] == [0, TURNS_MAX]
    claims.release(repository_id, MAIN, another, now_s=time.time())
    waiting = [event for _, event in it.late.held]
    it.late.held.clear()
    it.take_all(waiting)
    assert it.stands_at() == (2, 2)


def test_a_claim_ends_when_it_is_released_or_its_time_is_over(world: World) -> None:
    it = branch(world, 1)

    def claim(owner: str, now_s: float, ref: str = MAIN) -> Claim | None:
        return it.app.claims.take(it.repository.repository_id, ref, Claim(owner, now_s + 30), now_s=now_s)

    def release(claim: Claim | None, now_s: float) -> None:
        assert claim is not None
        it.app.claims.release(it.repository.repository_id, MAIN, claim, now_s=now_s)

    one = claim("one", 100.0)
    assert not claim("two", 129.0)
    assert claim("two", 129.0, "refs/heads/other")
    assert claim("two", 131.0)
    release(one, 132.0)  # it is not its own any more
    assert not claim("one", 132.0)
    two = claim("two", 140.0)  # its own, for longer
    assert not claim("one", 169.0)
    release(two, 169.0)
    assert claim("one", 169.0)
