"""A seeded world of repositories and people, and everything that can go wrong in it.

A history is a list of steps. A step draws whatever it needs from a seed of its own and from the state it meets, so that
any part of a history is a history, too: that is how a failing one is made small.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pushwarden.aws.codecommit import RepositoryGoneError
from pushwarden.aws.state import StaleStateError
from pushwarden.service.admin import plan_unlock, unlock
from tests.conftest import made_up
from tests.simulation.invariants import Ledger, Plant, violations
from tests.simulation.machine import FUNCTIONS, Machine, Message
from tests.simulation.people import Clone
from tests.simulation.wire import PASSING, REFUSALS, Fault

_worlds = itertools.count(1)
MAIN: Final = "refs/heads/main"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens."""

    kind: str
    seed: int

    def __str__(self) -> str:
        return f"Step({self.kind!r}, {self.seed})"


PUSHES: Final = {
    "clean": 30, "leak": 18, "many": 4, "removed-again": 5, "message": 3, "name": 2, "merge": 4, "branch": 5,
    "leaking-branch": 5, "two-refs": 3, "force": 6, "leaking-force": 5, "delete": 5, "again": 5, "tag": 3,
    "leaking-tag": 3, "tag-message": 3, "author": 2,
}  # fmt: skip
WORK: Final = {"work": 40, "broken-work": 25, "killed-work": 20, "meanwhile": 10, "twice": 6, "unlock": 8, "wait": 3}
RARE: Final = {"vanish": 1}
_WEIGHTS: Final = {**PUSHES, **WORK, **RARE}


def history(seed: int, pushes: int) -> list[Step]:
    """Return a history with a number of pushes."""
    source = random.Random(seed)
    steps: list[Step] = []
    while pushes:
        (kind,) = source.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        steps.append(Step(kind, source.getrandbits(32)))
        pushes -= kind in PUSHES
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
    _secrets: Iterator[int] = field(default_factory=itertools.count)
    _name: str = ""

    def __post_init__(self) -> None:
        self.machine.forget()
        self._name = f"w{next(_worlds)}"
        self.clones = [Clone(self.machine, f"{self._name}-{i}") for i in range(self.repositories)]
        self.ledger = Ledger(self.machine, self.clones)
        for clone in self.clones:
            clone.create()
            first = clone.commit({"README.md": b"# Hello\n"}, "Begin")
            assert clone.push(MAIN, None, first)
        self.machine.settle()

    def run(self, steps: Sequence[Step]) -> list[str]:
        """Let a history happen, let everything come to rest, and return what is wrong then."""
        for step in steps:
            self.take(step)
        self.rest()
        return violations(self.ledger)

    def rest(self) -> None:
        """Let the queues run empty, then put lost events on them again, as the reconciler does."""
        source = random.Random(0)
        self.machine.post = lambda _event: [0.0]
        for _ in range(6):
            self.machine.settle(source)
            redriven = self._redrive()
            if not self._reconcile() and not redriven:
                return

    def take(self, step: Step) -> None:
        """Let one step happen."""
        source = random.Random(step.seed)
        machine = self.machine
        if step.kind in PUSHES:
            self._push(step.kind, source)
        elif step.kind == "wait":
            machine.sleep(source.choice([1, 30, 900]))
        elif step.kind == "unlock":
            self._unlock(self._clone(source))
        elif step.kind == "vanish":
            self._vanish(self._clone(source))
        elif (message := machine.next_message(source)) is not None:
            self._work(step.kind, message, source)

    # What functions do

    def _work(self, kind: str, message: Message, source: random.Random) -> None:
        machine = self.machine
        if kind == "twice":
            machine.work_on(message, keep=True)
            machine.work_on(message)
            return
        at, times = source.randrange(14), 1
        fault = None
        if kind == "killed-work":
            fault = Fault(source.choice(["kill-before", "kill-after"]), at)
        elif kind == "broken-work":
            times = source.choice([1, 1, 2, 40])
            fault = Fault(source.choice([*PASSING, *REFUSALS]), at, times)
        elif kind == "meanwhile":
            fault = self._meanwhile(message, source, at)
        if message.receives >= FUNCTIONS[message.function].max_receives - 1:
            fault = None  # the operator's attention is tested elsewhere; here it shall end well
        machine.work_on(message, fault)
        if fault is not None and fault.hit:
            self._note_repeats(message, fault)

    def _note_repeats(self, message: Message, fault: Fault) -> None:
        """Count how often nobody can know whether SNS took a mail: its answer, or the note of it, was lost."""
        if message.function == "notify":
            self.ledger.repeats += min(fault.times, 2)

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
                self._unlock(clone)
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

    def _reconcile(self) -> bool:
        """Compare every ref with the frontier and send what is missing; returns whether anything was."""
        state = self.machine.plain_app("administrator").state
        missing: list[dict[str, Any]] = []
        for clone in self.clones:
            if clone.name in self.ledger.gone:
                continue
            rows, refs = state.frontier(clone.repository_id).rows, clone.refs()
            for ref, tip in refs.items():
                row = rows.get(ref)
                stands = {row.scanned} if row and not row.deleted else set()
                if ref.startswith("refs/") and not {tip, clone.peeled(tip)} & stands:
                    missing.append(self._event(clone, ref, row.scanned if row and not row.deleted else None, tip))
            missing += [
                self._event(clone, ref, row.scanned or row.accepted, None)
                for ref, row in rows.items()
                if ref not in refs and not row.deleted and (row.scanned or row.accepted)
            ]
        for event in missing:
            self.machine.deliver(event)
        return bool(missing)

    def _event(self, clone: Clone, ref: str, old: str | None, new: str | None) -> dict[str, Any]:
        template = next(e for e in self.machine.pushed if e["detail"]["repositoryName"] == clone.name)
        kind = "referenceCreated" if old is None else "referenceDeleted" if new is None else "referenceUpdated"
        kept = {
            key: value
            for key, value in template["detail"].items()
            if key not in {"oldCommitId", "commitId", "callerUserArn"}
        }
        ids = ({"oldCommitId": old} if old else {}) | ({"commitId": new} if new else {})
        detail = {**kept, "event": kind, "referenceFullName": ref, **ids}
        self.machine.sleep(1)
        number = sum(1 for _ in self.machine.bus) + self.machine.invocations
        return {**template, "id": f"reconciled-{number}-{ref}", "time": _iso(self.machine.clock_s), "detail": detail}

    # What people do

    def _clone(self, source: random.Random) -> Clone:
        return source.choice([each for each in self.clones if each.name not in self.ledger.gone] or self.clones)

    def _unlock(self, clone: Clone) -> None:
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

    def _vanish(self, clone: Clone) -> None:
        if len(self.ledger.gone) + 1 < len(self.clones):
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
        if not refs:
            refs = {}
        ref = source.choice(sorted(refs)) if refs else MAIN
        tip = refs.get(ref)
        who = "administrator" if source.random() < 0.5 else "developer"
        fate = self._post(source)
        self.machine.post = lambda _event: fate
        try:
            self._pushed(kind, clone, ref, tip, who, source)
        finally:
            self.machine.post = lambda _event: [0.0]

    def _pushed(  # noqa: C901, PLR0912, PLR0915, PLR0917 - a few lines for each way to push
        self, kind: str, clone: Clone, ref: str, tip: str | None, who: str, source: random.Random
    ) -> None:
        number = f"{source.getrandbits(40):x}"
        on = (tip,) if tip else ()
        new_ref = f"refs/heads/b{number[:4]}"
        secret = self._assignment(source)
        leak = {f"conf/{number[:3]}.txt": secret.encode()}
        clean = {f"src/{number[:2]}.txt": f"text {number}\n".encode()}
        planted: list[tuple[str, str]] = []

        def committed(files: dict[str, bytes], *parents: str, message: str = "Work", bad: str = "", **more: str) -> str:
            made = clone.commit(files, message, *parents, **more)
            if bad:
                planted.append((bad, made))
            return made

        match kind:
            case "clean":
                new = committed(clean, *on)
            case "leak":
                new = committed(leak, *on, bad=secret)
            case "many":
                second = self._assignment(source)
                new = committed(clean, committed(leak, *on, bad=secret))
                new = committed({"other.txt": second.encode()}, new, bad=second)
            case "removed-again":
                new = committed({next(iter(leak)): b"gone\n"}, committed(leak, *on, bad=secret))
            case "message":
                new = committed(clean, *on, message=f"Use {secret}", bad=secret)
            case "author":
                new = committed(clean, *on, author=f"{secret.strip()} <a@example.com>", bad=secret)
            case "name":
                new = committed({f"x-{secret.strip()}": b"x\n"}, *on, bad=secret)
            case "merge":
                side = committed(clean, *on)
                new = committed(leak, committed({"m.txt": number.encode()}, *on), side, bad=secret)
            case "branch" | "leaking-branch":
                ref, tip = new_ref, None
                new = committed(leak, *on, bad=secret) if kind == "leaking-branch" else committed(clean, *on)
            case "two-refs":
                new = committed(leak, *on, bad=secret)
                self._send(clone, new_ref, None, new, who, planted)
            case "force" | "leaking-force" if tip:
                back = clone.snapshots[tip].parents[:1]
                new = committed(leak, *back, bad=secret) if kind == "leaking-force" else committed(clean, *back)
            case "delete" if tip and ref != MAIN:
                self._send(clone, ref, tip, None, who, [])
                return
            case "again":
                old = sorted(
                    p.commit for p in self.ledger.plants if p.clone is clone and p.ref.startswith("refs/heads/")
                )
                if not old:
                    return
                new = source.choice(old)
            case "tag":
                ref, tip, new = f"refs/tags/t{number[:4]}", None, committed(clean, *on)
            case "leaking-tag":
                ref, tip, new = f"refs/tags/t{number[:4]}", None, committed(leak, *on, bad=secret)
            case "tag-message" if tip:
                new = clone.tag(tip, f"t{number[:4]}", f"Release\n\n{secret}")
                planted.append((secret, new))
                ref, tip = f"refs/tags/t{number[:4]}", None
            case _:
                return
        self._send(clone, ref, tip, new, who, planted)

    def _assignment(self, source: random.Random) -> str:
        """Return a secret that the scanner knows as one: now and then random characters look like nothing."""
        while True:
            text = f"aws_secret_access_key = {made_up(source.getrandbits(64), 40)}\n"
            if self.machine.scanner.scan(text.encode()).matches:
                return text

    def _send(  # noqa: PLR0917 - what a push is
        self, clone: Clone, ref: str, old: str | None, new: str | None, who: str, planted: list[tuple[str, str]]
    ) -> None:
        if old == new:
            return
        self.pushes += 1
        before = len(self.machine.pushed)
        if clone.push(ref, old, new, who):
            sent = [e for e in self.machine.pushed[before:] if e["detail"]["referenceFullName"] == ref]
            assert sent
            self.ledger.plants += [Plant(clone, secret, commit, ref) for secret, commit in planted]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
