"""Run benchmarks: ``python -m bench`` runs the short ones, ``python -m bench NAME ...`` those, ``--list`` lists all.

A benchmark is a module of this folder with a ``main()``. Each runs in a process of its own, so that one's memory and caches
are not another's. Options after a name go to the benchmark: ``python -m bench load --events 20000``.
"""

from __future__ import annotations

import argparse
import ast
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ON_REQUEST = frozenset({"big_push", "big_reset", "creddata", "load", "scan_history_maker", "scan_speed", "soak"})
"""Benchmarks that need minutes or arguments: they run only when they are named."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module that measures something."""

    name: str
    says: str

    @property
    def on_request(self) -> bool:
        return self.name in ON_REQUEST


def benchmarks(folder: Path) -> Iterator[Benchmark]:
    """Yield every benchmark of a folder by name, without importing any."""
    for path in sorted(folder.glob("*.py")):
        if path.name.startswith("_"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            says = (ast.get_docstring(tree) or "").partition("\n")[0]
            yield Benchmark(path.stem, says)


def run(names: Sequence[str], arguments: Sequence[str]) -> int:
    """Run benchmarks one after another; return how many failed."""
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}", flush=True)
    failed = 0
    for name in names:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"bench.{name}", *arguments], cwd=FOLDER.parent, check=False)
        failed += done.returncode != 0
        print(f"== {name}: exit {done.returncode} after {time.monotonic() - began:.0f} s", flush=True)
    return failed


def main() -> None:
    own, rest = _split(sys.argv[1:])
    parser = argparse.ArgumentParser(prog="python -m bench", description=str(__doc__).partition("\n")[0])
    parser.add_argument("name", nargs="*", help="benchmarks to run (default: all but those on request)")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and run none")
    options = parser.parse_args(own)
    found = {each.name: each for each in benchmarks(FOLDER)}
    if options.list:
        for each in found.values():
            print(f"{each.name:<20} {'(on request) ' if each.on_request else ''}{each.says}")
        return
    if unknown := [name for name in options.name if name not in found]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(found)}")
    names = options.name or [each.name for each in found.values() if not each.on_request]
    sys.exit(1 if run(names, rest) else 0)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return our own arguments, and those from the first option after a name on; a ``--`` between them may stand or not."""
    named = next((i for i, each in enumerate(arguments) if not each.startswith("-")), len(arguments))
    at = next((i for i, each in enumerate(arguments) if each == "--" or (i > named and each.startswith("-"))), None)
    if at is None:
        return list(arguments), []
    return list(arguments[:at]), list(arguments[at + (arguments[at] == "--") :])


if __name__ == "__main__":
    main()
