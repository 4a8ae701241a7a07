"""Fuzz with atheris: ``python -m bench.fuzz.run packs -max_total_time=60``; options after the name are libFuzzer's.

``python -m bench.fuzz.run all --seconds 60`` takes one target after the other, and ends with 1 where one of them failed;
``make soak`` does that. atheris is not among the locked dependencies, because it has wheels for few machines:
``pip install atheris`` first.

What one run found new is kept in ``build/fuzz/TARGET`` for the next one; ``bench/fuzz/corpus`` holds the part of it that
``make test`` tries, see ``bench/fuzz/merge.py``. An input that fails is written to ``build/fuzz/failed``.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from bench.fuzz import corpus

ROOT: Final = Path(__file__).parents[2]
GROWN: Final = ROOT / "build" / "fuzz"
DEFAULTS: Final = (
    "-max_len=4096",
    "-len_control=0",
    "-timeout=60",
    "-rss_limit_mb=2048",
    "-print_final_stats=1",
    "-use_value_profile=1",
)
"""A hang of a minute and 2 GiB of memory are failures; so is more than a second of processor time, see ``foreseen.py``."""
_DONE: Final = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_COVERAGE: Final = re.compile(r"cov: (\d+) ft: (\d+)")


def fuzz(name: str, options: list[str]) -> None:
    """Fuzz one target until libFuzzer's options say stop; it ends the process itself."""
    import atheris  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - not installed everywhere

    with atheris.instrument_imports(include=["pushwarden"]):
        from bench.fuzz.foreseen import timed  # noqa: PLC0415 - instrumented while it is imported
        from bench.fuzz.targets import TARGETS  # noqa: PLC0415
    if name not in TARGETS:
        print(f"name a target, or all: {', '.join(TARGETS)}", file=sys.stderr)
        sys.exit(2)
    target = timed(TARGETS[name], limit_s=3.0)  # what is instrumented takes three times as long
    target(b"")
    grown, failed = GROWN / name, GROWN / "failed"
    for folder in (grown, failed):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus.read(name)):
        (grown / f"kept-{number}").write_bytes(data)
    # libFuzzer's first folder is where new inputs go; a merge names its own.
    folders = [] if any("merge" in option for option in options) else [str(grown)]
    # A merge starts this program again, through a shell.
    again = f"{sys.executable} -W ignore -m bench.fuzz.run {name}"
    atheris.Setup([again, f"-artifact_prefix={failed}/{name}-", *DEFAULTS, *options, *folders], target)
    atheris.Fuzz()


def fuzz_all(seconds: int, names: list[str]) -> int:
    """Fuzz every target for some seconds, each in a process of its own, and print a line about each."""
    failed = 0
    for name in names:
        begin = time.monotonic()
        command = [sys.executable, "-W", "ignore", "-m", "bench.fuzz.run", name, f"-max_total_time={seconds}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        said = done.stdout + done.stderr
        units, coverage = _DONE.search(said), _COVERAGE.findall(said)
        cov, features = coverage[-1] if coverage else ("?", "?")
        state = "ok" if done.returncode == 0 else f"FAILED ({done.returncode})"
        runs = int(units[1]) if units else 0
        print(
            f"{name:<18} {state}: {runs:,} inputs, {cov} edges, {features} features, {time.monotonic() - begin:.0f} s",
            flush=True,
        )
        if done.returncode != 0:
            failed += 1
            print(_told(said), flush=True)
    return min(failed, 1)


def _told(said: str) -> str:
    """Return what libFuzzer said of the failure, without its progress."""
    lines = [line for line in said.splitlines() if not line.startswith("#")]
    return "\n".join(lines[-60:])


def main() -> int:
    """Fuzz one target, or all."""
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed, so nothing was fuzzed by coverage; run: pip install atheris", file=sys.stderr)
        return 0 if "--if-installed" in sys.argv else 2
    if sys.argv[1:2] != ["all"]:
        fuzz(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:])
        return 0
    from bench.fuzz.targets import TARGETS  # noqa: PLC0415

    parser = argparse.ArgumentParser(description="Fuzz every target with atheris.")
    parser.add_argument("all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--targets", default=",".join(TARGETS), help="joined by commas")
    parser.add_argument("--if-installed", action="store_true", help="without atheris, only say so")
    chosen = parser.parse_args()
    return fuzz_all(chosen.seconds, chosen.targets.split(","))


if __name__ == "__main__":
    sys.exit(main())
