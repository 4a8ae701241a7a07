from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.machine import Machine


@pytest.fixture(scope="package")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Machine(tmp_path_factory.mktemp("simulation")) as running:
        yield running
