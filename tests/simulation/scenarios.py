"""Small stories in which every function has something to do, each the same whenever it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pushwarden.service.offers import RECEIVE, UPLOAD, remember
from tests.conftest import made_up
from tests.simulation.invariants import Plant
from tests.simulation.machine import Machine
from tests.simulation.people import Clone, Content
from tests.simulation.pushes import MAIN, SMALL_PACK_BYTES
from tests.simulation.secrets import aws_assignment, key_pair
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens before the functions begin, and what people do when they are through."""

    begin: Callable[[World], None]
    unlocks: bool = False
    """Somebody in charge unlocks in the end."""
    hours: bool = False
    """Time passes, so that reconciliation and backfill do their work."""
    opted_in: bool = False
    """The policy must switch the opt-in responses on."""
    once: bool = True
    """Every leak is to be told of by one incident, whoever dies, and whatever functions work on at the same moment."""
    unmet: bool = False
    """Nothing is remembered of what the git server is capable of."""


def play(machine: Machine, name: str) -> World:
    """Let a scenario happen up to the moment at which the functions begin."""
    world = World(machine, repositories=1, lossy=False)
    _forget(machine, "fingerprint-key")
    _remember_server(world, known=not SCENARIOS[name].unmet)
    machine.sleep(10)
    SCENARIOS[name].begin(world)
    return world


def finish(world: World, name: str) -> None:
    """Let everything come to rest."""
    scenario = SCENARIOS[name]
    world.machine.settle()
    if scenario.unlocks:
        world.unlock(world.clones[0])
        world.machine.settle()
    if scenario.hours:
        world.rest()


def _leak(world: World, *, ref: str = MAIN, secret: str = "", user: str = "", push: bool = True) -> Plant:
    (clone,) = world.clones
    first = clone.refs()[MAIN]
    secret = secret or aws_assignment(clone.name)
    bad = clone.commit({"conf/prod.env": secret.encode()}, "Add settings", first)
    plant = Plant(clone, secret, bad, ref, user)
    world.ledger.plants.append(plant)
    if push:
        assert clone.push(ref, first if ref == MAIN else None, bad)
    return plant


def _update(world: World) -> None:
    _leak(world)


def _branch(world: World) -> None:
    _leak(world, ref="refs/heads/feature")


def _edit(world: World) -> None:
    """The secret comes into a file that was there before, so that scan has to read its old version."""
    (clone,) = world.clones
    first = clone.refs()[MAIN]
    secret = aws_assignment(clone.name)
    bad = clone.commit({"README.md": b"# Hello\n" + secret.encode()}, "Add settings", first)
    world.ledger.plants.append(Plant(clone, secret, bad, MAIN))
    assert clone.push(MAIN, first, bad)


def _tag_message(world: World) -> None:
    (clone,) = world.clones
    secret = aws_assignment(clone.name)
    tag = clone.tag(clone.refs()[MAIN], "v1", f"Release\n\n{secret}")
    world.ledger.plants.append(Plant(clone, secret, tag, "refs/tags/v1"))
    assert clone.push("refs/tags/v1", None, tag)


def _force(world: World) -> None:
    """The leak is forced away before anybody has seen it."""
    first = world.clones[0].refs()[MAIN]
    plant = _leak(world)
    clean = plant.clone.commit({"other.txt": b"fine\n"}, "Other", first)
    world.machine.sleep(2)  # of events of one second, nobody can tell which was the first
    assert plant.clone.push(MAIN, plant.commit, clean)


def _deleted(world: World) -> None:
    plant = _leak(world, ref="refs/heads/short")
    world.machine.sleep(2)
    assert plant.clone.push("refs/heads/short", plant.commit, None)


def _two(world: World) -> None:
    """Two leaks on two branches: two locks, and two resets of one repository."""
    (clone,) = world.clones
    _leak(world)
    _leak(world, ref="refs/heads/feature", secret=aws_assignment(f"{clone.name} second"))


def _followed(world: World) -> None:
    """A leak, and a clean commit on top of it before anybody has looked."""
    plant = _leak(world)
    assert plant.clone.push(MAIN, plant.commit, plant.clone.commit({"other.txt": b"fine\n"}, "Other", plant.commit))


def _everything(world: World) -> None:
    """A key of this account: every opt-in response has something to do."""
    user = f"user-{world.clones[0].name}"
    _leak(world, secret=key_pair(user), user=user)


def _lost(world: World) -> None:
    """The event never comes."""
    world.machine.post = lambda _event: []
    _leak(world)
    world.machine.post = lambda _event: [0.0]


def _too_much(world: World) -> None:
    """More than scan takes on: the backfill finishes it."""
    (clone,) = world.clones
    tip = clone.refs()[MAIN]
    for part in range(6):
        noise: dict[str, Content | None] = {f"noise-{part}": made_up(part, SMALL_PACK_BYTES // 3).encode()}
        tip = clone.commit(noise, "Work", tip)
    secret = aws_assignment(clone.name)
    bad = clone.commit({"conf/prod.env": secret.encode()}, "Add settings", tip)
    world.ledger.plants.append(Plant(clone, secret, bad, MAIN))
    assert clone.push(MAIN, clone.refs()[MAIN], bad)


def _history(world: World) -> None:
    """A repository that is older than Pushwarden: a baseline, the first backfill, one report."""
    machine = world.machine
    clone = Clone(machine, f"{world.clones[0].name}-old")
    world.clones.append(clone)
    app = machine.plain_app("administrator")
    _forget(machine, "first-backfill")
    clone.create()
    while clone.repository_id < world.clones[0].repository_id:  # the order of the slices hangs on that
        app.codecommit.client.delete_repository(repositoryName=clone.name)
        clone.create()
    installed_s = app.codecommit.repository(clone.name).created_s + 1
    app.state.save_setting("installed-at", str(installed_s).encode())
    machine.post = lambda _event: []
    secret = aws_assignment("history")  # not another one each time: the order of the slices hangs on commit ids
    tip = clone.commit({"a.txt": b"first\n"}, "Begin")
    bad = clone.commit({"old.env": secret.encode()}, "Long ago", tip)
    tip = bad
    for number in range(6):
        tip = clone.commit({"a.txt": f"{number}\n".encode()}, "Work", tip)
    assert clone.push(MAIN, None, tip)
    machine.post = lambda _event: [0.0]
    plant = Plant(clone, secret, bad, MAIN)
    world.ledger.plants.append(plant)
    world.ledger.old.add(plant)
    world.ledger.baseline |= clone.history(tip)


def _gone(world: World) -> None:
    """A repository that reconciliation has seen is deleted."""
    world.hour()
    world.vanish(world.clones[0], last=True)


def _forget(machine: Machine, setting: str) -> None:
    """Let the first leak of a deployment be the one that is looked at: it makes the fingerprint key."""
    key = {"pk": {"S": "settings"}, "sk": {"S": setting}}
    machine.client("dynamodb").delete_item(TableName=machine.stack.settings.table, Key=key)
    for name in machine.enabled:
        machine.restart(name)


def _remember_server(world: World, *, known: bool) -> None:
    """Let every telling of a scenario begin with the same knowledge, or functions would make other calls than before."""
    app = world.machine.plain_app("administrator")
    for service in (UPLOAD, RECEIVE):
        if known:
            app.git.advertisement(world.clones[0].name, service)
            remember(app, service)
        else:
            _forget(world.machine, f"offers-{service}")


SCENARIOS: Final = {
    "update": Scenario(_update),
    "branch": Scenario(_branch, unmet=True),
    "edit": Scenario(_edit),
    "tag-message": Scenario(_tag_message),
    "force": Scenario(_force),
    "deleted": Scenario(_deleted),
    "two": Scenario(_two, once=False),  # the second branch holds the first one's leak, too
    "followed": Scenario(_followed),
    "everything": Scenario(_everything, unlocks=True, opted_in=True),
    "lost": Scenario(_lost, hours=True),
    "too-much": Scenario(_too_much, hours=True),
    "history": Scenario(_history, hours=True),
    "gone": Scenario(_gone, hours=True),
}
