"""The demo in a process of its own, as `make demo` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_UNWILLING = """
import io, sys
from pathlib import Path
from rich.console import Console
from pushwarden.local.demo import Demo, DemoFailedError
from pushwarden.settings import Policy
try:
    Demo(Console(file=io.StringIO()), Path(sys.argv[1]), Policy.parse({"lock": "off"}), rules=Path(sys.argv[2])).run()
except DemoFailedError as error:
    sys.exit(str(error))
"""


def test_the_demo_shows_everything_and_ends(cached_rules: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pushwarden", "local", "demo"]
    done = subprocess.run(
        command, env={**os.environ, **cached_rules}, capture_output=True, text=True, check=False, timeout=100
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for promise in ("Secret in TestRepository", "lock done", "reset done", "403", "Everything happened as promised"):
        assert promise in done.stdout


def test_a_step_that_does_not_happen_ends_the_demo_with_a_failure(tmp_path: Path, compiled_rules: Path) -> None:
    command = [sys.executable, "-c", _UNWILLING, str(tmp_path), str(compiled_rules)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)

    assert done.returncode == 1
    assert "step 3" in done.stderr
