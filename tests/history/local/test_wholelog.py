from __future__ import annotations

import os
import random

import pytest

from pushwarden.history.local import wholelog
from pushwarden.history.local.early import EVERYTHING
from pushwarden.history.local.log import History
from pushwarden.history.local.repository import open_repository
from pushwarden.history.local.scan import scan_repository
from pushwarden.history.local.wholelog import WholeLog
from tests.history.local.building import Repo, change_at_random, context_of


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_several_gits_write_the_log_that_one_writes(repo: Repo, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholelog, "PART_COMMITS", 2)
    rng = random.Random(parts)
    repo.commit(a="start\n")
    for step in range(25):
        change_at_random(repo, rng, step)
    git = open_repository(str(repo.path)).git
    with History(git, EVERYTHING) as one, WholeLog(git, EVERYTHING) as several:
        several.split(parts)
        expected = list(one.commits())
        assert len(expected) > parts
        for _ in range(2):
            assert list(several.commits()) == expected
        assert several.problem is None


def test_repository_without_commits_has_an_empty_log(repo: Repo) -> None:
    with WholeLog(open_repository(str(repo.path)).git, EVERYTHING) as log:
        assert list(log.commits()) == []
        assert log.problem is None


def test_commit_that_only_the_graph_file_still_lists_is_noticed(repo: Repo) -> None:
    for number in range(4):
        repo.commit(a=f"{number}\n")
    repo.git("commit-graph", "write", "--reachable")
    lost = repo.git("rev-parse", "HEAD~2")
    (repo.path / ".git/objects" / lost[:2] / lost[2:]).unlink()
    outcome = scan_repository(context_of(repo.path))
    assert [(gap.code, lost[:12] in gap.message) for gap in outcome.gaps] == [("missing-objects", True)]


def test_commit_that_git_passes_over_is_noticed(repo: Repo) -> None:
    repo.commit(a="x")
    with WholeLog(open_repository(str(repo.path)).git, EVERYTHING) as log:
        log._lister.wait()
        log._list.seek(0, os.SEEK_END)
        log._list.write(b"1" * 40 + b"\n")
        assert len(list(log.commits())) == 1
        assert log.problem == "1 commits are listed but cannot be read"


def test_log_that_was_never_read_is_closed_twice_without_harm(repo: Repo) -> None:
    repo.commit(a="x")
    log = WholeLog(open_repository(str(repo.path)).git, EVERYTHING)
    log.close()
    log.close()
