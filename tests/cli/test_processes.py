"""How the command ends as a process: interrupted, without a reader, without room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.history.local.building import RULES, token

ROOT = Path(__file__).parents[2]
PUSHWARDEN = [sys.executable, "-m", "pushwarden"]
COMMAND = [*PUSHWARDEN, "scan", "--rules", str(RULES), "--no-default-rules"]


def start(folder: Path, *args: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PUSHWARDEN_CACHE_DIR": str(folder / "cache")}
    return subprocess.Popen(
        [*COMMAND, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
    )


def test_interrupted_scan_exits_with_130_and_no_traceback(tmp_path: Path) -> None:
    process = start(tmp_path, "-", "-v")
    assert process.stderr is not None
    assert b"first use" in process.stderr.readline()
    assert b"engine" in process.stderr.readline()  # it runs, and waits for standard input
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert b"interrupted" in err
    assert b"Traceback" not in err


def test_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("\n".join(token(number) for number in range(3000)))
    process = start(tmp_path, "--files", "a", "-f", "jsonl", "-q")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(timeout=20), err) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_behind_standard_output_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(token(1))
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*COMMAND, "--files", "a", "-f", "json"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PUSHWARDEN_CACHE_DIR": str(tmp_path / "cache")},
            check=False,
        )
    assert done.returncode == 128
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("args", [("rules", "list"), ("--help",)])
def test_command_whose_reader_left_ends_as_the_shell_expects_and_quietly(args: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            [*PUSHWARDEN, *args], stdout=pipe, stderr=subprocess.PIPE, check=False, timeout=60, cwd=ROOT
        )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_list_that_finds_no_room_says_so_without_a_traceback() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*PUSHWARDEN, "rules", "list"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60, cwd=ROOT
        )
    assert done.returncode == 128
    assert done.stderr.startswith(b"pushwarden: No space left")
    assert b"Traceback" not in done.stderr
    assert b"defect" not in done.stderr
