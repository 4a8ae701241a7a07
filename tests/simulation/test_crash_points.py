"""Functions are killed at their calls and get their events again, and calls fail; ``make soak`` tries every one in every way."""

from __future__ import annotations

import pytest

from tests.simulation.machine import Machine
from tests.simulation.points import KILLED, WAYS, Way, broken_at, points
from tests.simulation.scenarios import SCENARIOS


@pytest.mark.parametrize(("function", "least"), [("scan", 12), ("notify", 8), ("lock", 5), ("reset", 11)])
def test_a_function_that_is_killed_at_a_call_ends_its_work_at_the_next_delivery(
    machine: Machine, function: str, least: int
) -> None:
    every = [each for each in points(machine, "update", (KILLED,)) if each.function == function]
    first = [each for each in every if each.invocation == every[0].invocation]

    # Every second call here; `make soak` tries them all.
    wrong = [each for point in first[1::2] for each in broken_at(point, machine)]

    assert len(first) >= least
    assert wrong == []


@pytest.mark.parametrize(
    ("scenario", "functions"),
    [
        ("everything", {"revoke", "comment", "securityhub"}),
        ("lost", {"reconcile"}),
        ("too-much", {"backfill-plan", "backfill-scan"}),
        ("history", {"backfill-plan", "backfill-scan"}),
    ],
)
def test_functions_that_run_seldom_are_killed_too(full: Machine, scenario: str, functions: set[str]) -> None:
    # Every fifteenth call here; `make soak` tries them all.
    every = [each for each in points(full, scenario, (KILLED,)) if each.function in functions]

    wrong = [each for point in every[::15] for each in broken_at(point, full)]

    assert {each.function for each in every} == functions
    assert wrong == []


@pytest.mark.parametrize(
    ("function", "name", "way"),
    [
        ("scan", "events:PutEvents", Way("timeout-after")),
        ("scan", "events:PutEvents", Way("partial")),
        ("scan", "git:git-upload-pack", Way("cut")),
        ("notify", "sns:Publish", Way("access-denied", 40, same=True)),
        ("notify", "sns:Publish", Way("timeout-after")),
        ("lock", "codecommit:TagResource", Way("access-denied", 40, same=True, deliveries=2)),
        ("reset", "git:git-receive-pack", Way("timeout-after", 40)),
        ("reset", "git:git-receive-pack", Way("expired-token", 40)),
        ("reset", "s3:PutObject", Way("http-500", 40)),
    ],
)
def test_a_call_that_fails_for_a_while_is_made_good(machine: Machine, function: str, name: str, way: Way) -> None:
    tried = [each for each in points(machine, "update", (way,)) if (each.function, each.name) == (function, name)]

    assert tried
    assert broken_at(tried[0], machine) == []


def test_every_function_makes_calls_in_some_scenario(full: Machine) -> None:
    """What the soak run enumerates leaves no function out."""
    tried = {each.function for scenario in SCENARIOS for each in points(full, scenario, WAYS)}

    assert tried == set(full.enabled)
