"""Let one scenario go wrong in thousands of ways, and tell its beginning once: the process forks where they part.

A child has the whole world in its memory for nothing. What it does not have is made anew: threads, and processes and files
that it must not share.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import traceback
import warnings
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Never

from pushwarden.local.codecommit.bare import BareRepository
from tests.simulation.invariants import violations
from tests.simulation.machine import Machine
from tests.simulation.points import Trial, outcome
from tests.simulation.scenarios import finish, play
from tests.simulation.wire import Fault, Invocation

_PATIENCE_S: Final = 600
"""A child that takes longer hangs."""


def outcomes(machine: Machine, scenario: str, trials: Iterable[Trial], *, jobs: int = 1) -> list[str]:
    """Play a scenario once, try everything that could go wrong from where it could, and return what is wrong in the ends.

    Args:
        machine: where it happens.
        scenario: its name.
        trials: all of that scenario.
        jobs: how many processes may be at work at once, besides this one, which waits for them.
    """
    parting: defaultdict[int, list[Trial]] = defaultdict(list)
    for each in trials:
        parting[each.invocation].append(each)
    family = _Family(jobs)
    world = play(machine, scenario)
    first = len(machine.record)
    mine: list[Trial] = []

    def part(each: Invocation) -> Fault | None:
        for trial in parting.pop(each.number - first, ()):
            if family.fork(trial):
                mine.append(trial)
                _settle_down(machine)
                machine.trouble = trial.trouble(world, first)
                return machine.trouble(each)
        return None

    machine.trouble = part
    try:
        finish(world, scenario)
        wrong = outcome(mine[0], world) if mine else violations(world.ledger)
    except BaseException:
        if not mine:
            raise
        wrong = [f"{mine[0]}: {traceback.format_exc()}"]
    if mine:
        shutil.rmtree(_folder(machine))
        family.report(wrong)
    family.gather(0)
    missed = [f"{each}: never came to pass" for some in parting.values() for each in some]
    return [*wrong, *family.wrong, *missed]


@dataclass(slots=True)
class _Family:
    """A process and its children."""

    jobs: int
    wrong: list[str] = field(default_factory=list)
    _children: deque[tuple[Trial, int, int]] = field(default_factory=deque)
    _told: int = -1

    def fork(self, trial: Trial) -> bool:
        """Begin a child; True in the child."""
        self.gather(self.jobs - 1)
        heard, told = os.pipe()
        with warnings.catch_warnings():
            # From Python 3.12 on it warns of threads. Ours are servers that nobody asks here, and asleep.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child:
            os.close(told)
            self._children.append((trial, child, heard))
            return False
        os.close(heard)
        self._told = told
        return True

    def report(self, wrong: Sequence[str]) -> Never:
        """Tell the parent, and end."""
        with os.fdopen(self._told, "w") as pipe:
            json.dump(wrong, pipe)
        os._exit(0)

    def gather(self, most: int) -> None:
        """Wait until no more than so many children are left."""
        while len(self._children) > most:
            trial, child, heard = self._children.popleft()
            with os.fdopen(heard) as pipe:
                text = pipe.read()
            os.waitpid(child, 0)
            self.wrong += json.loads(text) if text else [f"{trial}: the process died, or hung"]


def _folder(machine: Machine) -> Path:
    return machine.root / f"fork-{os.getpid()}"


def _settle_down(machine: Machine) -> None:
    """Make what a child must have for itself."""
    signal.alarm(_PATIENCE_S)
    gc.disable()  # it would write to every page of memory, and so copy it
    server = machine.codecommit
    server.events._worker = ThreadPoolExecutor(max_workers=1)
    account, folder = server._account, _folder(machine)
    shutil.copytree(machine.root / "repositories", folder / "repositories")
    account.root = folder
    for each in account.repositories():
        each.git = BareRepository(folder / "repositories" / each.git.path.name)
    account._readers.clear()
