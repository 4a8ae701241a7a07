"""A scenario, once without trouble to see which calls it takes; then again for each call and each way to fail there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tests.simulation.invariants import told_twice, violations
from tests.simulation.machine import Machine
from tests.simulation.scenarios import SCENARIOS, finish, play
from tests.simulation.wire import CUT, PARTIAL, PASSING, Fault, Invocation, can_fail_so
from tests.simulation.world import World

Seen = set[tuple[str, str, tuple[str, ...]]]
_ALIKE: Final = frozenset({"notify", "lock", "revoke", "comment", "securityhub"})
_LONG: Final = 40
"""More calls than any retry makes."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a call fails, and for how long."""

    kind: str
    times: int = 1
    same: bool = False
    """Only calls of the same name fail."""
    deliveries: int = 1
    """How many deliveries of the same message meet it."""

    def __str__(self) -> str:
        more = [f"for {self.times} calls"] if self.times > 1 else []
        more += [f"{self.deliveries} deliveries"] if self.deliveries > 1 else []
        return ", ".join((self.kind, *more))


KILLED: Final = Way("kill-after")
"""To die before a call is to die after the one before it; only before the first there is something else to try."""
KILLED_AT_ONCE: Final = Way("kill-before")
WAYS: Final = (
    KILLED,
    KILLED_AT_ONCE,
    *(Way(kind) for kind in PASSING),
    *(Way(kind, _LONG) for kind in ("throttle", "http-500", "timeout-after")),
    Way("access-denied", _LONG, same=True),
    Way("access-denied", _LONG, same=True, deliveries=2),
    Way("expired-token", _LONG),
    Way("expired-token", _LONG, deliveries=2),
    Way(CUT),
    Way(PARTIAL),
)


class Trial(Protocol):
    """One way in which a scenario goes wrong."""

    @property
    def scenario(self) -> str:
        """Its name."""
        ...

    @property
    def invocation(self) -> int:
        """Which one of the functions' invocations after the push goes wrong first, from 0."""
        ...

    def trouble(self, world: World, first: int) -> Callable[[Invocation], Fault | None]:
        """Return what goes wrong in which invocation, if ``first`` is the number of the scenario's first one."""
        ...

    def more(self, _world: World) -> list[str]:
        """Return what else is wrong in the end, in words."""
        ...


@dataclass(frozen=True, slots=True)
class Point:
    """A call of a function's invocation, and how it fails."""

    scenario: str
    invocation: int
    """Which one of the functions' invocations after the push, from 0."""
    call: int
    way: Way
    function: str = ""
    name: str = ""

    @property
    def kills(self) -> bool:
        """Whether the process dies there."""
        return self.way in {KILLED, KILLED_AT_ONCE}

    def more(self, world: World) -> list[str]:
        """Return the leaks that more than one incident tells of, if that must not be."""
        return told_twice(world.ledger) if SCENARIOS[self.scenario].once else []

    def trouble(self, world: World, first: int) -> Callable[[Invocation], Fault | None]:
        """Return what goes wrong in which invocation, if ``first`` is the number of the scenario's first one."""
        record, way, at = world.machine.record, self.way, first + self.invocation

        def trouble(each: Invocation) -> Fault | None:
            if each.number < at:
                return None
            # What has no message of its own is not delivered again, but called.
            before = [i for i in record[at:] if i.message is not None and i.message == each.message]
            redelivered = each.number > at and record[at].message == each.message and each.message is not None
            if each.number != at and not (redelivered and len(before) < way.deliveries):
                return None
            return Fault(way.kind, self.call, way.times, self.name if way.same else "")

        return trouble

    def __str__(self) -> str:
        where = f"{self.scenario}: invocation {self.invocation} ({self.function}), call {self.call} ({self.name})"
        return f"{where}, {self.way}"


def points(machine: Machine, scenario: str, ways: Sequence[Way] = WAYS, *, seen: Seen | None = None) -> Iterator[Point]:
    """Yield every call that a scenario takes, with every way to fail. Invocations that make the same calls count once.

    Args:
        machine: where it happens.
        scenario: its name.
        ways: how calls fail.
        seen: kept from scenario to scenario: what a function does that only looks at its event is the same in all.
    """
    seen = set() if seen is None else seen
    for number, (function, calls) in enumerate(calm(machine, scenario)):
        kind = ("" if function in _ALIKE else scenario, function, calls)
        if kind in seen:
            continue
        seen.add(kind)
        for call, name in enumerate(calls):
            for way in ways:
                if can_fail_so(name, way.kind) and (way != KILLED_AT_ONCE or call == 0):
                    yield Point(scenario, number, call, way, function, name)


def broken_at(trial: Trial, machine: Machine) -> list[str]:
    """Let a scenario happen, and go wrong as the trial says; deliver again, and return what is wrong in the end."""
    world = play(machine, trial.scenario)
    machine.trouble = trial.trouble(world, len(machine.record))
    finish(world, trial.scenario)
    return outcome(trial, world)


def outcome(trial: Trial, world: World) -> list[str]:
    """Return what is wrong at the end of a trial; also if nothing has gone wrong on the way, which proves nothing."""
    wrong = violations(world.ledger)
    if not any(each.fault is not None and each.fault.hit for each in world.machine.record):
        wrong.append("the call was never made")
    return [f"{trial}: {each}" for each in (*wrong, *trial.more(world))]


def calm(machine: Machine, scenario: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the invocations of a scenario in which nothing goes wrong: function, and the names of its calls."""
    if scenario not in machine.calm:
        world = play(machine, scenario)
        begun = len(machine.record)
        finish(world, scenario)
        assert violations(world.ledger) == []
        machine.calm[scenario] = [(each.function, tuple(each.calls)) for each in machine.record[begun:]]
    return machine.calm[scenario]
