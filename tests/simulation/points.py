"""One leaking push, once without trouble to see which calls it takes; then again for each call and each way to fail there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.conftest import made_up
from tests.simulation.invariants import Plant, violations
from tests.simulation.machine import FUNCTIONS, Machine
from tests.simulation.people import Clone
from tests.simulation.wire import Fault
from tests.simulation.world import MAIN, World

LEAKS: Final = ("update", "branch", "tag-message", "force", "deleted")


@dataclass(frozen=True, slots=True)
class Point:
    """A call of a function's invocation, and what happens there."""

    leak: str
    invocation: int
    """Which one of the functions' invocations after the push, from 0."""
    call: int
    kind: str
    times: int = 1
    function: str = ""
    name: str = ""

    def __str__(self) -> str:
        return (
            f"{self.leak}: invocation {self.invocation} ({self.function}), call {self.call} ({self.name}), {self.kind}"
        )


def points(machine: Machine, leak: str, kinds: tuple[str, ...]) -> Iterator[Point]:
    """Yield every call that the answer to a leaking push takes, with every way to fail."""
    for number, (function, calls) in enumerate(_calm(machine, leak)):
        for call, name in enumerate(calls):
            for kind in kinds:
                times = 30 if kind in {"access-denied", "expired-token"} else 1
                yield Point(leak, number, call, kind, times, function, name)


def broken_at(machine: Machine, point: Point) -> list[str]:
    """Let the push happen, let it fail at the point, deliver again, and return what is wrong in the end."""
    world = _leaked(machine, point.leak)
    number = 0
    while (message := machine.next_message()) is not None:
        fault = Fault(point.kind, point.call, point.times) if number == point.invocation else None
        machine.work_on(message, fault)
        if fault and fault.hit and point.function == "notify":
            world.ledger.repeats += 1
        number += 1
    return [f"{point}: {each}" for each in violations(world.ledger)]


def _calm(machine: Machine, leak: str) -> list[tuple[str, list[str]]]:
    if leak in machine.calm:
        return machine.calm[leak]
    world = _leaked(machine, leak)
    calls = machine.calm[leak] = []
    while (message := machine.next_message()) is not None:
        done = machine.work_on(message)
        calls.append((done.function, done.calls))
    assert not violations(world.ledger)
    return calls


def _leaked(machine: Machine, leak: str) -> World:
    world = World(machine, repositories=1)
    (clone,) = world.clones
    _forget_key(machine)
    machine.sleep(10)
    plant = _push(clone, leak)
    world.ledger.plants.append(plant)
    return world


def _push(clone: Clone, leak: str) -> Plant:
    first = clone.refs()[MAIN]
    secret = f"aws_secret_access_key = {made_up(clone.name, 40)}\n"
    bad = clone.commit({"conf/prod.env": secret.encode()}, "Add settings", first)
    if leak == "branch":
        assert clone.push("refs/heads/feature", None, bad)
        return Plant(clone, secret, bad, "refs/heads/feature")
    if leak == "tag-message":
        tag = clone.tag(first, "v1", f"Release\n\n{secret}")
        assert clone.push("refs/tags/v1", None, tag)
        return Plant(clone, secret, tag, "refs/tags/v1")
    assert clone.push(MAIN, first, bad)
    if leak == "force":
        clean = clone.commit({"other.txt": b"fine\n"}, "Other", first)
        assert clone.push(MAIN, bad, clean)
    elif leak == "deleted":
        assert clone.push("refs/heads/short", None, bad)
        assert clone.push("refs/heads/short", bad, None)
    return Plant(clone, secret, bad, MAIN)


def _forget_key(machine: Machine) -> None:
    """Let the first leak of a deployment be the one that is looked at: it makes the fingerprint key."""
    key = {"pk": {"S": "settings"}, "sk": {"S": "fingerprint-key"}}
    machine.aws.client("dynamodb").delete_item(TableName=machine.stack.settings.table, Key=key)
    for name in FUNCTIONS:
        machine.restart(name)
