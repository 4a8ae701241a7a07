"""What goes wrong between a push and its answer: passing faults are tried again, lasting ones are told."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest

from tests.conftest import aws_secret, load_event, made_up
from tests.service.conftest import Repo


def leak(repo: Repo, seed: object = 0) -> str:
    alice = repo.person()
    commit = alice.commit({"key.txt": aws_secret(seed)}, "Add")
    alice.git("push", "origin", "HEAD:main")
    return commit


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("GetDifferences", "throttle-xml"),
        ("GetDifferences", "http-500"),
        ("TagResource", "throttle-xml"),
        ("TagResource", "timeout-after"),
        ("git-upload-pack", "throttle-xml"),
        ("git-upload-pack", "reset"),
        ("git-receive-pack", "http-500"),
        ("GetBranch", "reset"),
    ],
)
def test_a_passing_fault_changes_nothing_of_the_answer(repo: Repo, operation: str, kind: str) -> None:
    clean = repo.start()
    for name in ("scan", "lock", "reset"):
        arn = f"arn:aws:sts::123456789012:assumed-role/{repo.service.stack.name}-{name}/{name}"
        repo.service.codecommit.faults.add(operation, kind, 1, arn, hold_s=0.5)
    leak(repo)

    (event,) = repo.settle()

    assert event["findingCount"] == 1
    assert repo.tip() == clean
    assert repo.responded("lock") == ["done"]
    assert repo.responded("reset") == ["done"]
    assert len(repo.mails) == 3


def test_expired_credentials_are_tried_again_until_they_are_fresh(repo: Repo) -> None:
    clean = repo.start()
    repo.service.codecommit.faults.add(operation="git-upload-pack", kind="expired-token", times=2)
    leak(repo)

    assert len(repo.settle()) == 1
    assert repo.tip() == clean


def test_a_lock_that_is_refused_is_told_as_failed(repo: Repo) -> None:
    repo.start()
    arn = f"arn:aws:sts::123456789012:assumed-role/{repo.service.stack.name}-lock/lock"
    repo.service.codecommit.faults.add(operation="TagResource", kind="access-denied", times=50, principal_arn=arn)
    leak(repo)
    repo.settle()

    assert repo.responded("lock") == ["failed"]
    assert any("lock FAILED" in mail.subject for mail in repo.mails)


def test_a_repository_that_is_deleted_before_its_scan_is_told_as_incomplete(repo: Repo) -> None:
    repo.start()
    repo.service.codecommit.events.hold()
    leak(repo)
    repo.api.delete_repository(repositoryName=repo.name)
    repo.service.codecommit.events.release()

    repo.settle()

    (event,) = repo.events
    assert event["result"] == "incomplete"
    assert [gap["code"] for gap in event["incomplete"]] == ["repository-gone"]
    assert event["actions"] == ["notify"]


def test_a_commit_that_was_forced_away_before_its_scan_is_read_through_the_api(repo: Repo) -> None:
    repo.start()
    repo.service.codecommit.events.hold()
    bad = leak(repo)
    alice = repo.person()
    alice.git("reset", "-q", "--hard", "HEAD~1")
    alice.commit({"other.txt": "fine\n"}, "Other")
    alice.git("push", "--force", "origin", "HEAD:main")
    repo.service.codecommit.events.release()

    repo.settle()

    assert {f["commitId"] for event in repo.events for f in event["findings"]} == {bad}
    assert repo.tip() == alice.head()


def test_a_malformed_event_ends_in_the_dead_letter_queue(repo: Repo) -> None:
    stack = repo.service.stack
    bodies = ["not json", "[]", json.dumps({"detail": {}}), json.dumps(load_event("malformed-ref"))]
    for body in bodies:  # all at once: each is tried five times, a second apart
        stack.send("scan", body)

    repo.service.wait_idle()

    queue = stack.aws.client("sqs")
    url = queue.get_queue_url(QueueName=f"{stack.name}-scan-dead")["QueueUrl"]
    dead = [each["Body"] for each in queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(dead) == sorted(bodies)


def test_the_frontier_stays_where_it_was_when_a_scan_fails(repo: Repo) -> None:
    clean = repo.start()
    repo.service.codecommit.faults.add(operation="git-upload-pack", kind="access-denied", times=500)
    alice = repo.person()
    # Alice's own push does not go through upload-pack.
    alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:main")
    time.sleep(1.5)

    row = repo.service.app().state.frontier(repo.repository_id).rows["refs/heads/main"]
    assert row.scanned == clean

    repo.service.codecommit.faults.clear()
    assert len(repo.settle()) == 1


def test_the_secret_is_in_no_log_event_mail_row_or_bundle_name(repo: Repo) -> None:
    seed = "nowhere"
    secret = made_up(seed, 40)
    repo.start()
    faults = repo.service.codecommit.faults
    faults.add(operation="git-upload-pack", kind="reset", times=1)
    faults.add(operation="GetDifferences", kind="access-denied", times=1)
    alice = repo.person()
    alice.commit(
        {"key.txt": aws_secret(seed), f"name-{aws_secret(seed).strip()}": "x\n"}, f"Message {aws_secret(seed)}"
    )
    alice.git("push", "origin", "HEAD:main")
    repo.settle()
    assert repo.responded("reset") == ["done"]
    stack, aws = repo.service.stack, repo.service.aws
    dead = []
    sqs = aws.client("sqs")
    for name in stack.queues:
        url = sqs.get_queue_url(QueueName=f"{stack.name}-{name.removesuffix('-late')}-dead")["QueueUrl"]
        dead += sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
    chats = sqs.receive_message(QueueUrl=stack.chat_queue, MaxNumberOfMessages=10).get("Messages", [])
    rows = aws.client("dynamodb").scan(TableName=stack.settings.table)["Items"]
    objects = aws.client("s3").list_objects_v2(Bucket=stack.settings.backup_bucket)["Contents"]
    metadata = [aws.client("s3").head_object(Bucket=stack.settings.backup_bucket, Key=each["Key"]) for each in objects]
    outputs = {
        "events": json.dumps(repo.events + repo.responses),
        "mails": " ".join(mail.text + mail.subject for mail in repo.mails),
        "mail files": "".join(path.read_text() for path in (repo.service.root / "mail").iterdir()),
        "logs": "".join(path.read_text() for path in (repo.service.root / "logs").iterdir()),
        "rows": repr(rows),
        "objects": repr(objects) + repr(metadata),
        "dead letters": repr(dead),
        "chats": repr(chats),
    }
    spellings = [
        secret,
        quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode().rstrip("=")[:40],
        base64.b64encode(b"x" + secret.encode()).decode()[4:40],
        base64.b64encode(b"xy" + secret.encode()).decode()[4:40],
        secret.encode().hex(),
    ]
    for place, text in outputs.items():
        assert text, place
        for spelling in spellings:
            assert spelling not in text, place


def test_each_function_makes_only_calls_that_its_role_grants(repo: Repo) -> None:
    """The gate refuses the rest; a refusal would have shown as a failed response or a dead letter."""
    repo.start()
    leak(repo)
    repo.settle()

    assert repo.responded("lock") + repo.responded("reset") == ["done", "done"]
    denied = [
        r
        for r in repo.service.codecommit.requests.all()
        if r.repository == repo.name and "assumed-role" in str(r.principal_arn) and r.status in {401, 403}
    ]
    assert denied == []
