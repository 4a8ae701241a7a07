"""Responses that the policy switches on: revoke, comment, Security Hub. Real functions, real queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.iam.models import iam_backends

from pushwarden.events import SecurityEvent
from pushwarden.local.aws import ACCOUNT
from pushwarden.local.service import LocalService, medium_policy
from pushwarden.model import Confidence
from pushwarden.respond.comment import comment
from pushwarden.settings import Policy
from tests.conftest import aws_secret, made_up
from tests.service.conftest import Repo

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, compiled_rules: Path, quick_moto: None) -> Iterator[LocalService]:
    on = {"revoke": Confidence.HIGH, "comment": Confidence.LOW, "securityhub": Confidence.LOW}
    policy = Policy(reset_repositories=("*",), thresholds={**medium_policy().thresholds, **on})
    with LocalService(tmp_path_factory.mktemp("opt-in"), policy=policy, rules=compiled_rules) as running:
        yield running


def key_of(account: str, user: str) -> tuple[str, str]:
    """Make an IAM user with an access key of our own making, and return the key."""
    backend = iam_backends[account]["aws"]
    backend.create_user("eu-central-1", user)
    key = backend.create_access_key(user)
    key.access_key_id = "AKIA" + made_up(f"id {user}", 16, BASE32)
    key.secret_access_key = made_up(f"secret {user}", 40)
    return key.access_key_id, key.secret_access_key


def status(account: str, user: str) -> str:
    (key,) = iam_backends[account]["aws"].get_user(user).access_keys
    return str(key.status)


def leak(repo: Repo, files: dict[str, str | bytes]) -> dict[str, Any]:
    alice = repo.person()
    alice.commit(files, "Add")
    alice.git("push", "origin", "HEAD:main")
    (event,) = repo.settle()
    return event


def test_a_pushed_key_of_this_account_is_switched_off_and_its_user_is_named(repo: Repo) -> None:
    repo.start()
    key_id, secret = key_of(ACCOUNT, "deployer")

    event = leak(repo, {"credentials": f"aws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"})

    assert "revoke" in event["actions"]
    assert status(ACCOUNT, "deployer") == "Inactive"
    assert repo.responded("revoke") == ["done"]
    (response,) = [each for each in repo.responses if each["action"] == "revoke"]
    assert "deployer" in response["summary"]
    assert "never used" in response["summary"]
    (mail,) = [mail for mail in repo.mails if "revoke done" in mail.subject]
    assert "deployer" in mail.text
    assert key_id not in mail.text
    assert secret not in json.dumps([*repo.events, *repo.responses])


def test_a_key_of_another_account_is_left_alone_and_told(repo: Repo) -> None:
    repo.start()
    other = "210987654321"
    key_id, secret = key_of(other, "stranger")

    leak(repo, {"credentials": f"aws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"})

    assert status(other, "stranger") == "Active"
    assert repo.responded("revoke") == ["refused"]
    assert any(other in mail.text for mail in repo.mails if "revoke NOT done" in mail.subject)


def test_a_key_id_without_its_secret_switches_nothing_off(repo: Repo) -> None:
    repo.start()
    key_id, _ = key_of(ACCOUNT, "named-only")

    event = leak(repo, {"notes.txt": f"The key {key_id} is the one for deployments.\n"})

    assert "revoke" not in event["actions"]
    assert status(ACCOUNT, "named-only") == "Active"
    assert repo.responded("revoke") == []


def test_a_comment_stands_at_the_line_once(repo: Repo) -> None:
    clean = repo.start()

    event = leak(repo, {"src/settings.py": f"# settings\n{aws_secret('line')}"})

    found = repo.api.get_comments_for_compared_commit(
        repositoryName=repo.name, beforeCommitId=clean, afterCommitId=event["commitId"]
    )["commentsForComparedCommitData"]
    assert [(each["location"]["filePath"], each["location"]["filePosition"]) for each in found] == [
        ("src/settings.py", 2)
    ]
    (posted,) = found[0]["comments"]
    assert "Rotate it first" in posted["content"]
    assert repo.responded("comment") == ["done"]

    app = repo.service.app(repo.service.function("comment"))
    assert comment(SecurityEvent.from_detail(event), app.codecommit).outcome == "done"
    again = repo.api.get_comments_for_compared_commit(
        repositoryName=repo.name, beforeCommitId=clean, afterCommitId=event["commitId"]
    )["commentsForComparedCommitData"]
    assert [len(each["comments"]) for each in again] == [1]


def test_security_hub_has_the_finding_until_the_repository_is_unlocked(repo: Repo) -> None:
    repo.start()
    hub = repo.service.aws.client("securityhub")

    def findings() -> list[dict[str, Any]]:
        return [f for f in hub.get_findings()["Findings"] if f["Resources"][0]["Id"].endswith(f":{repo.name}")]

    event = leak(repo, {"a.txt": aws_secret("hub")})

    (reported,) = findings()
    assert reported["RecordState"] == "ACTIVE"
    assert reported["Resources"][0]["Details"]["Other"]["path"] == "a.txt"
    assert made_up("hub", 40) not in json.dumps(reported, default=str)
    assert repo.responded("securityhub") == ["done"]

    repo.unlock()
    repo.settle()

    (archived,) = findings()
    assert (archived["Id"], archived["RecordState"]) == (reported["Id"], "ARCHIVED")
    assert event["incidentId"] == archived["Resources"][0]["Details"]["Other"]["incident"]


def test_a_second_delivery_answers_nothing_twice(repo: Repo) -> None:
    repo.start()
    repo.service.codecommit.events.duplicate = 1

    alice = repo.person()
    alice.commit({"a.txt": aws_secret("twice")}, "Add")
    alice.git("push", "origin", "HEAD:main")
    repo.settle()

    assert [repo.responded(each) for each in ("comment", "securityhub")] == [["done"], ["done"]]
