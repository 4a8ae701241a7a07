from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench._burst import World
from pushwarden.local.codecommit import Principal
from pushwarden.local.mailbox import Received
from pushwarden.local.person import Person
from pushwarden.local.service import LocalService, administrator, developer, medium_policy
from pushwarden.model import SECURITY_EVENT, SECURITY_RESPONSE
from pushwarden.topology import SUBSCRIBERS, WORKERS
from tests.simulation.shortcuts import fast_moto

_numbers = itertools.count(1)


@dataclass
class Repo:
    """One repository of the running service, and the people who work on it."""

    service: LocalService
    name: str
    folder: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    mails: list[Received] = field(default_factory=list)

    def person(self, name: str = "Alice", principal: Principal | None = None) -> Person:
        who = Person(self.service, principal or developer(), name, self.name, self.folder / name)
        if not who.folder.exists():
            who.clone()
        return who

    @property
    def admin(self) -> Person:
        return self.person("Admin", administrator())

    @property
    def api(self) -> Any:
        return self.service.client("codecommit")

    @property
    def repository_id(self) -> str:
        return self.service.app(administrator()).codecommit.repository(self.name).repository_id

    def tip(self, ref: str = "refs/heads/main") -> str | None:
        return self.service.tip(self.name, ref)

    def settle(self) -> list[dict[str, Any]]:
        """Wait until everything has happened; return the security events since the last time."""
        self.service.wait_idle()
        new = []
        for event in self.service.security_events():
            if event["detail"]["repositoryName"] != self.name:
                continue
            if event["detail-type"] == SECURITY_EVENT:
                new.append(event["detail"])
            elif event["detail-type"] == SECURITY_RESPONSE:
                self.responses.append(event["detail"])
        self.events += new
        self.mails += [mail for mail in self.service.mailbox.collect() if self.name in mail.subject]
        return new

    def responded(self, action: str) -> list[str]:
        return [each["outcome"] for each in self.responses if each["action"] == action]

    def start(self, files: dict[str, str | bytes] | None = None) -> str:
        """Push a clean first commit as Alice, and return its id."""
        alice = self.person()
        commit = alice.commit(files or {"README.md": "# Hello\n"}, "Begin")
        alice.git("push", "origin", "HEAD:main")
        assert self.settle() == []
        return commit

    def old(self, files: dict[str, str | bytes]) -> str:
        """Push a commit that stood there before Pushwarden came; return its id."""
        alice = self.person()
        commit = alice.commit(files, "Long ago")
        self.service.codecommit.events.drop = 1
        alice.git("push", "origin", "HEAD:main")
        self.service.app().state.save_baseline(self.repository_id, {"refs/heads/main": commit})
        assert self.settle() == []
        return commit

    def unlock(self) -> None:
        done = self.admin.pushwarden("unlock", self.name)
        assert done.returncode == 0, done.stderr


def places(event: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the path and the commit of each finding."""
    return {(f["path"], f["commitId"]) for f in event["findings"]}


@pytest.fixture(scope="session")
def quick_moto() -> Iterator[None]:
    with fast_moto():
        yield


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, compiled_rules: Path, quick_moto: None) -> Iterator[LocalService]:
    root = tmp_path_factory.mktemp("service")
    with LocalService(root, policy=medium_policy(), rules=compiled_rules) as running:
        yield running
        # A call that a role does not allow may be swallowed as a passing fault; none may be made.
        roles = {running.stack.principal(each).policy_arn for each in (*SUBSCRIBERS, *WORKERS)}
        assert [call for role, call in running.calls.refused() if role in roles] == []


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory, quick_moto: None) -> Iterator[World]:
    """CodeCommit and AWS for functions that run in this process, with queues in memory."""
    with World(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def repo(service: LocalService, tmp_path: Path) -> Iterator[Repo]:
    name = f"repo-{next(_numbers)}"
    service.client("codecommit").create_repository(repositoryName=name, tags={"RepoState": "ok"})
    service.security_events()
    service.mailbox.collect()
    yield Repo(service, name, tmp_path)
    events = service.codecommit.events
    events.drop, events.duplicate, events.delay_s, events.reorder = 0, 0, 0.0, 0
    service.codecommit.faults.clear()
