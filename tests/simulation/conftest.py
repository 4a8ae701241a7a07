from __future__ import annotations

from collections.abc import Iterator

import pytest

from pushwarden.history.pack import Limits
from tests.simulation.machine import Machine
from tests.simulation.parts import full_policy
from tests.simulation.pushes import SMALL_PACK_BYTES


@pytest.fixture(scope="package")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Machine(tmp_path_factory.mktemp("simulation")) as running:
        yield running


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with every opt-in response, on which scan takes on little."""
    limits = Limits(pack_bytes=SMALL_PACK_BYTES)
    with Machine(tmp_path_factory.mktemp("full"), policy=full_policy(), limits=limits) as running:
        yield running
