"""Starts the functions' processes: what they all import is imported once, and each of them is a fork of that.

Run as ``python -m pushwarden.local.starter MODULE ...``. Each line of its input is an order in JSON, each line of its output
the answer: ``{"start": {environment}, "log": path}`` gives ``{"pid": n}``, and ``{"wait": pid, "seconds": s}`` gives
``{"ended": bool}``. When the input ends, so do the processes, and then the starter itself.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import boto3

from pushwarden.errors import PushwardenError
from pushwarden.local import worker

_STOP_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.01


class Starter:
    """A process that starts others; it has started, and is ready, when the first of them is.

    Args:
        modules: what to import beforehand.
        environment: of the starter alone; each process has its own.
    """

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pushwarden.local.starter", *modules],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, environment: Mapping[str, str], log: Path) -> int:
        """Start a process that works on a queue's events; return its number.

        Raises:
            PushwardenError: the starter has ended.
        """
        return int(self._order({"start": dict(environment), "log": str(log)})["pid"])

    def ended(self, pid: int, wait_s: float = 0.0) -> bool:
        """Tell whether a process has ended, at the latest after ``wait_s``.

        Raises:
            PushwardenError: the starter has ended.
        """
        return bool(self._order({"wait": pid, "seconds": wait_s})["ended"])

    def stop(self) -> None:
        """End every process, and the starter."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it may be gone already
            self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(3 * _STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _order(self, order: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PushwardenError("the process that starts the functions has ended; what it said stands above")
        return json.loads(line)


def _start(environment: Mapping[str, str], log: str) -> int:
    """Fork; return the child's number in the parent, and never in the child."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, _appending(log)), (2, _appending(log))):
            os.dup2(source, target)
        os.closerange(3, 64)  # the starter's own answers, above all
        os.environ.clear()
        os.environ.update(environment)
        worker.main()
        code = 0
    except SystemExit:  # what it answers SIGTERM with
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the child must not go on as if it were the parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _appending(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def _ended(pid: int, wait_s: float) -> bool:
    end = time.monotonic() + wait_s
    with suppress(ChildProcessError):  # it has been waited for before
        while not os.waitpid(pid, os.WNOHANG)[0]:
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK_EVERY_S)
    return True


def main() -> None:
    """Start what is asked for, until nobody is there to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started this, who stops us in order
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    for name in sys.argv[1:]:
        importlib.import_module(name)
    boto3.client("sqs", region_name="local")  # reads what every client of a default session reads
    pids: list[int] = []
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            pids.append(_start(order["start"], order["log"]))
            answer: dict[str, Any] = {"pid": pids[-1]}
        else:
            answer = {"ended": _ended(order["wait"], order["seconds"])}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [each for each in pids if not _ended(each, 0)]
        for each in left:
            os.kill(each, number)
        end = time.monotonic() + _STOP_S
        for each in left:
            _ended(each, max(0.0, end - time.monotonic()))


if __name__ == "__main__":
    main()
