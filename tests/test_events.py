from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.events import (
    Change,
    MalformedEventError,
    SecurityEvent,
    SecurityResponse,
    parse_push,
    redact_text,
    tell,
)
from pushwarden.model import Confidence, Finding, Gap, Match, Person, Result, Secret, Span
from tests.conftest import load_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def changed(path: str, value: Any) -> dict[str, Any]:
    event = load_event("codecommit-branch-updated")
    *parents, last = path.split(".")
    inner = event
    for key in parents:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return event


def test_a_branch_update_is_read_whole() -> None:
    push = parse_push(load_event("codecommit-branch-updated"))

    assert (push.repository, push.ref, push.change) == ("shop", "refs/heads/main", Change.UPDATED)
    assert push.pusher == "arn:aws:iam::123456789012:user/alice"
    assert push.old is not None
    assert push.new is not None
    assert push.time == "2026-11-23T09:00:00+00:00"


def test_the_same_event_has_the_same_incident_and_another_one_another() -> None:
    event = load_event("codecommit-branch-updated")
    again = copy.deepcopy(event)
    other = {**copy.deepcopy(event), "id": "another"}

    assert parse_push(event).incident_id == parse_push(again).incident_id
    assert parse_push(event).incident_id != parse_push(other).incident_id


def test_who_pushed_may_be_missing() -> None:
    assert parse_push(changed("detail.callerUserArn", None)).pusher is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("source", "evil.corp"),
        ("id", ""),
        ("time", "yesterday"),
        ("resources", []),
        ("resources", ["arn:aws:codecommit:eu-central-1:123456789012:another"]),
        ("account", "999999999999"),
        ("detail.repositoryName", "../../etc"),
        ("detail.repositoryName", "a" * 101),
        ("detail.referenceFullName", "refs/heads/main\n0000"),
        ("detail.referenceFullName", "refs/heads/a b"),
        ("detail.referenceFullName", "refs/heads/a..b"),
        ("detail.referenceFullName", "refs/remotes/x"),
        ("detail.referenceFullName", "main"),
        ("detail.commitId", "abc"),
        ("detail.commitId", None),
        ("detail.oldCommitId", "--upload-pack=id"),
        ("detail.event", "referenceExploded"),
        ("detail", None),
    ],
)
def test_what_codecommit_would_never_send_is_refused(path: str, value: Any) -> None:
    with pytest.raises(MalformedEventError):
        parse_push(changed(path, value))


@given(JSON)
def test_any_json_is_read_or_refused(event: Any) -> None:
    with pytest.raises(MalformedEventError):
        parse_push(event)


@given(
    st.sampled_from(
        ["source", "time", "resources", "detail.repositoryName", "detail.referenceFullName", "detail.event"]
    ),
    JSON,
)
def test_a_garbled_field_is_read_or_refused(path: str, value: Any) -> None:
    with contextlib.suppress(MalformedEventError):
        parse_push(changed(path, value))


def security_event(**more: Any) -> SecurityEvent:
    push = parse_push(load_event("codecommit-branch-updated"))
    told = tell(finding(), fingerprint="f" * 32, advice="Revoke it.", secrets=frozenset({b"s3cr3t-value"}))
    values: dict[str, Any] = {
        "incident_id": push.incident_id,
        "push": push,
        "accepted": push.old,
        "base_commits": (push.old,),
        "result": Result.INCOMPLETE,
        "actions": ("notify", "lock", "reset"),
        "findings": (told,),
        "finding_count": 1,
        "gaps": (Gap("timeout", "time ran out", "a/b", push.new),),
        "commits_scanned": 3,
    }
    return SecurityEvent(**{**values, **more})


def finding(path: str = "conf/s3cr3t-value.txt", author: str = "Eve\x1b[31m\u202e") -> Finding:
    match = Match(
        "made-up", "Made-up key", Confidence.HIGH, Secret(b"s3cr3t-value"), Span(0, 12, 1, 1, 1, 13), "key = ********"
    )
    return Finding(
        match, path, commit="4c925148aad6d6f3a1f6d0d9a2f7d6b5c4e3f201", author=Person(author, "e@example.com", "")
    )


def test_a_security_event_comes_back_as_it_was_sent() -> None:
    event = security_event()

    assert SecurityEvent.from_detail(json.loads(json.dumps(event.to_detail()))) == event


def test_a_forged_incident_id_is_refused() -> None:
    detail = {**security_event().to_detail(), "incidentId": "pw-00000000000000000000"}

    with pytest.raises(MalformedEventError, match="incident id"):
        SecurityEvent.from_detail(detail)


@given(st.dictionaries(st.sampled_from(sorted(security_event().to_detail())), JSON, min_size=1, max_size=3))
def test_a_garbled_security_event_is_read_or_refused(garbled: dict[str, Any]) -> None:
    with contextlib.suppress(MalformedEventError):
        SecurityEvent.from_detail({**security_event().to_detail(), **garbled})


def test_a_response_comes_back_as_it_was_sent() -> None:
    response = SecurityResponse(
        "pw-1", "lock", "done", "Locked.", "shop", "refs/heads/main", "1", "eu-west-1", {"a": "b"}
    )

    assert SecurityResponse.from_detail(json.loads(json.dumps(response.to_detail()))) == response


def test_nothing_that_is_told_holds_a_secret_or_a_control_character() -> None:
    told = tell(finding(), fingerprint="f", advice="", secrets=frozenset({b"s3cr3t-value"}))

    assert told.path == "conf/********.txt"
    assert told.author == "Eve [31m "


def test_redacting_takes_the_longest_secret_first() -> None:
    assert redact_text("abcdef abc", frozenset({b"abc", b"abcdef"})) == "******** ********"
