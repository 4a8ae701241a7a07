"""The runner of the benchmarks: what it lists and what it runs. No figure is judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import FOLDER, ON_REQUEST, _split, benchmarks

ROOT = Path(__file__).parents[1]


def test_a_module_with_a_main_is_a_benchmark_and_a_helper_is_not(tmp_path: Path) -> None:
    (tmp_path / "fast.py").write_text('"""How fast.\n\nMore."""\ndef main() -> None: ...\n')
    (tmp_path / "helper.py").write_text("def other() -> None: ...\n")
    (tmp_path / "_hidden.py").write_text("def main() -> None: ...\n")

    assert [(each.name, each.says) for each in benchmarks(tmp_path)] == [("fast", "How fast.")]


def test_every_benchmark_says_what_it_measures_and_the_long_ones_are_named() -> None:
    found = {each.name: each for each in benchmarks(FOLDER)}

    assert {"push_latency", "requests_per_push", "big_push", "big_reset"} <= set(found)
    assert all(each.says for each in found.values())
    assert {"big_push", "big_reset"} <= {name for name in found if name in ON_REQUEST}


def test_an_unknown_benchmark_is_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "no_such"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "no_such" in done.stderr
    assert "push_latency" in done.stderr


def test_a_benchmark_that_fails_fails_the_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "push_latency", "--", "--pushes", "many"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "push_latency: exit 2" in done.stdout


@pytest.mark.parametrize(
    ("given", "own", "passed_on"),
    [
        (["--list"], ["--list"], []),
        (["load", "--events", "9"], ["load"], ["--events", "9"]),
        (["load", "--", "--events", "9"], ["load"], ["--events", "9"]),
        (["--", "--events", "9"], [], ["--events", "9"]),
        (["load", "soak"], ["load", "soak"], []),
    ],
)
def test_options_after_a_name_are_the_benchmarks(given: list[str], own: list[str], passed_on: list[str]) -> None:
    assert _split(given) == (own, passed_on)
