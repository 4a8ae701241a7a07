"""Granted = used: what each function may do and what it does are the same set.

The local service refuses whatever the topology does not grant; here a few pushes make each function do all of its work,
and every granted action must have been used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pushwarden.local.service import LocalService
from pushwarden.policies import RESET_ALLOWED, RESET_TAG_KEY
from pushwarden.topology import LOCK, NOTIFY, RESET, SCAN, Subscriber
from tests.conftest import aws_secret
from tests.service.conftest import Repo

VIA_SERVICES = {"kms:GenerateDataKey"}
"""AWS services ask for a data key in the function's name (S3, SNS, SQS and DynamoDB with a customer's key): the function
itself makes no such call, and the local services encrypt nothing.
https://docs.aws.amazon.com/kms/latest/developerguide/services-s3.html"""
_GIT = {"git-upload-pack": "GitPull", "git-receive-pack": "GitPush"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with LocalService(tmp_path_factory.mktemp("grants")) as running:
        make_everybody_work(running, tmp_path_factory.mktemp("people"))
        yield running


def make_everybody_work(service: LocalService, folder: Path) -> None:
    tags = {"RepoState": "ok", RESET_TAG_KEY: RESET_ALLOWED}
    service.client("codecommit").create_repository(repositoryName="grants", tags=tags)
    repo = Repo(service, "grants", folder)
    repo.start({"key.txt": "nothing yet\n"})
    alice = repo.person()
    alice.commit({"key.txt": aws_secret("edit")}, "An old file gets a secret")
    alice.git("push", "origin", "HEAD:main")
    repo.settle()
    repo.unlock()
    alice.git("push", "origin", "HEAD:new")
    repo.settle()
    repo.unlock()
    service.codecommit.events.hold()
    alice.git("push", "origin", "HEAD:gone")
    alice.git("push", "origin", ":gone")
    service.codecommit.events.release()
    repo.settle()


def used(service: LocalService, function: Subscriber) -> set[str]:
    arn = service.stack.principal(function).arn
    actions = set(service.aws.gate.used.get(arn, {}))
    for request in service.codecommit.requests.all():
        if request.principal_arn == arn:
            name = request.operation.partition("/")[0]
            actions.add(f"codecommit:{_GIT.get(name, name)}")
    return actions


@pytest.mark.parametrize("function", [SCAN, NOTIFY, LOCK, RESET], ids=lambda function: function.name)
def test_a_function_uses_every_action_that_it_is_granted_and_no_other(
    service: LocalService, function: Subscriber
) -> None:
    granted = {action for grant in function.grants for action in grant.actions}

    assert used(service, function) == granted - VIA_SERVICES
