"""Compare whole scans of a history, as whole processes, with other scanners that are installed.

    python bench/scan_history_maker.py /tmp/h5 --commits 5000 --megabytes 200
    python bench/scan_speed.py /tmp/h5 [--peers FOLDER-WITH-THEIR-PROGRAMS] [--rounds 3]

Each tool runs with its defaults, several rounds in turn, so that a busy moment meets all of them. ``best s`` is the shortest
time by the clock; ``cpu s`` the least processor time of the whole tree of processes, which a busy machine changes less.
``ratio`` compares the processor time with that of the fastest other scanner. ``found`` counts the planted tokens
(FOLDER.secrets) whose text or place the report has. ``--whole`` also scans every version of a file as a whole, and compares
the two reports byte for byte.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass
class Tool:
    name: str
    command: list[str]
    report: Path
    environment: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def tools(repository: Path, peers: Path | None, work: Path, *, whole: bool) -> list[Tool]:
    python = [sys.executable, "-m", "pushwarden", "scan"]
    repo = str(repository)
    show = ["--show-secrets", "-q", "-f", "json"]
    listed = [
        Tool("pushwarden (no cache)", [*python, repo, "--no-cache", *show, "-o"], work / "cold.json"),
        Tool("pushwarden (again)", [*python, repo, *show, "-o"], work / "again.json"),
    ]
    if whole:
        every = {"PUSHWARDEN_WHOLE_BLOBS": "1"}
        listed.append(
            Tool("pushwarden (whole)", [*python, repo, "--no-cache", *show, "-o"], work / "whole.json", every)
        )
    commands = {
        "gitleaks": ["git", repo, "--no-banner", "-f", "json", "-r"],
        "betterleaks": ["git", repo, "--no-banner", "-o"],
        "kingfisher": ["scan", repo, "--no-validate", "--no-update-check", "-f", "json", "-o"],
    }
    for name, arguments in commands.items():
        program = shutil.which(name, path=str(peers) if peers else None)
        if program:
            listed.append(Tool(name, [program, *arguments], work / f"{name}.json"))
    return listed


def run(tool: Tool) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **tool.environment}
    start, used = time.perf_counter(), cpu_of_children()
    subprocess.run(
        [*tool.command, str(tool.report)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    tool.seconds.append(time.perf_counter() - start)
    tool.cpu.append(cpu_of_children() - used)


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def found(tool: Tool, secrets: list[str]) -> str:
    if not tool.report.exists():
        return "no report"
    text = tool.report.read_text(encoding="utf-8", errors="replace")
    return f"{sum(secret in text for secret in secrets)} of {len(secrets)}"


def staged(repository: Path, rounds: int) -> tuple[float, float]:
    """Return the best time and processor time of ``--staged`` on one small change, in a copy of the work tree's index."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", "--shared", str(repository), str(clone)], check=True)
        (clone / "new.py").write_text("value = 1\n")
        subprocess.run(["git", "-C", str(clone), "add", "new.py"], check=True)
        times, used = [], []
        for _ in range(3 * rounds + 2):
            start, before = time.perf_counter(), cpu_of_children()
            subprocess.run(
                [sys.executable, "-m", "pushwarden", "scan", "--staged", "-q", str(clone)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                check=False,
            )
            times.append(time.perf_counter() - start)
            used.append(cpu_of_children() - before)
        return min(times), min(used)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare whole scans of a history with other scanners.")
    parser.add_argument("repository", type=Path)
    parser.add_argument("--peers", type=Path, help="folder with the programs of other scanners (default: PATH)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="scan every version as a whole too, and compare")
    args = parser.parse_args()
    planted = Path(f"{args.repository}.secrets")
    secrets = planted.read_text().split() if planted.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        listed = tools(args.repository.resolve(), args.peers, Path(folder), whole=args.whole)
        for tool in listed[:2]:
            run(tool)  # compiles the rules and fills the memory
            tool.seconds.clear()
            tool.cpu.clear()
        for _ in range(args.rounds):
            for tool in listed:
                run(tool)
        others = [min(tool.cpu) for tool in listed if not tool.name.startswith("pushwarden")]
        print(f"{'tool':24} {'best s':>8} {'cpu s':>8} {'ratio':>6}  found")
        for tool in listed:
            ratio = f"{min(tool.cpu) / min(others):6.2f}" if others else f"{'':6}"
            print(f"{tool.name:24} {min(tool.seconds):8.2f} {min(tool.cpu):8.2f} {ratio}  {found(tool, secrets)}")
        if args.whole and listed[0].report.read_bytes() != listed[2].report.read_bytes():
            raise SystemExit("by changes and as a whole: DIFFERENT REPORTS")
    clock, used = staged(args.repository.resolve(), args.rounds)
    print(f"{'pushwarden --staged':24} {clock:8.2f} {used:8.2f}")
    print(f"largest process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:,.0f} MB")
    print(f"load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors (other work makes all times longer)")


if __name__ == "__main__":
    main()
