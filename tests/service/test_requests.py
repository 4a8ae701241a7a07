"""How many requests to CodeCommit a push costs: they are few, and shared by the whole account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushwarden.local.codecommit.git import CAPABILITIES
from pushwarden.local.service import LocalService
from pushwarden.policies import RESET_ALLOWED, RESET_TAG_KEY
from pushwarden.service.offers import UPLOAD
from tests.conftest import aws_secret
from tests.service.conftest import Repo

SCAN_MAX = 3
RESET_MAX = 4


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, compiled_rules: Path, quick_moto: None) -> Iterator[LocalService]:
    # The default policy: whether a repository may be reset stands in its tags.
    with LocalService(tmp_path_factory.mktemp("requests"), rules=compiled_rules) as running:
        first = made(running, "first", tmp_path_factory.mktemp("first"))
        first.person().commit({"key.txt": aws_secret("first")}, "The first leak of all")
        assert cost(first)["reset"] <= RESET_MAX
        yield running


@pytest.fixture
def repo(service: LocalService, tmp_path: Path) -> Repo:
    return made(service, f"requests-{tmp_path.name}"[:90], tmp_path)


def made(service: LocalService, name: str, folder: Path) -> Repo:
    tags = {"RepoState": "ok", RESET_TAG_KEY: RESET_ALLOWED}
    service.client("codecommit").create_repository(repositoryName=name, tags=tags)
    repo = Repo(service, name, folder)
    repo.start({"key.txt": "nothing yet\n"})
    return repo


def cost(repo: Repo, ref: str = "main", *, force: bool = False) -> Counter[str]:
    """Push what Alice has committed; return the requests of each function, without those of the reset's own event."""
    events = repo.service.codecommit.events
    events.drop = lambda event: str(event["detail"].get("callerUserArn")).endswith("/reset")
    repo.service.codecommit.requests.clear()
    repo.person().git("push", *(["--force"] if force else []), "origin", f"HEAD:{ref}")
    repo.settle()
    events.drop = 0
    return Counter(str(each.principal_arn).rpartition("/")[2] for each in repo.service.codecommit.requests.all())


def test_a_leak_in_an_old_file_costs_three_to_scan_and_four_to_reset_in_processes_that_know_nothing(repo: Repo) -> None:
    for function in ("scan", "reset"):
        repo.service.restart(function)
    repo.person().commit({"key.txt": aws_secret("edit")}, "An old file gets a secret")

    found = cost(repo)

    assert repo.responded("reset") == ["done"]
    assert found["scan"] <= SCAN_MAX
    assert found["reset"] <= RESET_MAX


def test_a_leaking_new_branch_costs_no_more(repo: Repo) -> None:
    alice = repo.person()
    alice.commit({"key.txt": aws_secret("new")}, "An old file gets a secret on a new branch")

    found = cost(repo, "topic")

    assert repo.responded("reset") == ["done"]
    assert repo.tip("refs/heads/topic") is None
    assert found["scan"] <= SCAN_MAX
    assert found["reset"] <= RESET_MAX


def test_a_leaking_forced_push_costs_no_more(repo: Repo) -> None:
    alice = repo.person()
    alice.commit({"more.txt": "clean\n"}, "To be replaced")
    cost(repo)
    alice.git("reset", "--hard", "HEAD~1")
    alice.commit({"key.txt": aws_secret("forced")}, "An old file gets a secret")

    found = cost(repo, force=True)

    assert repo.responded("reset") == ["done"]
    assert found["scan"] <= SCAN_MAX
    assert found["reset"] <= RESET_MAX


def test_a_clean_push_costs_one(repo: Repo) -> None:
    repo.person().commit({"more.txt": "clean\n"}, "More")

    assert cost(repo)["scan"] == 1


def test_what_is_remembered_of_the_server_and_does_not_hold_any_more_is_found_out(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CAPABILITIES, UPLOAD, "side-band-64k")
    app = repo.service.app()
    remembered = f"{int(app.wall_clock())} side-band-64k multi_ack_detailed"
    app.state.save_setting(f"offers-{UPLOAD}", remembered.encode())
    repo.service.restart("scan")
    repo.person().commit({"key.txt": aws_secret("changed")}, "A leak")

    cost(repo)

    assert repo.responded("reset") == ["done"]
    assert str(app.state.setting(f"offers-{UPLOAD}")).endswith(" side-band-64k'")


def test_a_reset_that_breaks_off_looks_at_the_server_again_before_the_next_try(repo: Repo) -> None:
    repo.service.restart("reset")
    arn = repo.service.function("reset").arn
    repo.service.codecommit.faults.add("git-receive-pack", "reset", principal_arn=arn)
    repo.person().commit({"key.txt": aws_secret("broken")}, "A leak")

    cost(repo)

    assert repo.responded("reset") == ["done"]
    asked = [each.operation for each in repo.service.codecommit.requests.all() if each.principal_arn == arn]
    assert asked.count("git-receive-pack/info-refs") == 1
