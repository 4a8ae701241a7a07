"""A function that is invoked, not fed from a queue: a process of its own that answers one request at a time.

Run as ``python -m pushwarden.local.invoked``. Each line of its input is a payload in JSON, each line of its output the
answer: ``{"payload": ...}``, or ``{"error": {"errorType": ..., "errorMessage": ...}}`` as Lambda words it
(https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html). What the function prints goes to its log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pushwarden.errors import PushwardenError
from pushwarden.local.worker import HANDLER, TIMEOUT, Context, load

_STOP_S: Final = 10.0


class FunctionFailedError(PushwardenError):
    """The function raised; ``error`` is what Lambda would answer."""

    def __init__(self, error: Mapping[str, str]) -> None:
        super().__init__(f"the function failed: {error.get('errorType')}: {error.get('errorMessage')}")
        self.error = dict(error)


class Invoked:
    """One function; its process starts with the first invocation."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = dict(environment)
        self._log = log
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def invoke(self, payload: Any) -> Any:
        """Call the handler and return its answer.

        Raises:
            FunctionFailedError: it raised, or its process ended.
        """
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps(payload) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            if not line:
                self._process = None
                raise FunctionFailedError({"errorType": "Runtime.ExitError", "errorMessage": f"see {self._log}"})
        answer = json.loads(line)
        if "error" in answer:
            raise FunctionFailedError(answer["error"])
        return answer["payload"]

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "pushwarden.local.invoked"],
                    env=self._environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        return self._process


def main() -> None:
    """Answer until there is nobody left to ask."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # before the handler is loaded: loggers keep what they find
    handler = load(os.environ[HANDLER])
    for line in sys.stdin:
        try:
            answer = {"payload": handler(json.loads(line), Context("local", float(os.environ[TIMEOUT])))}
        except Exception as error:  # noqa: BLE001 - as Lambda: what a function raises is the answer
            traceback.print_exc()
            answer = {"error": {"errorType": type(error).__name__, "errorMessage": str(error)}}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
