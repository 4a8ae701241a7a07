"""The invariants themselves: whatever is broken on purpose, they notice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.iam.models import iam_backends

from pushwarden.local.aws import ACCOUNT
from pushwarden.model import SECURITY_EVENT, SECURITY_RESPONSE
from pushwarden.respond.mail import AGAIN
from tests.simulation.invariants import Plant, violations
from tests.simulation.machine import Machine
from tests.simulation.pushes import MAIN
from tests.simulation.scenarios import finish, play
from tests.simulation.secrets import aws_assignment
from tests.simulation.world import World


@pytest.fixture
def world(machine: Machine) -> World:
    played = play(machine, "update")
    finish(played, "update")
    assert violations(played.ledger) == []
    return played


def noticed(world: World, words: str) -> bool:
    return any(words in each for each in violations(world.ledger))


def test_a_mail_that_is_missing(world: World) -> None:
    world.machine.mails.clear()

    assert noticed(world, "nobody was told")


def test_a_mail_that_came_twice(world: World) -> None:
    world.machine.mails.append(world.machine.mails[0])

    assert noticed(world, "told 2 times")


def test_a_repeat_that_nothing_called_for(world: World) -> None:
    mail = world.machine.mails[0]
    world.machine.mails.append({**mail, "Message": f"{AGAIN}\n\n{mail['Message']}"})

    assert noticed(world, "marked as possible repeats")


def test_a_lock_that_is_missing(world: World) -> None:
    _untag(world, "RepoState")

    assert noticed(world, "is open, and should not be")
    assert noticed(world, "is open, and should not be") or noticed(world, "which nobody accepted")


def test_a_lock_that_does_not_say_why(world: World) -> None:
    _untag(world, "PushwardenIncident")

    assert noticed(world, "does not say by which incident")


def test_a_lock_that_nobody_asked_for(machine: Machine) -> None:
    world = World(machine, repositories=1)
    app = machine.plain_app("administrator")
    app.codecommit.tag(app.codecommit.repository(world.clones[0].name).arn, {"RepoState": "locked"})

    assert noticed(world, "is locked, and should not be")


def test_an_open_repository_whose_ref_holds_a_secret(machine: Machine) -> None:
    world = World(machine, repositories=1)
    (clone,) = world.clones
    machine.post = lambda _event: []
    secret = aws_assignment("standing")
    bad = clone.commit({"a.txt": secret.encode()}, "Add", clone.refs()[MAIN])
    assert clone.push(MAIN, clone.refs()[MAIN], bad)
    world.ledger.plants.append(Plant(clone, secret, bad, MAIN))

    assert noticed(world, "which nobody accepted")
    assert noticed(world, "not all of it was scanned")


def test_a_bundle_that_is_missing(world: World) -> None:
    s3, bucket = world.machine.client("s3"), world.machine.stack.settings.backup_bucket
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=each["Key"])

    assert noticed(world, "without a bundle")
    assert noticed(world, "nothing holds")


def test_a_bundle_that_lacks_an_object(world: World) -> None:
    (clone,) = world.clones
    clone.objects(world.ledger.plants[0].commit).append(_another_blob())

    assert noticed(world, "does not give blob")


def test_a_response_that_is_missing(world: World) -> None:
    machine = world.machine
    machine.bus[:] = [each for each in machine.bus if each["detail-type"] != SECURITY_RESPONSE]

    assert noticed(world, "nothing says what became of lock")


def test_a_finding_that_nobody_pushed(world: World) -> None:
    event = next(each for each in world.machine.bus if each["detail-type"] == SECURITY_EVENT)
    made_up: dict[str, Any] = json.loads(json.dumps(event))
    made_up["detail"]["findings"][0]["commitId"] = world.clones[0].refs()[MAIN]
    world.machine.bus.append(made_up)

    assert noticed(world, "where nobody pushed a secret")


def test_a_frontier_that_claims_too_much(world: World) -> None:
    world.machine.scanned[world.clones[0].name].clear()

    assert noticed(world, "but")
    assert noticed(world, "never was")


def test_a_frontier_that_accepts_a_secret(world: World) -> None:
    (clone,) = world.clones
    bad = world.ledger.plants[0].commit
    state = world.machine.plain_app("administrator").state
    state.client.update_item(
        TableName=state.table,
        Key={"pk": {"S": f"repo#{clone.repository_id}"}, "sk": {"S": f"ref#{MAIN}"}},
        UpdateExpression="SET accepted = :bad",
        ExpressionAttributeValues={":bad": {"S": bad}},
    )

    assert noticed(world, "which holds the secret")


@pytest.mark.parametrize("spelled", [str, lambda text: text.encode().hex()])
def test_a_secret_in_a_log(world: World, spelled: Any) -> None:
    world.machine.log.write(spelled(world.ledger.plants[0].secret.partition(" = ")[2].strip()))

    assert "a secret stands in the logs" in violations(world.ledger)


def test_an_error_that_nobody_foresaw(world: World) -> None:
    world.machine.log.write('{"message":"failed","reason":"unforeseen"}\n')

    assert noticed(world, "a function logged")


def test_a_message_that_died(world: World) -> None:
    world.machine.dead.append(world.machine.current)  # type: ignore[arg-type]

    assert noticed(world, "a message died")


def test_a_key_that_is_on_or_off_against_the_policy(full: Machine) -> None:
    world = play(full, "everything")
    finish(world, "everything")
    assert violations(world.ledger) == []
    _set(world.ledger.bystander, "Inactive")
    _set(world.ledger.plants[0].user, "Active")

    assert noticed(world, "the key of somebody who pushed nothing")
    assert noticed(world, "is not Inactive")


def test_what_security_hub_lacks(full: Machine) -> None:
    world = play(full, "everything")
    finish(world, "everything")
    found = full.client("securityhub").get_findings()["Findings"]
    full.client("securityhub").batch_import_findings(
        Findings=[{**found[0], "RecordState": "ACTIVE", "UpdatedAt": "2099"}]
    )

    assert noticed(world, "as open, and it is dealt with")


def _untag(world: World, key: str) -> None:
    app = world.machine.plain_app("administrator")
    app.codecommit.untag(app.codecommit.repository(world.clones[0].name).arn, [key])


def _set(user: str, status: str) -> None:
    (key,) = iam_backends[ACCOUNT]["aws"].get_user(user).access_keys
    key.status = status


def _another_blob() -> Any:
    from dulwich.objects import Blob

    return Blob.from_string(b"never pushed")
