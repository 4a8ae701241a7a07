"""Every function is killed at every call that it makes, then gets its event again; ``make soak`` adds every other fault."""

from __future__ import annotations

import pytest

from tests.simulation.machine import Machine
from tests.simulation.points import broken_at, points


@pytest.mark.parametrize(("function", "least"), [("scan", 12), ("notify", 8), ("lock", 5), ("reset", 11)])
def test_a_function_that_is_killed_at_any_call_ends_its_work_at_the_next_delivery(
    machine: Machine, function: str, least: int
) -> None:
    # To die before a call is to die after the one before it; and one mail of the three is like another.
    every = [each for each in points(machine, "update", ("kill-after",)) if each.function == function]
    tried = [each for each in every if each.invocation == every[0].invocation]

    wrong = [each for point in tried for each in broken_at(machine, point)]

    assert len(tried) >= least
    assert wrong == []


@pytest.mark.parametrize(
    ("function", "name", "kind"),
    [
        ("scan", "events:PutEvents", "timeout-after"),
        ("notify", "sns:Publish", "access-denied"),
        ("notify", "sns:Publish", "timeout-after"),
        ("lock", "codecommit:TagResource", "access-denied"),
        ("reset", "git:git-receive-pack", "timeout-after"),
        ("reset", "git:git-receive-pack", "access-denied"),
        ("reset", "s3:PutObject", "http-500"),
    ],
)
def test_a_call_that_fails_for_a_while_is_made_good(machine: Machine, function: str, name: str, kind: str) -> None:
    tried = [each for each in points(machine, "update", (kind,)) if (each.function, each.name) == (function, name)]

    assert tried
    assert broken_at(machine, tried[0]) == []
