"""Let thousands of pushes happen while everything fails, and every function die at every call: ``python -m bench.soak``.

Worlds with seeds, each a history of pushes, faults, kills, lost, late and doubled events; then every crash and fault point
of five kinds of leak. A failure prints its seed and a small history that fails the same way, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.simulation.machine import Machine
from tests.simulation.points import LEAKS, broken_at, points
from tests.simulation.wire import KINDS
from tests.simulation.world import World, history, smallest


def main() -> int:
    """Run the soak and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pushes", type=int, default=10_000, help="how many pushes, in worlds of 60")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first world")
    parser.add_argument("--leaks", default=",".join(LEAKS), help="leaks whose crash points are tried, by commas")
    parser.add_argument("--kinds", default=",".join(KINDS), help="ways to fail, by commas")
    options = parser.parse_args()
    begin, figures, failed = time.monotonic(), Counter[str](), 0
    seed = options.seed
    while figures["pushes"] < options.pushes:
        with tempfile.TemporaryDirectory() as folder, Machine(Path(folder), seed=seed) as machine:
            for _ in range(10):  # a fresh machine now and then: what moto has stored makes it slower
                failed += _world(machine, seed, figures)
                seed += 1
                if figures["pushes"] >= options.pushes:
                    break
        _say(
            f"{figures['pushes']} pushes, {figures['worlds']} worlds, {failed} failed, {time.monotonic() - begin:.0f} s"
        )
    for leak in filter(None, options.leaks.split(",")):
        failed += _points(leak, tuple(options.kinds.split(",")), figures)
        _say(f"{leak}: {figures['points']} points so far, {failed} failed, {time.monotonic() - begin:.0f} s")
    print(json.dumps({**figures, "failed": failed, "seconds": round(time.monotonic() - begin)}, indent=2))
    return 1 if failed else 0


def _world(machine: Machine, seed: int, figures: Counter[str]) -> int:
    steps = history(seed, 60)
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
    if wrong:
        _say(f"seed {seed}, small: [{', '.join(map(str, smallest(machine, steps, tries=40)))}]")
    return bool(wrong)


def _points(leak: str, kinds: tuple[str, ...], figures: Counter[str]) -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as folder, Machine(Path(folder)) as machine:
        for point in points(machine, leak, kinds):
            figures["points"] += 1
            wrong = broken_at(machine, point)
            failed += bool(wrong)
            for each in wrong:
                _say(each)
    return failed


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
