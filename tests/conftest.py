"""What every test shares."""

from __future__ import annotations

import json
import os
import random
import signal
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same commit gives the same verdict; looking for new counter-examples is what `make soak` does.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# A shell starts what runs in the background deaf to Ctrl-C, and its children inherit that; some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

EVENTS = Path(__file__).parent / "events"


def load_event(name: str) -> dict[str, Any]:
    """Return one of the JSON events in tests/events."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def made_up(seed: object, length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return random characters that are the same for the same seed. No credential in these tests was ever real."""
    source = random.Random(str(seed))
    return "".join(source.choice(alphabet) for _ in range(length))


def aws_secret(seed: object = 0) -> str:
    """Return a made-up AWS secret access key in an assignment."""
    return f"aws_secret_access_key = {made_up(seed, 40)}\n"


@pytest.fixture
def event_file() -> Any:
    """Load an event by name."""
    return load_event
