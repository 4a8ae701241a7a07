from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pushwarden.cli import main
from tests.history.local.building import RULES, Repo, make_repo


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Run ``pushwarden`` with one rule in this process."""
    monkeypatch.setenv("PUSHWARDEN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    for name in ("NO_COLOR", "FORCE_COLOR", "GIT_INDEX_FILE", "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run_it(*args: str, one_rule: bool = True) -> Ran:
        rules = ["--rules", str(RULES), "--no-default-rules"] if one_rule and args[0] == "scan" else []
        monkeypatch.setattr(sys, "argv", ["pushwarden", *args, *rules])
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as exited:
            main()
        out, err = capfdbinary.readouterr()
        assert isinstance(exited.value.code, int)
        return Ran(exited.value.code, out.decode(), err.decode())

    return run_it


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """An empty repository, which is the current folder."""
    made = make_repo(tmp_path / "repo")
    monkeypatch.chdir(made.path)
    return made
