"""Made-up findings, and a real browser where there is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pushwarden.model import Confidence, Finding, Gap, Match, Person, Secret, Source, Span
from pushwarden.report import Report, ReportedFinding, Scanned, Suppressed, in_order, result_of

ADVICE = "Revoke it at Example > Tokens, then look at the log for its use."
LINK = "https://docs.example.com/tokens"
ADA = Person("Ada Lovelace", "ada@example.com", "2026-03-05T10:11:12+01:00")
NOTHING = Suppressed()
KEY = b"a key of these tests"


@pytest.fixture
def make_finding() -> Callable[..., ReportedFinding]:
    def make(
        secret: str | bytes = "tok-4f9a1c",
        *,
        path: str = "src/app.py",
        line: int = 12,
        rule_id: str = "example-token",
        title: str = "Example token",
        confidence: Confidence = Confidence.HIGH,
        snippet: str = 'token = "********"',
        source: Source = Source.FILE,
        commit: str | None = "3f2a9c1d04be3f2a9c1d04be3f2a9c1d04be3f2a",
        author: Person | None = ADA,
        in_head: bool | None = True,
        refs: tuple[str, ...] = ("refs/heads/main", "refs/tags/v1.0"),
        decoded_from: tuple[str, ...] = (),
        references: tuple[str, ...] = (LINK,),
        advice: str = ADVICE,
    ) -> ReportedFinding:
        value = Secret(secret.encode() if isinstance(secret, str) else secret)
        span = Span(100, 100 + len(value), line, 10, line, 10 + len(value))
        match = Match(rule_id, title, confidence, value, span, snippet, decoded_from)
        finding = Finding(match, path, source, commit, author)
        return ReportedFinding(finding, value.fingerprint(KEY, rule_id), in_head, refs, advice, references)

    return make


@pytest.fixture
def make_report() -> Callable[..., Report]:
    def make(
        *findings: ReportedFinding,
        gaps: tuple[Gap, ...] = (),
        suppressed: Suppressed = NOTHING,
        root: str = "payments-service",
    ) -> Report:
        return Report(
            result=result_of(findings, gaps),
            findings=in_order(findings),
            gaps=gaps,
            scanned=Scanned(commits=41, blobs=189, files=12, bytes=4_130_000, refs=3),
            suppressed=suppressed,
            tool_version="0.1.0",
            rules_digest="9f8e7d6c5b4a",
            root=root,
        )

    return make


class Browser:
    """A headless Chromium, spoken to through its DevTools pipe (https://chromedevtools.github.io/devtools-protocol/)."""

    def __init__(self, program: str, profile: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def wire() -> None:  # Chromium reads commands from descriptor 3 and answers on 4.
            kept_read, kept_write = os.dup(to_read), os.dup(to_write)
            os.dup2(kept_read, 3)
            os.dup2(kept_write, 4)

        options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")
        self._process = subprocess.Popen(
            [program, *options, f"--user-data-dir={profile}", "--remote-debugging-pipe"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=wire,  # noqa: PLW1509 - nothing here has threads
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._number = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            piece = os.read(self._read, 1 << 16)
            assert piece, "Chromium ended"
            self._buffer += piece
        raw, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(raw)
        return message

    def open(self, page: Path, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=page.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def eval(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        for key in keys:
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **self._code(key), **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, **self._code(key))

    @staticmethod
    def _code(key: str) -> dict[str, int]:
        return {"windowsVirtualKeyCode": {"Enter": 13, "Escape": 27, "ArrowRight": 39}.get(key, ord(key[0].upper()))}

    def settle(self) -> None:
        """Wait for two frames, so that observers and layout have run."""
        self.eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def close(self) -> None:
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait(timeout=10)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"needs a Chromium: none of {', '.join(names)} is on PATH")
    chromium = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()
