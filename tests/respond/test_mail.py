from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.events import SecurityEvent, SecurityResponse
from pushwarden.model import Gap, Result
from pushwarden.respond.mail import chat_message, console_url, event_mail, response_mail
from tests.test_events import security_event


def named(repository: str, **more: Any) -> SecurityEvent:
    event = security_event(**more)
    return replace(event, push=replace(event.push, repository=repository))


def test_the_mail_says_what_where_who_and_what_to_do() -> None:
    mail = event_mail(security_event())

    for part in (
        "shop",
        "main (updated)",
        "conf/********.txt, line 1",
        "Made-up key",
        "alice",
        "Revoke it.",
        "unlock shop",
        "time ran out",
    ):
        assert part in mail.text
    assert mail.subject == "[Pushwarden] Secret in shop: Made-up key"


@pytest.mark.parametrize("length", [1, 23, 100])
def test_a_subject_stays_below_a_hundred_characters(length: int) -> None:
    assert len(event_mail(named("r" * length)).subject) < 100


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_whatever_a_pusher_writes_stays_on_its_line(path: str, author: str, pusher: str) -> None:
    event = security_event()
    hostile = replace(event.findings[0], path=path, author=author, snippet=path, email=author)
    event = replace(event, findings=(hostile,), push=replace(event.push, pusher=pusher or None))
    mail = event_mail(event)

    plain = event_mail(security_event())
    assert mail.text.count("\n") == plain.text.count("\n")
    assert mail.subject.isascii()
    assert mail.subject.isprintable()
    assert all(c.isprintable() or c == "\n" for c in mail.text)


def test_many_findings_are_counted_and_not_all_listed() -> None:
    event = security_event()
    mail = event_mail(replace(event, findings=event.findings * 30, finding_count=12_345))

    assert "12335 more" in mail.text
    assert mail.subject.endswith("and 12344 more")


def test_an_incomplete_scan_without_findings_does_not_cry_leak() -> None:
    gaps = tuple(Gap("timeout", "time ran out") for _ in range(40))
    mail = event_mail(
        security_event(findings=(), finding_count=0, gaps=gaps, actions=("notify",), result=Result.INCOMPLETE)
    )

    assert mail.subject == "[Pushwarden] Incomplete scan in shop"
    assert "could not be scanned whole" in mail.text
    assert "30 more" in mail.text
    assert "Rotate" not in mail.text


@pytest.mark.parametrize(
    ("outcome", "word"), [("done", "done"), ("refused", "NOT done"), ("failed", "FAILED"), ("already", "nothing left")]
)
def test_a_response_says_in_its_subject_how_it_ended(outcome: str, word: str) -> None:
    response = SecurityResponse("pw-1", "reset", outcome, "So it is.", "shop", "refs/heads/main", "1", "eu-west-1", {})

    assert word in response_mail(response).subject


def test_the_chat_format_is_what_the_chat_service_reads() -> None:
    event = security_event()
    message = json.loads(chat_message(event_mail(event), event.incident_id))

    assert message["version"] == "1.0"
    assert message["source"] == "custom"
    assert message["metadata"]["threadId"] == event.incident_id
    assert message["content"]["description"].count("```") == 2


def test_console_links_are_quoted_and_go_to_the_right_partition() -> None:
    push = security_event().push

    assert console_url(push, "a/../b").endswith("/commit/a%2F..%2Fb?region=eu-central-1")
    assert console_url(replace(push, region="cn-north-1")).startswith("https://console.amazonaws.cn/")
