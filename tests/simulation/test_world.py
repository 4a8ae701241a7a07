"""A few seeded histories of a whole world; ``make soak`` runs thousands of pushes."""

from __future__ import annotations

import pytest

from pushwarden.model import SECURITY_EVENT
from tests.simulation.invariants import Plant, violations
from tests.simulation.machine import Machine
from tests.simulation.pushes import MAIN
from tests.simulation.secrets import aws_assignment
from tests.simulation.world import World, history, smallest


def play(machine: Machine, seed: int, pushes: int) -> None:
    steps = history(seed, pushes)

    wrong = World(machine).run(steps)

    if wrong:
        shown = ", ".join(map(str, smallest(machine, steps, tries=20)))
        pytest.fail(f"seed {seed}: {wrong}\na small history that fails the same way: [{shown}]")


@pytest.mark.parametrize("seed", [7, 14])
def test_a_history_of_pushes_faults_and_lost_events_keeps_every_promise(machine: Machine, seed: int) -> None:
    play(machine, seed, pushes=12)


def test_so_it_does_with_every_response_and_pushes_that_are_too_large(full: Machine) -> None:
    play(full, seed=30, pushes=8)


def test_two_force_pushes_of_which_the_first_is_never_told_hide_nothing(machine: Machine) -> None:
    """Found by the simulation: the commit that was forced away had no event of its own."""
    world = World(machine, repositories=1, lossy=False)
    machine.post = lambda _event: []
    first, bad = _forced_away(world)
    machine.post = lambda _event: [0.0]
    assert world.clones[0].push(MAIN, bad, world.clones[0].commit({"b.txt": b"b\n"}, "Instead", first))
    world.rest()

    assert violations(world.ledger) == []


def test_an_event_that_comes_after_the_next_one_tells_of_the_same_leak_no_second_time(machine: Machine) -> None:
    """Found by the simulation: whoever forced the commit away had its leak told of under an incident of its own."""
    world = World(machine, repositories=1, lossy=False)
    machine.post = lambda _event: [300.0]
    first, bad = _forced_away(world)
    machine.post = lambda _event: [0.0]
    machine.sleep(2)
    assert world.clones[0].push(MAIN, bad, world.clones[0].commit({"b.txt": b"b\n"}, "Instead", first))
    world.rest()

    assert violations(world.ledger) == []
    assert len(world.ledger.details(SECURITY_EVENT)) == 1


def test_a_late_event_that_is_told_already_may_have_taken_something_away(machine: Machine) -> None:
    """Found by the simulation: of three pushes, each forced over the one before, the first one's event is lost."""
    world = World(machine, repositories=1, lossy=False)
    (clone,) = world.clones
    machine.post = lambda _event: []
    first, bad = _forced_away(world)
    for delay_s, name in ((300.0, "b.txt"), (0.0, "c.txt")):
        machine.sleep(2)
        machine.post = lambda _event, delay_s=delay_s: [delay_s]  # type: ignore[misc]
        secret = aws_assignment(f"{clone.name} {name}")
        tip, new = clone.refs()[MAIN], clone.commit({name: secret.encode()}, "Instead", first)
        assert clone.push(MAIN, tip, new, "administrator")
        world.ledger.plants.append(Plant(clone, secret, new, MAIN))
    machine.post = lambda _event: [0.0]
    world.rest()

    assert bad in {each["commitId"] for e in world.ledger.details(SECURITY_EVENT) for each in e["findings"]}
    assert violations(world.ledger) == []


def test_a_branch_that_is_made_where_another_one_leaked_is_answered_too(machine: Machine) -> None:
    world = World(machine, repositories=1, lossy=False)
    (clone,) = world.clones
    _, bad = _forced_away(world)
    machine.work_on(machine.queue[0])  # it is scanned, and not reset yet
    assert clone.push("refs/heads/side", None, clone.commit({"b.txt": b"b\n"}, "More", bad), "administrator")
    world.rest()

    assert violations(world.ledger) == []
    assert {each["referenceFullName"] for each in world.ledger.details(SECURITY_EVENT)} == {MAIN, "refs/heads/side"}


def test_a_deletion_that_is_never_told_is_seen_all_the_same(machine: Machine) -> None:
    world = World(machine, repositories=1, lossy=False)
    (clone,) = world.clones
    tip = clone.refs()[MAIN]
    assert clone.push("refs/heads/side", None, tip)
    machine.settle()
    machine.post = lambda _event: []
    assert clone.push("refs/heads/side", tip, None)
    machine.post = lambda _event: [0.0]
    world.rest()

    assert violations(world.ledger) == []


def test_a_reset_leaves_alone_what_a_colleague_pushed_since(machine: Machine) -> None:
    world = World(machine, repositories=1, lossy=False)
    (clone,) = world.clones
    _, bad = _forced_away(world)
    machine.work_on(machine.queue[0])
    more = clone.commit({"b.txt": b"b\n"}, "More", bad)
    assert clone.push(MAIN, bad, more)
    world.rest()

    assert violations(world.ledger) == []
    assert clone.refs()[MAIN] == more


def _forced_away(world: World) -> tuple[str, str]:
    (clone,) = world.clones
    first, secret = clone.refs()[MAIN], aws_assignment(clone.name)
    bad = clone.commit({"a.txt": secret.encode()}, "Add", first)
    assert clone.push(MAIN, first, bad)
    world.ledger.plants.append(Plant(clone, secret, bad, MAIN))
    return first, bad
