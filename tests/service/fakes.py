"""What stands in for AWS where a test asks only what was called."""

from __future__ import annotations

from typing import Any


class Machine:
    """A state machine that only remembers what it was asked."""

    def __init__(self, *running: str) -> None:
        self.started: list[tuple[str, Any]] = []
        self.now_running = dict.fromkeys(running, "arn")

    def running(self) -> dict[str, str]:
        return self.now_running

    def start(self, name: str, payload: Any) -> bool:
        self.started.append((name, payload))
        return True

    def stop(self, name: str) -> None:
        del self.now_running[name]
