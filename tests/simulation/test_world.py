"""A few seeded histories of a whole world; ``make soak`` runs thousands of pushes."""

from __future__ import annotations

import pytest

from tests.simulation.invariants import violations
from tests.simulation.machine import Machine
from tests.simulation.world import Step, World, history, smallest


@pytest.mark.parametrize("seed", [7, 14])
def test_a_history_of_pushes_faults_and_lost_events_keeps_every_promise(machine: Machine, seed: int) -> None:
    steps = history(seed, pushes=15)

    wrong = World(machine).run(steps)

    if wrong:
        shown = ", ".join(map(str, smallest(machine, steps, tries=20)))
        pytest.fail(f"seed {seed}: {wrong}\na small history that fails the same way: [{shown}]")


def test_two_force_pushes_of_which_the_first_is_never_told_hide_nothing(machine: Machine) -> None:
    """Found by the simulation: the commit that was forced away had no event of its own."""
    assert World(machine).run([Step("leaking-force", 544750984), Step("leaking-force", 4213249216)]) == []


def test_the_invariants_notice_a_mail_that_is_missing(machine: Machine) -> None:
    world = _leaked(machine)
    machine.mails.clear()

    assert any("nobody was told" in each for each in violations(world.ledger))


def test_the_invariants_notice_a_lock_that_is_missing(machine: Machine) -> None:
    world = _leaked(machine)
    app = machine.plain_app("administrator")
    arn = app.codecommit.repository(world.clones[0].name).arn
    app.codecommit.untag(arn, ["RepoState"])

    assert any("is open, and should not be" in each for each in violations(world.ledger))


def test_the_invariants_notice_a_bundle_that_is_missing(machine: Machine) -> None:
    world = _leaked(machine)
    s3, bucket = machine.aws.client("s3"), machine.stack.settings.backup_bucket
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=each["Key"])

    assert any("without a bundle" in each for each in violations(world.ledger))


def test_the_invariants_notice_a_secret_in_a_log(machine: Machine) -> None:
    world = _leaked(machine)
    machine.log.write(world.ledger.plants[0].secret)

    assert "a secret stands in the logs" in violations(world.ledger)


def _leaked(machine: Machine) -> World:
    world = World(machine, repositories=1, lossy=False)
    assert world.run([Step("leak", 5)]) == []
    assert world.ledger.plants
    return world
