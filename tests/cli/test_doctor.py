from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pushwarden.local.aws import REGION
from pushwarden.local.codecommit import Principal
from pushwarden.local.service import LocalService, administrator
from pushwarden.service.doctor import Check, Doctor
from pushwarden.topology import OPERATOR


class Resting(LocalService):
    """The local service without its functions: what the doctor looks at is all there."""

    def _start(self, subscriber: Any) -> None:
        del subscriber

    def _await_ready(self) -> None:
        """Nothing has been started."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with Resting(tmp_path_factory.mktemp("service")) as running:
        yield running


def failures(service: LocalService, **replaced: Any) -> dict[str, str]:
    doctor = Doctor(service.stack.settings, lambda name: replaced.get(name) or service.client(name))
    return {each.what: each.advice for each in doctor.checks() if not each.well}


def stubbed(service: str, operation: str, answer: Any = None, *, error: str | None = None) -> Any:
    client = boto3.client(service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")  # type: ignore[call-overload]
    stubber = Stubber(client)
    if error:
        stubber.add_client_error(operation, error)
    else:
        stubber.add_response(operation, answer)
    stubber.activate()
    return client


def test_a_fresh_deployment_is_well(service: LocalService) -> None:
    assert failures(service) == {}


def test_the_command_says_so(service: LocalService, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pushwarden", "doctor"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **service.person_environment(administrator())},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ok    rule {service.stack.name}-scan\n" in done.stdout
    assert f"ok    queue {service.stack.name}-scan-late\n" in done.stdout
    assert done.stdout.endswith("All is well.\n")


def test_a_rule_that_is_switched_off_is_named(service: LocalService) -> None:
    events = service.aws.client("events")
    events.disable_rule(Name=f"{service.stack.name}-scan")
    try:
        assert failures(service) == {
            f"rule {service.stack.name}-scan": "it is DISABLED; enable it, or no event gets through",
        }
    finally:
        events.enable_rule(Name=f"{service.stack.name}-scan")


def test_events_that_failed_for_good_are_counted(service: LocalService) -> None:
    sqs = service.aws.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{service.stack.name}-reset-dead")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    try:
        assert failures(service)[f"queue {service.stack.name}-reset-dead"].startswith("1 events failed for good")
    finally:
        sqs.purge_queue(QueueUrl=url)


def test_an_address_that_is_not_confirmed_gets_no_mail(service: LocalService) -> None:
    topic = service.stack.settings.mail_topic
    waiting = {
        "SubscriptionArn": "PendingConfirmation",
        "Protocol": "email",
        "Endpoint": "a@example.com",
        "TopicArn": topic,
    }
    sns = stubbed("sns", "list_subscriptions_by_topic", {"Subscriptions": [waiting]})
    assert failures(service, sns=sns) == {
        "mail subscription": "1 of 1 not confirmed; follow the link in the mail from AWS Notifications"
    }


def test_a_topic_without_addresses_is_told_of(service: LocalService) -> None:
    sns = stubbed("sns", "list_subscriptions_by_topic", {"Subscriptions": []})
    assert "nobody is told" in failures(service, sns=sns)["mail subscription"]


def test_a_missing_right_is_named(service: LocalService) -> None:
    guest = Principal(
        arn="arn:aws:iam::123456789012:user/guest",
        access_key_id="AKIALOCALGUEST000000",
        secret_access_key="local-guest-not-a-secret",
        policies=({"Version": "2012-10-17", "Statement": []},),
    )
    service.aws.gate.principals[guest.access_key_id] = guest
    doctor = Doctor(
        service.stack.settings,
        lambda name: service.client(name, guest if name in {"dynamodb", "kms", "s3"} else administrator()),
    )
    found = {each.what: each.advice for each in doctor.checks() if not each.well}
    assert found["rows of the state table"] == (
        "your credentials lack dynamodb:GetItem and kms:Decrypt; ask for it, or use others"
    )
    assert found["key"].startswith("your credentials lack kms:DescribeKey")
    assert found["backups"].startswith("your credentials lack s3:ListBucket")


def test_a_missing_right_to_tell_others_of_an_unlock_is_named(service: LocalService) -> None:
    guest = Principal(
        arn="arn:aws:iam::123456789012:user/silent",
        access_key_id="AKIALOCALSILENT00000",
        secret_access_key="local-silent-not-a-secret",
        policies=(service.stack.policy([each for each in OPERATOR if "events:PutEvents" not in each.actions]),),
    )
    service.aws.gate.principals[guest.access_key_id] = guest
    assert failures(service, events=service.client("events", guest)) == {
        "security bus": "your credentials lack events:PutEvents; ask for it, or use others"
    }


def test_looking_at_the_bus_puts_no_event_on_it(service: LocalService) -> None:
    service.security_events()
    assert failures(service) == {}
    assert service.security_events() == []


def test_a_region_without_codecommit_is_named(service: LocalService) -> None:
    nowhere = boto3.client(
        "codecommit",
        region_name=REGION,
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    advice = failures(service, codecommit=nowhere)["CodeCommit in this Region"]
    assert advice == "eu-central-1 has no such service, or the network does not reach it"


def test_a_stack_that_is_gone_is_not_a_traceback(service: LocalService) -> None:
    kms = stubbed("kms", "describe_key", error="NotFoundException")
    assert failures(service, kms=kms) == {
        "key": "AWS says NotFoundException; is the stack deployed, here and in this version?"
    }


def test_a_key_that_is_being_deleted_is_told_of(service: LocalService) -> None:
    metadata = {"KeyMetadata": {"KeyId": "k", "KeyState": "PendingDeletion"}}
    kms = stubbed("kms", "describe_key", metadata)
    assert failures(service, kms=kms)["key"].startswith("it is PendingDeletion")


def test_checks_come_one_by_one(service: LocalService) -> None:
    first = next(Doctor(service.stack.settings, service.client).checks())
    assert first == Check("CodeCommit in this Region", well=True)
