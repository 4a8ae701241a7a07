"""Lambda's Runtime API on one machine, and a function that is served through it as Lambda serves it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import files
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

_NEXT: Final = "/2018-06-01/runtime/invocation/next"
_DONE: Final = re.compile(r"/2018-06-01/runtime/(?:invocation/([^/]+)/(response|error)|(init)/error)")
_RIC: Final = ("awslambdaric", "simplejson", "snapshot-restore-py")
# No site-packages, no PYTHON* variables, no current folder: nothing but the standard library, the package and the client.
_LAUNCH: Final = "import sys; sys.path[:0] = sys.argv[2:]; from awslambdaric.__main__ import main; main(sys.argv[:2])"


class FunctionError(Exception):
    """The function raised, or could not be imported; the message is what it told the Runtime API."""


@dataclass
class _Invocation:
    event: Any
    timeout_s: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)


class RuntimeApi:
    """The API for one function; a context manager."""

    def __init__(self, *, sampled: bool = False) -> None:
        self._sampled = sampled
        self.ready = threading.Event()
        """The function is imported and asks for its first event."""
        self.ready_at = 0.0
        self.init_error: bytes | None = None
        self._waiting: queue.Queue[_Invocation | None] = queue.Queue()
        self._running: dict[str, _Invocation] = {}
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path != _NEXT:
                    self.send_error(404)
                    return
                api._serve_next(self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api._take(self.path, body)
                self._answer(202, b"{}")

            def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: Any, *, timeout_s: float) -> Any:
        call = _Invocation(event, timeout_s)
        self._running[call.request_id] = call
        self._waiting.put(call)
        kind, body = call.answer.get(timeout=timeout_s + 30)
        if kind == "error":
            raise FunctionError(body.decode())
        return json.loads(body)

    def _serve_next(self, handler: Any) -> None:
        if not self.ready.is_set():
            self.ready_at = time.perf_counter()
            self.ready.set()
        call = self._waiting.get()
        if call is None:
            handler.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": call.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + call.timeout_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:local",
            "Lambda-Runtime-Trace-Id": f"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled={self._sampled:d}",
            "Content-Type": "application/json",
        }
        handler._answer(200, json.dumps(call.event).encode(), headers)

    def _take(self, path: str, body: bytes) -> None:
        match = _DONE.fullmatch(path)
        assert match, path
        if match[3]:
            self.init_error = body
            self.ready.set()
            return
        self._running.pop(match[1]).answer.put((match[2], body))


def unpack(package: Path, into: Path) -> Path:
    """Unpack a function's zip as Lambda does."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(into)
    return into


def install_client(into: Path) -> Path:
    """Copy Lambda's own runtime client into a folder of its own, as /var/runtime has it."""
    for name in _RIC:
        for each in files(name) or ():
            if ".." in each.parts or "__pycache__" in each.parts:
                continue
            place = into / str(each)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(each.locate()), place)
    return into


class ServedFunction:
    """One function in a process of its own, behind its own Runtime API; a context manager."""

    def __init__(
        self,
        *,
        task: Path,
        client: Path,
        handler: str,
        environment: Mapping[str, str],
        log: Path,
        sampled: bool = False,
    ) -> None:
        self._task, self._client, self._handler = task, client, handler
        self._log = log
        self._environment = environment
        self._api = RuntimeApi(sampled=sampled)
        self._process: subprocess.Popen[bytes]
        self.ready_s = 0.0
        """Seconds from the start of the process to the function's first request for an event."""
        self.ready_cpu_s = 0.0
        """Seconds of processor time until then, which a busy machine does not stretch."""
        self.first_s: float | None = None
        """Seconds that the first event took."""

    def __enter__(self) -> Self:
        self._api.__enter__()
        environment = {
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.14",
            "AWS_LAMBDA_FUNCTION_NAME": "local",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(self._task),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "_HANDLER": self._handler,
            **self._environment,
        }
        # -B: in Lambda the package is read-only, so nothing is compiled for the next start.
        command = [sys.executable, "-I", "-S", "-B", "-c", _LAUNCH, self._handler, str(self._task), str(self._client)]
        started = time.perf_counter()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self._task, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        while not self._api.ready.wait(0.2):
            if self._process.poll() is not None:
                raise FunctionError(f"the runtime ended by itself:\n{self._log.read_text()[-4000:]}")
        if self._api.init_error is not None:
            self.__exit__(None, None, None)
            raise FunctionError(self._api.init_error.decode())
        self.ready_s = self._api.ready_at - started
        self.ready_cpu_s = self._cpu_s()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._api.__exit__(kind, error, trace)

    def invoke(self, event: Any, *, timeout_s: float = 60.0) -> Any:
        began = time.perf_counter()
        try:
            return self._api.invoke(event, timeout_s=timeout_s)
        finally:
            if self.first_s is None:
                self.first_s = time.perf_counter() - began

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self) -> int:
        """Return the most memory that the process has had so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024
