"""Two scans of one branch at the same moment: one of them tells of a leak, whichever dies, and whenever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from bench._burst import ScanApp, World
from pushwarden.aws.bus import PublishError
from pushwarden.events import SecurityEvent
from pushwarden.service import once, scan, security_event, told
from pushwarden.service.lanes import Taken, take
from pushwarden.service.turn import TURN_S
from tests.service.branches import Branch, branch

_PATIENCE_S = 30.0


class DeadError(Exception):
    """The process is gone."""


def leaking(world: World) -> Branch:
    """Return a branch on which the push 1 leaks, and the clean push 2 builds on it; push 0 was scanned."""
    it = branch(world, 3, [1])
    it.take(it.event(0, age_s=3))
    return it


def another(it: Branch) -> ScanApp:
    """Return the app of a second process of the function."""
    app = ScanApp(it.world, it.told, retry=it.app.retry)
    app.__dict__["late_queue"] = it.late
    app.wall_clock = it.app.wall_clock
    return app


def at_once(*work: Callable[[], Taken]) -> list[Taken]:
    """Do things in threads of their own; return what became of them."""
    taken: dict[int, Taken] = {}

    def run(number: int) -> None:
        taken[number] = work[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(work))]
    for each in threads:
        each.start()
    for each in threads:
        each.join(_PATIENCE_S)
    return [taken[number] for number in range(len(work))]


def test_two_scans_that_have_found_the_same_leak_tell_it_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    it = leaking(world)
    both_have_read = threading.Barrier(2)
    been = threading.local()

    def wait(*arguments: Any) -> SecurityEvent | None:
        if not getattr(been, "here", False):
            been.here = True
            both_have_read.wait(_PATIENCE_S)
        return security_event.security_event(*arguments)

    monkeypatch.setattr(scan, "security_event", wait)
    app = another(it)

    taken = at_once(lambda: it.take(it.event(1, age_s=2)), lambda: take(app, it.event(2, age_s=1)))

    it.take_all([event for _, event in it.late.held])
    assert len(taken) == 2
    assert it.incidents == {1: 1}
    assert it.stands_at() == (2, 0)


def test_while_one_scan_tells_another_of_the_same_branch_does_not(world: World) -> None:
    it = leaking(world)
    app = another(it)
    found: list[Taken] = []

    def meanwhile(event: SecurityEvent) -> None:
        found.append(take(app, it.event(2, age_s=1)))
        publish(event)

    publish = it.app.publish_event
    it.app.__dict__["publish_event"] = meanwhile
    told = it.take(it.event(1, age_s=2)).event

    assert found[0].put_off
    it.take_all([event for _, event in it.late.held])
    assert [event for _, event in it.told] == [told]
    assert it.stands_at() == (2, 0)


def test_who_was_overtaken_finds_that_it_was_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    it = leaking(world)
    app = another(it)
    overtaken: list[Taken] = []

    def be_overtaken(*arguments: Any) -> SecurityEvent | None:
        monkeypatch.setattr(scan, "security_event", security_event.security_event)
        overtaken.append(take(app, it.event(2, age_s=1)))
        return security_event.security_event(*arguments)

    monkeypatch.setattr(scan, "security_event", be_overtaken)

    assert it.take(it.event(1, age_s=2)).event is None
    assert overtaken[0].event is not None
    assert it.incidents == {1: 1}
    assert it.stands_at() == (2, 0)


@pytest.mark.parametrize("other", [2, 1])
def test_what_a_scan_did_not_tell_because_it_died_is_told_by_another(world: World, other: int) -> None:
    it = leaking(world)
    app = another(it)
    events = {1: it.event(1, age_s=2), 2: it.event(2, age_s=1)}

    def die(_: SecurityEvent) -> None:
        raise DeadError

    it.app.__dict__["publish_event"] = die
    with pytest.raises(DeadError):
        it.take(events[1])
    del it.app.__dict__["publish_event"]
    assert take(app, events[other]).put_off
    assert it.told == []

    it.sleep(TURN_S)
    it.take_all([{**events[other], "pushwarden": {"waited": 0}}])
    it.late.held.clear()
    it.take_all(list(events.values()))
    assert it.incidents == {1: 1}
    assert it.stands_at() == (2, 0)


def test_a_scan_that_is_held_up_until_its_turn_is_over_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = leaking(world)
    looks: list[bool] = []

    def hold_up(*arguments: Any) -> bool:
        looks.append(told.is_done_with(*arguments))
        if len(looks) == 2:
            it.sleep(TURN_S)
        return looks[-1]

    monkeypatch.setattr(scan, "is_done_with", hold_up)
    monkeypatch.setattr(once, "is_done_with", hold_up)

    assert it.take(it.event(1, age_s=2)).put_off
    assert it.told == []
    it.take_all([event for _, event in it.late.held])
    assert it.incidents == {1: 1}


def test_a_scan_that_cannot_tell_lets_the_next_one_try_at_once(world: World) -> None:
    it = leaking(world)
    app = another(it)

    def fail(_: SecurityEvent) -> None:
        raise PublishError("the bus took nothing")

    it.app.__dict__["publish_event"] = fail
    event = it.event(1, age_s=2)
    with pytest.raises(PublishError):
        it.take(event)

    assert take(app, event).event is not None
    assert it.incidents == {1: 1}
