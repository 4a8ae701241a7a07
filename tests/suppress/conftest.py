from __future__ import annotations

from collections.abc import Callable

import pytest

from pushwarden.model import Confidence, Finding, Match, Secret, Source, Span


@pytest.fixture
def make() -> Callable[..., Finding]:
    def make_finding(
        secret: str | bytes = "tok-4f9a1c",
        *,
        path: str = "src/app.py",
        line: int = 12,
        rule_id: str = "example-token",
        commit: str | None = "3f" * 20,
    ) -> Finding:
        value = Secret(secret.encode() if isinstance(secret, str) else secret)
        span = Span(0, len(value), line, 1, line + value.reveal().count(b"\n"), 9)
        match = Match(rule_id, "Example token", Confidence.HIGH, value, span, 'token = "********"')
        return Finding(match, path, Source.FILE, commit)

    return make_finding
