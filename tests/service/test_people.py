"""What ``pushwarden local up`` tells people to type works as it stands."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

from rich.console import Console

from pushwarden.local.service import LocalService
from pushwarden.local.up import _introduce


def test_with_the_environment_that_is_written_a_developer_clones_commits_and_pushes(
    service: LocalService, tmp_path: Path
) -> None:
    said = io.StringIO()
    _introduce(Console(file=said, width=200), service, tmp_path, "introduced")
    clone = next(line.strip() for line in said.getvalue().splitlines() if line.strip().startswith("git clone "))
    script = f"""
        set -e
        . {tmp_path}/developer.env
        cd {tmp_path}
        {clone} clone
        cd clone
        echo hello > README.md
        git add README.md && git commit -m Begin && git push origin HEAD:main
    """

    done = subprocess.run(
        ["bash", "-c", script],
        env={key: os.environ[key] for key in ("PATH", "HOME", "PYTHONPATH") if key in os.environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert service.tip("introduced", "refs/heads/main") is not None
    service.wait_idle()
