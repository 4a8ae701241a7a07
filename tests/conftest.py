"""What every test shares."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pushwarden.detect.load import cached_database

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


@contextmanager
def once(folder: Path) -> Iterator[bool]:
    """Let one test process do a piece of work; yield whether it is still to be done, and let others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / ".done"
        yield not done.exists()
        done.touch()


def shared(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a folder that all test processes of this run share."""
    base = factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name


@pytest.fixture(scope="session")
def compiled_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of the rules that ship, in a cache: compiled once, for that takes seconds of processor time."""
    folder = shared(tmp_path_factory, "compiled-rules")
    with once(folder) as needed:
        if needed:
            cached_database(folder)
    (found,) = folder.glob("rules-*.db")
    return found


@pytest.fixture(scope="session")
def cached_rules(compiled_rules: Path) -> dict[str, str]:
    """Environment variables with which the command line finds those rules in its cache."""
    return {"PUSHWARDEN_CACHE_DIR": str(compiled_rules.parent)}
