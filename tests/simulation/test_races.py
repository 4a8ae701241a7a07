"""People push while a reset runs, two resets run at once, somebody unlocks while a lock is under way, a repository goes."""

from __future__ import annotations

import pytest

from tests.simulation.machine import Machine
from tests.simulation.points import broken_at
from tests.simulation.races import moments


@pytest.mark.parametrize(
    ("scenario", "function", "race", "every"),
    [
        ("update", "reset", "push", 4),
        ("branch", "reset", "delete", 5),
        ("two", "reset", "others", 6),
        ("update", "reset", "same", 6),
        ("update", "lock", "unlock", 3),
        ("update", "scan", "vanish", 5),
        ("update", "scan", "force", 6),
        ("followed", "scan", "now", 8),
    ],
)
def test_what_happens_between_two_calls_breaks_nothing(
    machine: Machine, scenario: str, function: str, race: str, every: int
) -> None:
    tried = [each for each in moments(machine, scenario, (race,)) if each.function == function]

    wrong = [each for moment in tried[::every] for each in broken_at(moment, machine)]

    assert tried
    assert wrong == []
