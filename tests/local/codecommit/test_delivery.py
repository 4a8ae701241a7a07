"""Events on their way: lost, late, twice, in another order; and a listener that fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pushwarden.local.codecommit import EventSwitches


class Listener:
    def __init__(self) -> None:
        self.got: list[int] = []

    def __call__(self, event: dict[str, Any]) -> None:
        self.got.append(event["n"])


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def switches(listener: Listener) -> Iterator[EventSwitches]:
    made = EventSwitches(listener)
    yield made
    made.close()


def send(switches: EventSwitches, *numbers: int) -> None:
    for number in numbers:
        switches.send({"n": number})
    assert switches.wait_idle()


def test_events_arrive_in_order(switches: EventSwitches, listener: Listener) -> None:
    send(switches, *range(20))
    assert listener.got == list(range(20))


def test_the_next_events_can_be_dropped_by_count(switches: EventSwitches, listener: Listener) -> None:
    switches.drop = 2
    send(switches, 1, 2, 3)
    assert listener.got == [3]
    assert [event["n"] for event in switches.sent] == [1, 2, 3]


def test_events_can_be_dropped_by_what_they_are(switches: EventSwitches, listener: Listener) -> None:
    switches.drop = lambda event: event["n"] % 2 == 0
    send(switches, 1, 2, 3, 4)
    assert listener.got == [1, 3]


def test_events_can_arrive_twice(switches: EventSwitches, listener: Listener) -> None:
    switches.duplicate = 1
    send(switches, 1, 2)
    assert listener.got == [1, 1, 2]


def test_events_can_be_gathered_and_arrive_last_first(switches: EventSwitches, listener: Listener) -> None:
    switches.reorder = 3
    send(switches, 1, 2, 3, 4)
    assert listener.got == [3, 2, 1]
    switches.flush()
    assert switches.wait_idle()
    assert listener.got == [3, 2, 1, 4]


def test_a_delayed_event_is_overtaken_by_one_that_is_not(switches: EventSwitches, listener: Listener) -> None:
    switches.delay_s = lambda event: 0.05 if event["n"] == 1 else 0
    send(switches, 1, 2)
    assert listener.got == [2, 1]


def test_held_events_are_released_in_the_order_that_the_caller_wants(
    switches: EventSwitches, listener: Listener
) -> None:
    switches.hold()
    send(switches, 1, 2, 3)
    assert listener.got == []
    assert [event["n"] for event in switches.held] == [1, 2, 3]
    switches.release(lambda held: [held[2], held[0], held[0]])
    send(switches, 4)
    assert listener.got == [3, 1, 1, 4]


def test_held_events_are_released_as_they_came_without_an_order(switches: EventSwitches, listener: Listener) -> None:
    switches.hold()
    send(switches, 1, 2)
    switches.release()
    assert switches.wait_idle()
    assert listener.got == [1, 2]


def test_a_listener_that_fails_is_recorded_and_gets_the_next_event() -> None:
    got = []

    def fail_first(event: dict[str, Any]) -> None:
        got.append(event["n"])
        if event["n"] == 1:
            raise LookupError(event["n"])

    switches = EventSwitches(fail_first)
    send(switches, 1, 2)
    assert got == [1, 2]
    assert [repr(error) for error in switches.failures] == ["LookupError(1)"]
    switches.close()


def test_a_listener_cannot_change_what_was_sent() -> None:
    switches = EventSwitches(lambda event: event.clear())
    switches.duplicate = 1
    send(switches, 1)
    assert switches.sent == [{"n": 1}]
    assert switches.failures == ()
    switches.close()


def test_a_listener_may_send_events_itself() -> None:
    done = threading.Event()

    def echo(event: dict[str, Any]) -> None:
        if event["n"] == 1:
            switches.send({"n": 2})
        else:
            done.set()

    switches = EventSwitches()
    switches.listener = echo
    switches.send({"n": 1})
    assert done.wait(10)
    assert switches.wait_idle()
    switches.close()


def test_closing_loses_what_is_still_delayed(listener: Listener) -> None:
    switches = EventSwitches(listener)
    switches.delay_s = 60
    switches.send({"n": 1})
    assert not switches.wait_idle(timeout_s=0.01)
    switches.close()
    assert listener.got == []


def test_without_a_listener_events_are_only_remembered() -> None:
    switches = EventSwitches()
    send(switches, 1)
    assert switches.sent == [{"n": 1}]
    switches.clear()
    assert switches.sent == []
    switches.close()
