from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pushwarden.detect import Scanner, load_scanner
from pushwarden.model import SECURITY_EVENT
from pushwarden.service.app import App
from tests.conftest import aws_secret
from tests.simulation.machine import Machine
from tests.simulation.parts import PATTERNS
from tests.simulation.people import Clone
from tests.simulation.pushes import MAIN
from tests.simulation.world import World


@pytest.fixture(scope="package")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Machine(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture(scope="package")
def scanner() -> Scanner:
    return load_scanner(rules=[PATTERNS / "aws.toml"], default_rules=False)


@dataclass
class Victim:
    """A repository, and what became of the pushes to it."""

    world: World
    clone: Clone

    @property
    def machine(self) -> Machine:
        return self.world.machine

    @property
    def app(self) -> App:
        """An app of somebody in charge."""
        return self.machine.plain_app("administrator")

    @property
    def first(self) -> str:
        return next(iter(self.clone.snapshots))

    def push(self, files: dict[str, bytes], *, ref: str = MAIN, author: str = "Eve <eve@example.com>") -> str:
        """Push files, let everything settle, and return the commit."""
        commit = self.clone.commit(files, "Work", self.first, author=author)
        old = self.clone.refs().get(ref)
        assert self.clone.push(ref, old, commit)
        self.machine.settle()
        assert self.machine.errors == []
        return commit

    def events(self) -> list[dict[str, Any]]:
        """Return the security events of the repository."""
        return [
            each["detail"]
            for each in self.machine.bus
            if each["detail-type"] == SECURITY_EVENT and each["detail"]["repositoryName"] == self.clone.name
        ]

    def locked(self) -> bool:
        return self.clone.tags().get("RepoState") == "locked"

    def put_event(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Put an event on the security bus, as anybody may who has the right to PutEvents."""
        entry = {
            "Source": "pushwarden",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "EventBusName": self.machine.stack.settings.security_bus,
        }
        self.machine.aws.client("events").put_events(Entries=[entry])
        self.machine.collect()

    def sealed_event(self) -> dict[str, Any]:
        """Leak something, and return the real event as the bus carried it."""
        self.push({"key.txt": aws_secret(self.clone.name).encode()})
        (event,) = self.events()
        return event


@pytest.fixture
def victim(machine: Machine) -> Victim:
    world = World(machine, repositories=2, lossy=False)
    return Victim(world, world.clones[0])
