"""Which comments a leak brings, where they stand and what they say."""

from __future__ import annotations

from dataclasses import replace

from pushwarden.events import SecurityEvent, TellableFinding
from pushwarden.respond.comment import COMMENTS_MAX, plan
from tests.test_events import security_event

PARENT = "8" * 40


def event(*findings: TellableFinding) -> SecurityEvent:
    return replace(security_event(), findings=findings, finding_count=len(findings))


def finding(**more: object) -> TellableFinding:
    return replace(security_event().findings[0], **more)  # type: ignore[arg-type]


def test_a_comment_stands_at_file_and_line_against_the_first_parent() -> None:
    one = finding(source="file", path="a/b.txt", line=7)

    (note,) = plan(event(one), {str(one.commit): PARENT}).notes

    assert (note.commit, note.parent, note.path, note.line) == (one.commit, PARENT, "a/b.txt", 7)


def test_what_stands_in_a_message_is_commented_at_the_commit() -> None:
    one = finding(source="commit-message", path="<commit message>")

    (note,) = plan(event(one), {str(one.commit): None}).notes

    assert note.path is None
    assert "commit message" in note.text


def test_the_same_finding_has_the_same_token_and_another_one_another() -> None:
    one, other = finding(line=1), finding(line=2)
    parents = {str(one.commit): PARENT}

    first = plan(event(one, other, one), parents).notes
    second = plan(event(one, other), parents).notes

    assert [note.token for note in first] == [note.token for note in second]
    assert len({note.token for note in first}) == 2


def test_nothing_that_the_pusher_wrote_is_in_the_text() -> None:
    one = finding(path="![x](http://evil.example)", snippet="[click](http://evil.example)", author="<b>Eve</b>")

    (note,) = plan(event(one), {str(one.commit): PARENT}).notes

    assert "evil" not in note.text
    assert "Eve" not in note.text


def test_a_commit_that_is_gone_gets_no_comment_and_many_findings_get_a_bounded_number() -> None:
    many = [finding(line=i) for i in range(1, COMMENTS_MAX + 6)]

    assert plan(event(*many), {}).notes == ()
    limited = plan(event(*many), {str(many[0].commit): PARENT})
    assert (len(limited.notes), limited.left_out) == (COMMENTS_MAX, 5)
    assert "5 findings" in limited.explain()
