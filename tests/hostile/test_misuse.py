"""A pusher, or somebody who may put events on a bus, wants to make Pushwarden do his work."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pushwarden.events import MalformedEventError, Push, SecurityEvent, parse_push
from pushwarden.model import BACKFILL_REPORT, SECURITY_EVENT, SECURITY_RESPONSE
from pushwarden.respond.mail import event_mail
from pushwarden.respond.report_mail import BackfillReport
from pushwarden.service.admin import plan_unlock, unlock
from tests.conftest import aws_secret, load_event, made_up
from tests.hostile.conftest import Victim
from tests.simulation.pushes import MAIN


def _about(detail: dict[str, Any], victim: Victim, **changes: Any) -> dict[str, Any]:
    """Return an event that an attacker wrote: about another repository, with an incident id that fits."""
    other = victim.world.clones[1]
    forged = {
        **detail,
        "repositoryName": other.name,
        "repositoryId": other.repository_id,
        "repositoryArn": detail["repositoryArn"].rpartition(":")[0] + ":" + other.name,
        "commitId": other.refs()[MAIN],
        **changes,
    }
    push = Push(
        forged["eventId"], "", "", "", forged["repositoryName"], forged["repositoryId"], "", forged["referenceFullName"],
        SecurityEvent.from_detail(detail).push.change, None, forged["commitId"], None,
    )  # fmt: skip
    return {**forged, "incidentId": push.incident_id}


def test_a_forged_security_event_locks_and_resets_nothing(victim: Victim) -> None:
    forged = _about(victim.sealed_event(), victim, acceptedCommitId=None, change="referenceCreated")
    other = victim.world.clones[1]
    before, mails = other.refs(), len(victim.machine.mails)

    victim.put_event(SECURITY_EVENT, forged)
    victim.machine.settle()

    assert other.refs() == before
    assert "RepoState" not in other.tags()
    assert len(victim.machine.mails) == mails
    # Nothing disappears: each function's dead-letter queue has it, and its alarm rings.
    assert sorted(each.function for each in victim.machine.dead) == ["lock", "notify", "reset"]


@pytest.mark.parametrize(
    "change",
    [
        {"actions": ["notify", "lock", "reset"], "seal": None},
        {"acceptedCommitId": "1" * 40},
        {"repositoryArn": "arn:aws:codecommit:eu-central-1:123456789012:another"},
        {"actions": ["lock"]},
        {"baseCommitIds": ["2" * 40]},
    ],
)
def test_a_real_event_that_was_changed_is_refused(victim: Victim, change: dict[str, Any]) -> None:
    real = victim.sealed_event()
    responses = len([each for each in victim.machine.bus if each["detail-type"] == SECURITY_RESPONSE])

    victim.put_event(SECURITY_EVENT, real | change)
    victim.machine.settle()

    assert len([each for each in victim.machine.bus if each["detail-type"] == SECURITY_RESPONSE]) == responses
    assert victim.machine.dead


def _response(victim: Victim, **changes: Any) -> dict[str, Any]:
    victim.sealed_event()
    responses = [each["detail"] for each in victim.machine.bus if each["detail-type"] == SECURITY_RESPONSE]
    found: dict[str, Any] = next(each for each in responses if each["action"] == "lock")
    return found | changes


@pytest.mark.parametrize(
    "change",
    [
        {"summary": "All is well. Log in at https:evil.example to confirm.", "action": "another"},
        {"incidentId": "pw-" + "0" * 20},
        {"outcome": "failed"},
        {"incidentId": "pw-" + "0" * 20, "seal": None},
    ],
)
def test_a_response_that_pushwarden_did_not_publish_is_not_mailed(victim: Victim, change: dict[str, Any]) -> None:
    forged = _response(victim, **change)
    mails = len(victim.machine.mails)

    victim.put_event(SECURITY_RESPONSE, forged)
    victim.machine.settle()

    assert len(victim.machine.mails) == mails
    assert [each.function for each in victim.machine.dead] == ["notify"]


def test_a_report_of_the_history_that_pushwarden_did_not_publish_is_not_mailed(victim: Victim) -> None:
    report = BackfillReport("run", "eu-central-1", "s3:nowhere", {"scanned": 1}, ())

    victim.put_event(BACKFILL_REPORT, report.to_detail())
    victim.machine.settle()

    assert victim.machine.mails == []
    assert [each.function for each in victim.machine.dead] == ["notify"]


def test_a_real_event_that_is_replayed_does_nothing_again(victim: Victim) -> None:
    real = victim.sealed_event()
    mails, moved = len(victim.machine.mails), len(victim.machine.pushed)
    tip = victim.clone.refs()

    victim.put_event(SECURITY_EVENT, real)
    victim.machine.settle()

    assert (len(victim.machine.mails), len(victim.machine.pushed), victim.clone.refs()) == (mails, moved, tip)
    assert victim.machine.dead == []


def test_a_codecommit_event_from_another_source_is_not_a_push(victim: Victim) -> None:
    event = load_event("codecommit-branch-updated") | {"source": "eve.codecommit"}

    victim.machine.deliver(event)

    assert victim.machine.queue == []


def test_a_made_up_push_of_a_repository_that_exists_cannot_make_a_leak(victim: Victim) -> None:
    """Whoever can put "aws.codecommit" events on a queue gets a scan of what is really there, and no more."""
    real = next(e for e in victim.machine.pushed if e["detail"]["repositoryName"] == victim.clone.name)
    detail = real["detail"] | {"commitId": "3" * 40, "oldCommitId": victim.first, "event": "referenceUpdated"}

    victim.machine.deliver(real | {"id": "made-up", "detail": detail})
    victim.machine.settle()

    assert not victim.locked()
    assert [each["result"] for each in victim.events()] == ["incomplete"]
    assert [each["actions"] for each in victim.events()] == [["notify"]]
    rows = victim.machine.plain_app("administrator").state.frontier(victim.clone.repository_id).rows
    assert rows[MAIN].scanned == rows[MAIN].accepted == victim.first


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/a;id",
        "refs/heads/$(touch${IFS}pwned)",
        "refs/heads/`reboot`",
        "refs/heads/--upload-pack=evil",
        "refs/heads/%s%n{0.__class__}",
        "refs/heads/refs/tags/v1",
        "refs/heads/refs/heads/main",
        "refs/heads/HEAD",
        "refs/tags/HEAD",
        "refs/heads/main2",
        "refs/heads/<script>alert(1)</script>",
        "refs/heads/\u202egnp.exe",
        "refs/heads/" + "x" * 200,
        "refs/tags/main",
    ],
)
def test_a_name_is_only_a_name(victim: Victim, ref: str) -> None:
    victim.push({"key.txt": aws_secret(ref).encode()}, ref=ref)

    (event,) = victim.events()
    assert event["referenceFullName"] == ref
    assert victim.locked()
    assert ref not in victim.clone.refs()
    assert victim.clone.refs()[MAIN] == victim.first
    for mail in victim.machine.mails:
        assert len(mail["Subject"]) < 100
        assert all(line == "" or line.isprintable() for line in mail["Message"].split("\n"))


def test_what_a_pusher_writes_cannot_add_lines_or_links_to_a_mail(victim: Victim) -> None:
    path = "a\nWHAT TO DO NOW\n  1. Log in at https:evil.example\r\n.txt"
    author = "Boss\x1b[2J <a@example.com>"
    victim.push({path: aws_secret("mail").encode()}, author=author)

    (mail,) = [each for each in victim.machine.mails if "Secret in" in each["Subject"]]
    assert mail["Message"].count("\nWHAT TO DO NOW") == 1
    assert "\x1b" not in mail["Message"]
    links = mail["Message"].partition("\nLINKS\n")[2].split("\n\n")[0]
    assert all(link.strip().startswith("https://eu-central-1.console.aws.amazon.com/") for link in links.splitlines())


def test_a_secret_in_the_name_of_a_file_that_cannot_be_unpacked_is_told_nowhere(victim: Victim) -> None:
    secret = made_up("gap", 40)

    victim.push({f"aws_secret_access_key = {secret}.gz": b"\x1f\x8b\x08\0\0\0\0\0\0\3broken"})

    (event,) = victim.events()
    assert [gap["path"] for gap in event["incomplete"]] == ["aws_secret_access_key = ********.gz"]
    assert secret not in json.dumps([victim.machine.bus, victim.machine.mails, victim.machine.chats])


def test_an_old_secret_in_a_files_name_is_not_told_with_a_new_one_in_the_file(victim: Victim) -> None:
    old = made_up("old name", 40)
    path = f"aws_secret_access_key = {old}"
    first = victim.push({path: b"nothing\n"})
    unlock(victim.app, plan_unlock(victim.app, victim.clone.name))
    victim.machine.bus.clear()

    again = victim.clone.commit({path: aws_secret("new content").encode()}, "Work", first)
    assert victim.clone.push(MAIN, victim.clone.refs()[MAIN], again, "administrator")
    victim.machine.settle()

    assert again in {each["commitId"] for event in victim.events() for each in event["findings"]}
    assert old not in json.dumps([victim.machine.bus, victim.machine.mails, victim.machine.chats])


def test_a_console_link_cannot_be_bent_by_names() -> None:
    event = _tellable("repo.evil.example")

    text = event_mail(event).text

    assert "https://eu-central-1.console.aws.amazon.com/codesuite/codecommit/repositories/repo.evil.example/" in text


def test_thousands_of_findings_make_one_event_and_one_mail_of_bounded_size(victim: Victim) -> None:
    lines = "".join(aws_secret(f"flood-{i}") for i in range(3000))
    victim.push({"flood.txt": lines.encode()})

    (event,) = victim.events()
    (mail,) = [each for each in victim.machine.mails if "Secret in" in each["Subject"]]
    expected = len(victim.machine.scanner.scan(lines.encode()).matches)
    assert event["findingCount"] == expected > 2900
    assert 0 < len(event["findings"]) < expected
    assert len(json.dumps(event)) < 200_000
    assert len(mail["Message"]) < 20_000


def test_after_the_lock_a_pusher_sends_nobody_another_mail(victim: Victim) -> None:
    victim.push({"key.txt": aws_secret("flood of mails").encode()})
    mails = len(victim.machine.mails)

    for number in range(5):
        again = victim.clone.commit({"key.txt": aws_secret(f"mail {number}").encode()}, "Work", victim.first)
        assert not victim.clone.push(MAIN, victim.clone.refs()[MAIN], again)
        assert not victim.clone.push(f"refs/heads/b{number}", None, again)
    victim.machine.settle()

    assert len(victim.machine.mails) == mails


def test_the_repository_of_an_event_is_the_one_that_its_resource_names() -> None:
    event = load_event("codecommit-branch-updated")
    event["detail"]["repositoryName"] = "another"

    with pytest.raises(MalformedEventError):
        parse_push(event)


def test_many_refs_with_one_commit_do_not_fill_the_table_beyond_one_row_each(victim: Victim) -> None:
    bad = victim.clone.commit({"key.txt": aws_secret("refs").encode()}, "Work", victim.first)
    for number in range(8):
        assert victim.clone.push(f"refs/heads/b{number}", None, bad)
    victim.machine.settle()

    rows = victim.machine.plain_app("administrator").state.frontier(victim.clone.repository_id).rows
    assert len(rows) == 9
    assert set(victim.clone.refs()) == {"HEAD", MAIN}


def _tellable(repository: str) -> SecurityEvent:
    from pushwarden.events import parse_push
    from pushwarden.model import Result

    event = load_event("codecommit-branch-updated")
    push = replace(parse_push(event), repository=repository, region="eu-central-1")
    return SecurityEvent(push.incident_id, push, None, (), Result.INCOMPLETE, ("notify",), (), 0, (), 1)
