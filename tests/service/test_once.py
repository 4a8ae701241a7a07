"""A scan that dies while it tells: whoever comes next tells it to the end, under the same incident."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bench._burst import MAIN, ScanApp, World
from pushwarden.aws.bus import PublishError
from pushwarden.aws.claims import Claim
from pushwarden.aws.state import StaleStateError
from pushwarden.events import SecurityEvent
from pushwarden.service.lanes import take
from pushwarden.service.turn import TURN_S
from tests.service.branches import Branch, branch
from tests.service.test_turn import DeadError, another, leaking


def die(app: ScanApp, at: str) -> Callable[[], None]:
    """Let a process die before or after it publishes; return how to undo that."""
    publish = app.publish_event

    def published(event: SecurityEvent) -> None:
        if at == "after":
            publish(event)
        raise DeadError

    app.__dict__["publish_event"] = published
    return lambda: app.__dict__.pop("publish_event", None) and None


def dead_while_telling(world: World, at: str = "after") -> tuple[Branch, ScanApp]:
    """Return a branch whose push 1 leaks, and was being told of by a process that died, and another process."""
    it = leaking(world)
    undo = die(it.app, at)
    with pytest.raises(DeadError):
        it.take(it.event(1, age_s=2))
    undo()
    return it, another(it)


def let_the_turn_end(it: Branch, *others: ScanApp) -> None:
    it.sleep(TURN_S)
    for each in others:
        each.wall_clock = it.app.wall_clock


def next_event(it: Branch) -> dict[str, Any]:
    """Return the event of the push 2, which happened when the turn was over."""
    return it.event(2, age_s=1 - TURN_S)


def incidents(it: Branch) -> set[str]:
    return {event.incident_id for _, event in it.told}


@pytest.mark.parametrize("at", ["before", "after"])
def test_the_next_push_tells_of_the_leak_under_the_incident_of_the_one_that_died(world: World, at: str) -> None:
    it, app = dead_while_telling(world, at)
    before = it.app.state.frontier(it.repository.repository_id).rows[MAIN]

    let_the_turn_end(it, app)
    assert take(app, next_event(it)).event is None

    assert len(incidents(it)) == 1
    assert [event.push.new for _, event in it.told] == [it.repository.commits[1]] * (2 if at == "after" else 1)
    row = it.app.state.frontier(it.repository.repository_id).rows[MAIN]
    assert row.open_commits == (it.repository.commits[1],)
    assert row.accepted == before.accepted
    assert it.stands_at() == (2, 0)


def test_its_own_event_that_comes_again_then_tells_nothing_new(world: World) -> None:
    it, app = dead_while_telling(world)
    let_the_turn_end(it, app)
    take(app, next_event(it))

    it.take_all([it.event(1, age_s=2)])

    assert len(incidents(it)) == 1
    assert it.stands_at() == (2, 0)


def test_what_the_next_push_brings_itself_is_told_as_its_own(world: World) -> None:
    it = branch(world, 3, [1, 2])
    it.take(it.event(0, age_s=3))
    undo = die(it.app, "after")
    with pytest.raises(DeadError):
        it.take(it.event(1, age_s=2))
    undo()
    let_the_turn_end(it)

    told = it.take(next_event(it)).event

    assert told is not None
    assert {each.commit for each in told.findings} == {it.repository.commits[2]}
    assert it.incidents == {1: 1, 2: 1}
    assert it.stands_at() == (2, 0)


def test_a_scan_that_told_but_could_not_move_the_frontier_leaves_that_to_the_next_one_too(world: World) -> None:
    it = leaking(world)
    app = another(it)

    def fail(*_: object, **__: object) -> None:
        raise StaleStateError("changed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(it.app.state), "save_ref", fail)
        with pytest.raises(StaleStateError):
            it.take(it.event(1, age_s=2))

    assert take(app, it.event(2, age_s=1)).event is None
    assert it.incidents == {1: 1}
    assert it.stands_at() == (2, 0)


def test_nothing_is_left_of_what_was_told_to_its_end(world: World) -> None:
    it = leaking(world)
    it.take(it.event(1, age_s=2))
    now_s = it.app.wall_clock()

    claim = it.app.claims.take(it.repository.repository_id, MAIN, Claim("next", now_s + 30), now_s=now_s)

    assert claim is not None
    assert claim.telling is None


def test_what_could_not_be_told_is_told_by_whoever_comes_next(world: World) -> None:
    it = leaking(world)
    app = another(it)

    def fail(_: SecurityEvent) -> None:
        raise PublishError("the bus took nothing")

    it.app.__dict__["publish_event"] = fail
    with pytest.raises(PublishError):
        it.take(it.event(1, age_s=2))

    assert take(app, it.event(2, age_s=1)).event is None
    assert it.incidents == {1: 1}
    assert it.stands_at() == (2, 0)
    assert it.told[0][1].push.pusher is not None


def test_who_pushes_a_leak_again_that_was_taken_away_is_told_of_anew(world: World) -> None:
    """The scan of the first push died after telling; that was answered by a reset, and then the commit is pushed again."""
    it, app = dead_while_telling(world)
    let_the_turn_end(it, app)
    now_s = it.app.wall_clock()
    again = it.event(1)
    again["id"] = "again"
    again["time"] = _iso(now_s)

    told = take(app, again).event

    assert told is not None
    assert len(incidents(it)) == 2


def test_what_an_unfinished_scan_was_telling_is_not_taken_for_all_there_is(world: World) -> None:
    it, app = dead_while_telling(world)
    let_the_turn_end(it, app)
    now_s = it.app.wall_clock()
    id_ = it.repository.repository_id
    claim = it.app.claims.take(id_, MAIN, Claim("x", now_s), now_s=now_s)
    assert claim is not None
    assert claim.telling is not None
    changed = Claim("x", now_s - 1, {**claim.telling, "result": "incomplete"})
    assert it.app.claims.change(id_, MAIN, changed, claim, now_s=now_s)

    told = take(app, next_event(it)).event

    assert told is not None
    assert told.push.new == it.repository.commits[2]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
