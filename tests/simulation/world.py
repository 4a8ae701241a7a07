"""A seeded world of repositories and people, and everything that can go wrong in it.

A history is a list of steps. A step draws whatever it needs from a seed of its own and from the state it meets, so that
any part of a history is a history, too: that is how a failing one is made small.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pushwarden.aws.codecommit import RepositoryGoneError
from pushwarden.aws.githttp import RefRejectedError
from pushwarden.aws.state import StaleStateError
from pushwarden.errors import UsageError
from pushwarden.service.admin import backups, plan_restore, plan_unlock, restore, unlock
from tests.simulation.invariants import Ledger, violations
from tests.simulation.machine import FUNCTIONS, Machine
from tests.simulation.parts import Message
from tests.simulation.people import Clone
from tests.simulation.pushes import MAIN, WAYS, Desk
from tests.simulation.secrets import key_pair
from tests.simulation.stepfunctions import TaskFailedError
from tests.simulation.wire import CUT, PARTIAL, PASSING, REFUSALS, Fault

_worlds = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens."""

    kind: str
    seed: int

    def __str__(self) -> str:
        return f"Step({self.kind!r}, {self.seed})"


WORK: Final = {
    "work": 40, "broken-work": 25, "killed-work": 20, "meanwhile": 10, "twice": 6, "unlock": 8, "wait": 3, "hour": 4,
    "restore": 2, "vanish": 1,
}  # fmt: skip
_WEIGHTS: Final = {name: weight for name, (weight, _) in WAYS.items()} | WORK
_HOUR_S: Final = 3600.0
_ROUNDS_MAX: Final = 60


def history(seed: int, pushes: int) -> list[Step]:
    """Return a history with a number of pushes."""
    source = random.Random(seed)
    steps: list[Step] = []
    while pushes:
        (kind,) = source.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        steps.append(Step(kind, source.getrandbits(32)))
        pushes -= kind in WAYS
    return steps


@dataclass(slots=True)
class World:
    """A few repositories on a machine, from an empty beginning to rest."""

    machine: Machine
    repositories: int = 3
    lossy: bool = True
    """Events may be lost, late, doubled and out of order."""
    clones: list[Clone] = field(default_factory=list)
    pushes: int = 0
    ledger: Ledger = field(init=False)
    _name: str = ""

    def __post_init__(self) -> None:
        self.machine.forget()
        self._name = f"w{next(_worlds)}"
        self.ledger = Ledger(self.machine, self.clones, bystander=f"bystander-{self._name}")
        key_pair(self.ledger.bystander)
        for _ in range(self.repositories):
            clone = self.new_clone()
            assert clone.push(MAIN, None, clone.commit({"README.md": b"# Hello\n"}, "Begin"))
        self.machine.settle()

    def new_clone(self) -> Clone:
        """Create another repository."""
        clone = Clone(self.machine, f"{self._name}-{len(self.clones)}")
        clone.create()
        self.clones.append(clone)
        return clone

    def run(self, steps: Sequence[Step]) -> list[str]:
        """Let a history happen, let everything come to rest, and return what is wrong then."""
        for step in steps:
            self.take(step)
        self.machine.post = lambda _event: [0.0]
        self.machine.trouble = lambda _invocation: None
        self.machine.repositories_per_run = float("inf")
        self.rest()
        return violations(self.ledger)

    def rest(self) -> None:
        """Let the queues run empty, and the hours pass until reconciliation finds nothing any more."""
        source, machine = random.Random(0), self.machine
        machine.settle(source)
        for _ in range(_ROUNDS_MAX):
            redriven = self._redrive()
            done = self.hour()
            machine.settle(source)
            # What could not be read, or asked for, is looked at again by the next run.
            found = any(
                done.get(each) for each in ("missing", "again", "waiting", "baselines", "backfill", "unreadable")
            )
            # A run that went on where another one stopped has not looked at all of them.
            whole = done["finished"] and done["repositories"] >= len(self.clones) - len(self.ledger.gone)
            if whole and not found and not redriven:
                self.ledger.rested = True
                return
        self.ledger.restless = True

    def hour(self, fault: Fault | None = None) -> Mapping[str, Any]:
        """Let an hour pass: reconciliation runs, then the backfill if it was started."""
        self.machine.sleep(_HOUR_S)
        try:
            done: Mapping[str, Any] = self.machine.invoke("reconcile", fault=fault)
        except TaskFailedError:
            done = {"finished": False}
        self.machine.backfill()
        return done

    def take(self, step: Step) -> None:
        """Let one step happen."""
        source = random.Random(step.seed)
        machine = self.machine
        if step.kind in WAYS:
            self._push(step.kind, source)
        elif step.kind == "wait":
            machine.sleep(source.choice([1, 30, 900]))
        elif step.kind == "unlock":
            self.unlock(self._clone(source))
        elif step.kind == "hour":
            self._hour(source)
        elif step.kind == "restore":
            self._restore(self._clone(source), source)
        elif step.kind == "vanish":
            self.vanish(self._clone(source))
        elif (message := machine.next_message(source)) is not None:
            self._work(step.kind, message, source)

    # What functions do

    def _work(self, kind: str, message: Message, source: random.Random) -> None:
        machine = self.machine
        if kind == "twice":
            machine.work_on(message, keep=True)
            machine.work_on(message)
            return
        fault = None
        if kind == "meanwhile":
            fault = self._meanwhile(message, source, source.randrange(14))
        elif kind != "work":
            fault = _fault(kind == "killed-work", source)
        if message.receives >= FUNCTIONS[message.function].max_receives - 1:
            fault = None  # the operator's attention is tested elsewhere; here it shall end well
        machine.work_on(message, fault)

    def _hour(self, source: random.Random) -> None:
        """Let an hour pass in which reconciliation and backfill may fail, be killed, or run out of time."""
        machine = self.machine
        faults = {each: _fault(source.random() < 0.5, source) for each in ("backfill-plan", "backfill-scan")}
        seldom = source.random()
        machine.trouble = lambda each: faults.pop(each.function, None) if seldom < 0.5 else None
        machine.repositories_per_run = source.choice([1, 2, float("inf"), float("inf")])
        try:
            self.hour(_fault(source.random() < 0.5, source) if source.random() < 0.5 else None)
        finally:
            machine.trouble = lambda _invocation: None
            machine.repositories_per_run = float("inf")

    def _meanwhile(self, message: Message, source: random.Random, at: int) -> Fault:
        seed = source.getrandbits(32)

        def other() -> None:
            inner = random.Random(seed)
            what = inner.choice(["push", "push", "force", "unlock", "same", "other"])
            if what == "push":
                self._push(inner.choice(["clean", "leak"]), inner)
            elif what == "force":
                self._push(inner.choice(["force", "delete", "again"]), inner)
            elif what == "unlock":
                clone = self._clone(inner)
                if message.function == "lock":
                    self.ledger.vague.add(clone.name)
                self.unlock(clone)
            elif what == "same":
                self.machine.work_on(Message(message.number, message.function, message.body, 0.0), keep=True)
            elif (another := self.machine.next_message(inner)) is not None:
                self.machine.work_on(another)

        return Fault(source.choice(["meanwhile-before", "meanwhile-after"]), at, meanwhile=other)

    def _redrive(self) -> bool:
        """As an operator does after an alarm: what died is tried again."""
        dead, self.machine.dead[:] = list(self.machine.dead), []
        for message in dead:
            message.receives = 0
            message.visible_at = self.machine.clock_s
            self.machine.queue.append(message)
        return bool(dead)

    # What people do

    def _clone(self, source: random.Random) -> Clone:
        return source.choice([each for each in self.clones if each.name not in self.ledger.gone] or self.clones)

    def unlock(self, clone: Clone) -> None:
        """Lift a lock, as somebody in charge does."""
        app = self.machine.plain_app("administrator")
        try:
            plan = plan_unlock(app, clone.name)
            unlock(app, plan)
        except (StaleStateError, RepositoryGoneError):
            return
        if plan.locked:
            for row in plan.accepts:
                self.ledger.pardoned |= clone.history(row.scanned)
            self.ledger.unlocks.append((clone.name, len(self.machine.bus)))
        self.machine.collect()

    def _restore(self, clone: Clone, source: random.Random) -> None:
        """Give removed commits back, as somebody in charge does who looked at them."""
        app = self.machine.plain_app("administrator")
        if clone.name in self.ledger.gone:
            return
        held = backups(app, app.codecommit.repository(clone.name))
        if not held:
            return
        try:
            plan = plan_restore(app, clone.name, source.choice(held).incident)
            restore(app, plan)
        except (UsageError, RefRejectedError, StaleStateError):
            return  # it was restored before
        self.machine.codecommit.events.wait_idle()
        tip = plan.header.object_id
        if clone.refs().get(plan.ref) != tip:
            self.ledger.wrong.append(f"{plan.ref} of {clone.name} does not stand at {tip}, which was restored")
        self.ledger.pardoned |= clone.history(tip)

    def vanish(self, clone: Clone, *, last: bool = False) -> None:
        """Delete a repository; the last one only if that is said."""
        if clone.name not in self.ledger.gone and (last or len(self.ledger.gone) + 1 < len(self.clones)):
            self.machine.plain_app("administrator").codecommit.client.delete_repository(repositoryName=clone.name)
            self.ledger.gone.add(clone.name)

    def _post(self, source: random.Random) -> list[float]:
        if not self.lossy:
            return [0.0]
        fate = source.random()
        if fate < 0.04:
            return []
        if fate < 0.12:
            return [0.0, source.choice([0.0, 90.0])]
        return [source.choice([0.0, 0.0, 0.0, 5.0, 300.0])]

    def _push(self, kind: str, source: random.Random) -> None:
        clone = self._clone(source)
        if clone.name in self.ledger.gone:
            return
        self.machine.sleep(source.choice([0, 1, 20]))
        refs = {ref: tip for ref, tip in clone.refs().items() if ref.startswith("refs/heads/")}
        ref = source.choice(sorted(refs)) if refs else MAIN
        who = "administrator" if source.random() < 0.5 else "developer"
        fate = self._post(source)
        self.machine.post = lambda _event: fate
        try:
            WAYS[kind][1](Desk(self, clone, ref, refs.get(ref), who, source))
        finally:
            self.machine.post = lambda _event: [0.0]


def _fault(kill: bool, source: random.Random) -> Fault:
    at = source.randrange(16)
    if kill:
        return Fault(source.choice(["kill-before", "kill-after"]), at)
    return Fault(source.choice([*PASSING, *REFUSALS, CUT, PARTIAL]), at, source.choice([1, 1, 2, 40]))


def _shapes(wrong: Sequence[str]) -> list[str]:
    return [re.sub(r"[0-9a-f]{8,}|w\d+-\d+|refs/\S+|\d+", "", each) for each in wrong]


def smallest(machine: Machine, steps: Sequence[Step], *, tries: int = 60, **world: Any) -> list[Step]:
    """Return a part of a failing history that still fails the same way, as small as ``tries`` runs can make it."""
    best, size = list(steps), max(1, len(steps) // 2)
    wanted = set(_shapes(World(machine, **world).run(best)))
    while size and tries:
        at = 0
        while at < len(best) and tries:
            tries -= 1
            fewer = best[:at] + best[at + size :]
            if wanted & set(_shapes(World(machine, **world).run(fewer))):
                best = fewer
            else:
                at += size
        size //= 2
    return best
