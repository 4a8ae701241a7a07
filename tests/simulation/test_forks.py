"""One story, told once, with many ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.simulation.forks import outcomes
from tests.simulation.machine import Machine
from tests.simulation.points import KILLED, points
from tests.simulation.wire import Fault, Invocation
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Idle:
    """A trial in which nothing goes wrong after all, or people do something at that moment."""

    scenario: str = "update"
    invocation: int = 0
    meanwhile: Callable[[World], None] = lambda _world: None

    def more(self, _world: World) -> list[str]:
        return []

    def trouble(self, world: World, first: int) -> Callable[[Invocation], Fault | None]:
        def trouble(each: Invocation) -> None:
            if each.number == first + self.invocation:
                self.meanwhile(world)

        return trouble


def test_trials_end_each_for_itself_and_leave_the_story_as_it_was(machine: Machine) -> None:
    lock, scan = (
        next(each for each in points(machine, "update", (KILLED,)) if each.function == name)
        for name in ("lock", "scan")
    )
    rude = Idle(meanwhile=lambda world: world.vanish(world.clones[0], last=True))
    broken = Idle(meanwhile=_break)

    wrong = outcomes(machine, "update", [lock, Idle(), rude, scan, broken, replace(scan, invocation=99)], jobs=2)

    assert not any(str(each) in " ".join(wrong[:-1]) for each in (lock, scan))
    assert [each.rpartition(": ")[2].strip() for each in wrong] == [
        "the call was never made",
        "the call was never made",
        "on purpose",
        "never came to pass",
    ]
    assert machine.mails
    assert all(mail["Subject"] for mail in machine.mails)
    assert not list(machine.root.glob("fork-*"))


def _break(world: World) -> None:
    world.machine.mails.append({"Subject": "", "Message": "made up"})
    raise RuntimeError("on purpose")
