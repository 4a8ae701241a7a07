"""`pushwarden local up` as a person runs it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import aws_secret


def environment_of(path: Path) -> dict[str, str]:
    lines = [shlex.split(line)[1].partition("=") for line in path.read_text().splitlines()]
    return {key: value for key, _, value in lines}


def test_it_runs_shows_what_happens_and_ends_cleanly(tmp_path: Path, cached_rules: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pushwarden", "local", "up", "--port", "0", "--folder", str(tmp_path / "up")]
    log = tmp_path / "shown"
    with log.open("wb") as shown:
        running = subprocess.Popen(
            command, env={**os.environ, **cached_rules}, stdout=shown, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for(log, "Ctrl-C ends it", running)
        url = re.search(r"git clone (\S+)", log.read_text())
        assert url is not None
        environment = {**os.environ, **environment_of(tmp_path / "up" / "developer.env")}
        clone = tmp_path / "clone"
        subprocess.run(["git", "clone", "-q", url[1], str(clone)], env=environment, check=True, capture_output=True)
        for text in ("clean\n", aws_secret()):
            (clone / "a.txt").write_text(text)
            subprocess.run(["git", "-C", str(clone), "add", "."], env=environment, check=True)
            who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
            subprocess.run(["git", "-C", str(clone), *who, "commit", "-q", "-m", "x"], env=environment, check=True)
            subprocess.run(["git", "-C", str(clone), "push", "-q", "origin", "HEAD:main"], env=environment, check=True)
        wait_for(log, "reset done", running)
    finally:
        os.killpg(running.pid, signal.SIGINT)
        code = running.wait(30)
    assert code == 0
    text = log.read_text()
    assert "leak" in text
    assert "Stopped." in text
    left = subprocess.run(["pgrep", "-g", str(running.pid)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


def up(port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pushwarden", "local", "up", "--port", str(port), "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = up(port, tmp_path)

    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_cannot_be_is_refused(tmp_path: Path) -> None:
    done = up(99999, tmp_path)

    assert done.returncode == 2
    assert "99999" in done.stderr


def wait_for(log: Path, text: str, running: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while text not in log.read_text():
        assert running.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
