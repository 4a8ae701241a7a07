"""Let thousands of pushes happen while everything fails, and every function fail and die at every call: ``python -m bench.soak``.

Worlds with seeds, each a history of pushes, faults, kills, lost, late and doubled events; then every call of every function
in some small scenarios, failing in every way; then something else happening between any two of them. A failure prints its
seed and a small history that fails the same way, or the point, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pushwarden.detect import Scanner, load_scanner
from pushwarden.history.pack import Limits
from tests.simulation.forks import outcomes
from tests.simulation.machine import Machine
from tests.simulation.parts import full_policy
from tests.simulation.points import KILLED, KILLED_AT_ONCE, WAYS, Seen, points
from tests.simulation.pushes import SMALL_PACK_BYTES
from tests.simulation.races import RACES, moments
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import World, history, smallest

_PUSHES: Final = 60
_WORLDS: Final = 12
"""On one machine; then a fresh one of another kind."""
_RACED: Final = ("update", "branch", "two", "followed")


def main() -> int:
    """Run the soak and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pushes", type=int, default=10_000, help=f"how many pushes, in worlds of {_PUSHES}")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first world")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="those whose calls fail, by commas")
    parser.add_argument("--kills", action="store_true", help="of the ways to fail, try only to die")
    parser.add_argument("--races", default=",".join(_RACED), help="scenarios during which something else happens")
    parser.add_argument("--every", type=int, default=1, help="try every Nth point and moment only")
    parser.add_argument("--from", type=int, default=0, dest="begin", help="of these, the first to try, from 0")
    parser.add_argument("--jobs", type=int, default=2, help="processes at work at once on calls and races")
    parser.add_argument("--tries", type=int, default=40, help="runs to spend on making a failing history small")
    options = parser.parse_args()
    begun, figures = time.monotonic(), Counter[str]()
    scanner = load_scanner() if options.pushes else None

    def report(what: str) -> None:
        counts = ", ".join(f"{count} {name}" for name, count in figures.items())
        _say(f"{what}: {counts}; {time.monotonic() - begun:.0f} s")

    seed, kind = options.seed, 0
    while figures["pushes"] < options.pushes:
        with _machine(kind, seed, scanner) as machine:
            for _ in range(_WORLDS):
                figures["failed"] += _world(machine, seed, figures, options.tries)
                seed += 1
                if figures["pushes"] >= options.pushes:
                    break
        kind += 1
        report("worlds")
    seen: Seen = set()
    for scenario in filter(None, options.scenarios.split(",")):
        # Where nothing needs them, the opt-in responses only take time: what they do is tried in the scenario for them.
        kind = int(SCENARIOS[scenario].opted_in or SCENARIOS[scenario].hours)
        with _machine(kind, 0, None) as machine:
            ways = (KILLED, KILLED_AT_ONCE) if options.kills else WAYS
            chosen = list(points(machine, scenario, ways, seen=seen))[options.begin :: options.every]
            crashes = sum(each.kills for each in chosen)
            figures.update({"crash points": crashes, "fault points": len(chosen) - crashes})
            figures["failed"] += _said(outcomes(machine, scenario, chosen, jobs=options.jobs))
        report(scenario)
    for scenario in filter(None, options.races.split(",")):
        with _machine(0, 0, None) as machine:
            met = list(moments(machine, scenario, tuple(RACES)))[options.begin :: options.every]
            figures["races"] += len(met)
            figures["failed"] += _said(outcomes(machine, scenario, met, jobs=options.jobs))
        report(f"races in {scenario}")
    print(json.dumps({**figures, "seconds": round(time.monotonic() - begun)}, indent=2))
    return 1 if figures["failed"] else 0


@contextmanager
def _machine(kind: int, seed: int, scanner: Scanner | None) -> Iterator[Machine]:
    """Make a machine: in turn the defaults, everything opted in and small limits, and all rules."""
    full: dict[str, Any] = {"policy": full_policy(), "limits": Limits(pack_bytes=SMALL_PACK_BYTES)}
    rules: dict[str, Any] = {"scanner": scanner}
    more = ({}, full, rules, {}, rules, {**full, **rules})[kind % 6]
    with tempfile.TemporaryDirectory() as folder, Machine(Path(folder), seed=seed, **more) as machine:
        yield machine


def _world(machine: Machine, seed: int, figures: Counter[str], tries: int) -> int:
    steps = history(seed, _PUSHES)
    before = machine.invocations
    world = World(machine)
    wrong = world.run(steps)
    figures.update({
        "worlds": 1,
        "pushes": world.pushes,
        "secrets": len(world.ledger.plants),
        "invocations": machine.invocations - before,
        "mails": len(machine.mails),
    })  # fmt: skip
    for each in wrong:
        _say(f"seed {seed}: {each}")
    if wrong and tries:
        _say(f"seed {seed}, small: [{', '.join(map(str, smallest(machine, steps, tries=tries)))}]")
    return bool(wrong)


def _said(wrong: Sequence[str]) -> int:
    for each in wrong:
        _say(each)
    return len(wrong)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
