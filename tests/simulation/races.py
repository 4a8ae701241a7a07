"""Something else happens while a function is between two of its calls: people push, unlock, delete; another function runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.simulation.invariants import told_twice
from tests.simulation.machine import Machine
from tests.simulation.parts import Message
from tests.simulation.points import calm
from tests.simulation.pushes import MAIN
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.wire import Fault, Invocation
from tests.simulation.world import World

Race = Callable[[World, Invocation], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """After which call of which invocation something else happens, and what."""

    scenario: str
    invocation: int
    call: int
    """-1: before the first."""
    race: str
    function: str = ""
    name: str = ""

    def __str__(self) -> str:
        after = f"after call {self.call} ({self.name})" if self.call >= 0 else "before its first call"
        return f"{self.scenario}: {self.race} in invocation {self.invocation} ({self.function}) {after}"

    def more(self, world: World) -> list[str]:
        """Return the leaks that more than one incident tells of, if that must not be."""
        if not SCENARIOS[self.scenario].once or self.race not in _UNINVOLVED:
            return []
        return told_twice(world.ledger)

    def trouble(self, world: World, first: int) -> Callable[[Invocation], Fault | None]:
        """Return what goes wrong in which invocation, if ``first`` is the number of the scenario's first one."""

        def trouble(each: Invocation) -> Fault | None:
            if each.number != first + self.invocation:
                return None
            kind = "meanwhile-after" if self.call >= 0 else "meanwhile-before"
            return Fault(kind, max(0, self.call), meanwhile=lambda: RACES[self.race](world, each))

        return trouble


_UNINVOLVED: Final = frozenset({"same", "now", "others"})
"""Races in which people do nothing meanwhile that would have to be told."""


def moments(machine: Machine, scenario: str, races: tuple[str, ...]) -> Iterator[Moment]:
    """Yield every moment of a scenario, for each of the races."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for number, (function, calls) in enumerate(calm(machine, scenario)):
        if (function, calls) in seen:
            continue
        seen.add((function, calls))
        for call in range(-1, len(calls)):
            for race in races:
                yield Moment(scenario, number, call, race, function, calls[max(0, call)])


def _ref(world: World) -> str:
    return world.ledger.plants[0].ref


def _push(world: World, _: Invocation) -> None:
    """A colleague commits on top of what the ref holds."""
    (clone,) = world.clones
    tip = clone.refs().get(_ref(world))
    clone.push(
        _ref(world), tip, clone.commit({"more.txt": b"more\n"}, "More", *([tip] if tip else [])), "administrator"
    )


def _force(world: World, _: Invocation) -> None:
    """A colleague moves the ref to another commit."""
    (clone,) = world.clones
    tip, main = clone.refs().get(_ref(world)), clone.refs()[MAIN]
    base = clone.snapshots[main].parents[:1] or (main,)
    clone.push(_ref(world), tip, clone.commit({"instead.txt": b"instead\n"}, "Instead", *base), "administrator")


def _leak(world: World, _: Invocation) -> None:
    """A colleague pushes the same secret to a branch of his own."""
    (clone,) = world.clones
    if "refs/heads/mine" not in clone.refs():
        clone.push("refs/heads/mine", None, world.ledger.plants[0].commit, "administrator")


def _delete(world: World, _: Invocation) -> None:
    (clone,) = world.clones
    tip = clone.refs().get(_ref(world))
    if _ref(world) != MAIN and tip:
        clone.push(_ref(world), tip, None, "administrator")


def _same(world: World, each: Invocation) -> None:
    """The same message is delivered a second time."""
    message = world.machine.current
    if message is not None and each.message == message.number:
        world.machine.work_on(Message(message.number, message.function, message.body, 0.0), keep=True)


def _now(world: World, _: Invocation) -> None:
    """Every other function does what it can do at this moment."""
    machine = world.machine
    while due := [each for each in machine.queue if each.visible_at <= machine.clock_s]:
        machine.work_on(due[0])


def _others(world: World, _: Invocation) -> None:
    """Every other function does its work, with whatever follows, while time passes: claims expire."""
    world.machine.settle()


def _unlock(world: World, each: Invocation) -> None:
    (clone,) = world.clones
    if each.function == "lock":
        world.ledger.vague.add(clone.name)
    world.unlock(clone)


def _vanish(world: World, _: Invocation) -> None:
    """The repository is deleted."""
    world.vanish(world.clones[0], last=True)


RACES: Final[dict[str, Race]] = {
    "push": _push,
    "force": _force,
    "leak": _leak,
    "delete": _delete,
    "same": _same,
    "others": _others,
    "now": _now,
    "unlock": _unlock,
    "vanish": _vanish,
}
