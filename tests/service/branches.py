"""A branch whose every commit was a push, for tests of the scan function's two queues."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench._burst import MAIN, Repository, ScanApp, World, push_event
from pushwarden.aws.retry import Pace, RetryPolicy
from pushwarden.events import SecurityEvent
from pushwarden.service.lanes import Taken, take

_names = itertools.count()


@dataclass
class LateQueue:
    """What was put off: seconds of delay, and the event."""

    held: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def send(self, bodies: Sequence[str], *, delay_s: int = 0) -> None:
        self.held += [(delay_s, json.loads(body)) for body in bodies]


@dataclass
class Branch:
    """A branch whose every commit was a push, and the function that is told of them."""

    world: World
    repository: Repository
    told: list[tuple[float, SecurityEvent]]
    app: ScanApp
    late: LateQueue

    def sleep(self, seconds: float) -> None:
        """Let time go by for the function."""
        before = self.app.wall_clock
        self.app.wall_clock = lambda: before() + seconds

    def event(self, number: int, *, age_s: float = 0.0) -> dict[str, Any]:
        return push_event(self.repository, number, time.time() - age_s)

    def late_event(self, number: int, waited: int = 0) -> dict[str, Any]:
        # As far apart as pushes are, so that their order can be told.
        age_s = 600.0 - number * 2
        return {**self.event(number, age_s=age_s), "pushwarden": {"waited": waited}}

    def take(self, event: dict[str, Any]) -> Taken:
        return take(self.app, event)

    def take_all(self, events: Sequence[dict[str, Any]]) -> None:
        """Take events, then whatever was put off, until nothing is left."""
        waiting = list(events)
        for _ in range(1000):
            if not waiting:
                return
            self.take(waiting.pop(0))
            waiting += [event for _, event in self.late.held]
            self.late.held.clear()
        raise AssertionError("the events do not come to an end")

    @property
    def incidents(self) -> Counter[int]:
        """By the push that is named: how often its leak was told, as different incidents."""
        number = {commit: n for n, commit in enumerate(self.repository.commits)}
        found = {(number[f.commit], event.incident_id) for _, event in self.told for f in event.findings if f.commit}
        return Counter(each for each, _ in found)

    def stands_at(self) -> tuple[int | None, ...]:
        row = self.app.state.frontier(self.repository.repository_id).rows[MAIN]
        number: dict[str | None, int | None] = {commit: n for n, commit in enumerate(self.repository.commits)}
        return number.get(row.scanned), number.get(row.accepted)

    def requests(self) -> int:
        found = len(self.world.codecommit.requests)
        self.world.codecommit.requests.clear()
        return found


def branch(world: World, commits: int, leaks: Sequence[int] = ()) -> Branch:
    slept: list[float] = []
    retry = RetryPolicy(sleep=slept.append, jitter=lambda: 1.0, pace=Pace(clock=lambda: sum(slept)))
    told: list[tuple[float, SecurityEvent]] = []
    app = ScanApp(world, told, retry=retry, scanner=world.scanner)
    late = LateQueue()
    app.__dict__["late_queue"] = late
    made = Branch(world, world.repository(f"lanes-{next(_names)}", commits, leaks), told, app, late)
    made.requests()
    return made
