"""What the tests of detection share: rules of their own, and scanners that are made once."""

from __future__ import annotations

import random
import string
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pushwarden.detect import Scanner, load_scanner
from pushwarden.detect.checksums import base62

RULES = Path(__file__).parent / "rules"


def made_up(length: int, alphabet: str = string.ascii_letters + string.digits, seed: int = 7) -> str:
    """Return made-up text that looks random and is the same in every run."""
    source = random.Random(seed)
    return "".join(source.choice(alphabet) for _ in range(length))


def token(seed: int = 7) -> str:
    """Return a made-up token of the rule ``test-token``, with its checksum."""
    body = made_up(30, seed=seed)
    return f"tst_{body}{base62(zlib.crc32(body.encode())).decode()}"


@pytest.fixture(scope="session")
def plain() -> Scanner:
    return load_scanner([RULES], default_rules=False, engine="plain")


@pytest.fixture(scope="session")
def fast() -> Scanner:
    return load_scanner([RULES], default_rules=False, engine="hyperscan")


@pytest.fixture(scope="session", params=["plain", "hyperscan"])
def scanner(request: pytest.FixtureRequest) -> Scanner:
    return load_scanner([RULES], default_rules=False, engine=request.param)


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Scanner]:
    """Return a function that makes a scanner of the text of one rule file."""

    def make(text: str, engine: str = "plain") -> Scanner:
        path = tmp_path / "rules.toml"
        path.write_text(text)
        return load_scanner([path], default_rules=False, engine=engine)

    return make


@pytest.fixture(scope="session")
def shipped(compiled_rules: Path) -> Scanner:
    return load_scanner(database=compiled_rules)
