"""``pushwarden hook``, run by git itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pushwarden.errors import UsageError
from pushwarden.history.local.push import Pushed, from_pre_commit, parse_pre_push, parse_pre_receive
from tests.cli.conftest import Run
from tests.history.local.building import ENVIRONMENT, RULES, Repo, make_repo, token

ROOT = Path(__file__).parents[2]
A, B, ZERO = "a" * 40, "b" * 40, "0" * 40


def install(repository: Path, kind: str, cache: Path) -> None:
    script = repository / "hooks" / kind
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        f"#!/bin/sh\nPYTHONPATH={ROOT} PUSHWARDEN_CACHE_DIR={cache} exec {sys.executable} -c "
        "'import sys; from pushwarden.cli import scan_run as r; load = r.load_scanner; "
        "r.load_scanner = lambda rules, **k: load(rules, **(k | dict(default_rules=False))); "
        f'from pushwarden.cli import main; main()\' hook --rules {RULES} {kind} "$@"\n'
    )
    script.chmod(0o755)


def push(repo: Repo, *refs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(repo.path), "push", *refs], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Repo, Repo]:
    """A repository and the bare one that it pushes to."""
    server = make_repo(tmp_path / "server.git", "--bare")
    repo = make_repo(tmp_path / "repo")
    repo.git("remote", "add", "origin", str(server.path))
    return repo, server


def test_pre_receive_refuses_a_push_with_a_secret_in_quarantine(pair: tuple[Repo, Repo], tmp_path: Path) -> None:
    repo, server = pair
    install(server.path, "pre-receive", tmp_path / "cache")
    repo.commit(a="clean")
    assert push(repo, "origin", "main").returncode == 0
    repo.commit(a=token(1))
    refused = push(repo, "origin", "main")
    assert refused.returncode != 0
    assert "Test token" in refused.stderr
    assert token(1) not in refused.stderr
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("tag", "-a", "v1", "-m", token(2))
    assert push(repo, "origin", "v1").returncode != 0
    repo.commit(b="clean as well")
    assert push(repo, "origin", "main", ":refs/heads/none").returncode == 0


def test_pre_push_stops_new_commits_only(pair: tuple[Repo, Repo], tmp_path: Path) -> None:
    repo, server = pair
    repo.commit(a=token(1))
    assert push(repo, "origin", "main").returncode == 0
    install(repo.path / ".git", "pre-push", tmp_path / "cache")
    repo.commit(b="the old secret is there already")
    assert push(repo, "origin", "main").returncode == 0
    repo.commit(c=token(2))
    stopped = push(repo, "origin", "main:other")
    assert stopped.returncode != 0
    assert server.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_pre_commit_stops_what_is_staged(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo")
    repo.commit(a="x\n")
    install(repo.path / ".git", "pre-commit", tmp_path / "cache")
    repo.write("a", token(1))
    stopped = subprocess.run(
        ["git", "-C", str(repo.path), "commit", "-q", "-a", "-m", "x"],
        capture_output=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert stopped.returncode != 0
    repo.write("a", "clean\n")
    repo.git("commit", "-q", "-a", "-m", "x")


def test_deleting_refs_needs_no_scan(run: Run, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit(a=token(1))
    monkeypatch.setenv("PRE_COMMIT_TO_REF", "")
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: PTH123, SIM115 - closed with the test
    assert run("hook", "pre-push", "origin").code == 0


def test_input_that_git_did_not_write_is_refused() -> None:
    for parse in (parse_pre_receive, parse_pre_push):
        with pytest.raises(UsageError, match="line 1"):
            parse("--all x refs/heads/main y\n")


def test_lines_of_git_are_understood() -> None:
    assert parse_pre_receive(f"{A} {B} refs/heads/a b\n{A} {ZERO} refs/heads/x\n") == Pushed((B,), (A,))
    assert parse_pre_push(f"refs/heads/x {B} refs/heads/y {ZERO}\n(delete) {ZERO} refs/heads/z {A}\n") == (
        Pushed((B,), (A,))
    )


def test_variables_of_the_pre_commit_framework_are_understood() -> None:
    assert from_pre_commit({}) is None
    assert from_pre_commit({"PRE_COMMIT_TO_REF": B, "PRE_COMMIT_FROM_REF": A}) == Pushed((B,), (A,))
    assert from_pre_commit({"PRE_COMMIT_TO_REF": B, "PRE_COMMIT_FROM_REF": ZERO}) == Pushed((B,), ())
