"""What leaves Pushwarden: reports, mails, events. Names, paths and messages in them are a stranger's."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from html.parser import HTMLParser
from typing import Any, Final
from xml.etree import ElementTree as ET

from bench.fuzz.choices import NASTY, Choices
from bench.fuzz.foreseen import foreseen
from pushwarden.events import (
    MalformedEventError,
    SecurityEvent,
    SecurityResolution,
    SecurityResponse,
    parse_push,
)
from pushwarden.events.findings import safe_text, tell
from pushwarden.model import Confidence, Finding, Gap, Match, Person, Result, Secret, Source, Span
from pushwarden.report import FORMATS, Report, ReportedFinding, Scanned, Suppressed, clean, redact, write
from pushwarden.respond.mail import SUBJECT_MAX, Mail, chat_message, event_mail, response_mail
from pushwarden.respond.report_mail import BackfillReport, report_mail
from pushwarden.suppress.model import Kind, Stale

_SECRET: Final = "q7Zk2Vw9Xr4Tn8Bd5Hs1"
_SPAN: Final = Span(3, 9, 1, 4, 1, 10)
_PUSH: Final[dict[str, Any]] = {
    "version": "0", "id": "8f5cbb26-4b2a-4c1e-9d0e-5d7f2b2b7a55", "detail-type": "CodeCommit Repository State Change",
    "source": "aws.codecommit", "account": "123456789012", "time": "2026-11-23T09:00:00Z", "region": "eu-central-1",
    "resources": ["arn:aws:codecommit:eu-central-1:123456789012:shop"],
    "detail": {
        "callerUserArn": "arn:aws:iam::123456789012:user/alice", "event": "referenceUpdated", "repositoryName": "shop",
        "repositoryId": "12345678-1234-5678-abcd-12345678abcd", "referenceType": "branch", "referenceName": "main",
        "referenceFullName": "refs/heads/main", "commitId": "4" * 40, "oldCommitId": "3" * 40,
    },
}  # fmt: skip
_TEXTS: Final = (
    *NASTY,
    "refs/heads/main",
    "refs/tags/x",
    "1" * 40,
    "2026-11-23T09:00:00+00:00",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
)


def reports(data: bytes) -> None:
    """Fuzz what reports do with strangers' text, piece by piece."""
    text = data.decode("utf-8", "surrogateescape")
    shown = clean.line(text)
    assert "\n" not in shown
    assert shown.isprintable()
    clean.unicode(text).encode()
    clean.xml(text).encode()
    assert not clean.cell(text).startswith(("=", "+", "-", "@"))
    assert safe_text(text, frozenset()).isprintable()


def reports_made(data: bytes) -> None:
    """Fuzz whole reports in every format, and read them back as their readers do."""
    choices = Choices(data)
    report = redact.redacted(_report(choices))
    out = {name: _written(report, name, color=False) for name in FORMATS}
    for name, text in out.items():
        assert _SECRET not in text, name
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), name
    assert len(json.loads(out["json"])["findings"]) == len(report.findings)
    assert all(json.loads(line) for line in out["jsonl"].splitlines())
    json.loads(out["sarif"])
    json.loads(out["gitlab"])
    ET.fromstring(out["junit"])
    rows = list(csv.reader(io.StringIO(out["csv"], newline="")))
    assert len(rows) == 1 + len(report.findings) + len(report.gaps)
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in rows for cell in row)
    assert all(line.startswith("::") for line in out["github"].splitlines())
    assert out["github"].count("\n") == len(report.findings) + len(report.gaps)
    assert not any(line.startswith(("::", "##")) for line in out["text"].splitlines())
    page = _Page()
    page.feed(out["html"])
    assert page.tags == _expected_tags()
    _written(report, "text", color=True)


def mails(data: bytes) -> None:
    """Fuzz mails and chat messages about whatever a pusher may have named."""
    choices = Choices(data)
    told = tuple(
        tell(_finding(choices), fingerprint="0" * 32, advice="Rotate it.", secrets=frozenset({_SECRET.encode()}))
        for _ in range(choices.number(4))
    )
    gaps = tuple(
        Gap("x", safe_text(choices.text(), frozenset()), safe_text(choices.text(), frozenset()))
        for _ in range(choices.number(2))
    )
    event = json.loads(json.dumps(_PUSH))
    event["detail"]["referenceFullName"] = "refs/heads/" + choices.text()
    event["detail"]["callerUserArn"] = choices.text().encode("utf-8", "replace").decode()
    try:
        push = parse_push(event)
    except MalformedEventError:
        return
    result = Result.INCOMPLETE if gaps else Result.FINDINGS
    leak = SecurityEvent(push.incident_id, push, None, (), result, ("notify", "lock"), told, len(told), gaps, 1)
    detail = json.loads(json.dumps(leak.to_detail()))
    assert SecurityEvent.from_detail(detail).to_detail() == detail
    mail = event_mail(leak)
    _check_mail(mail, leak.incident_id)
    links = [word for word in mail.text.split() if "://" in word]
    assert all(link.startswith("https://eu-central-1.console.aws.amazon.com/") for link in links), links
    response = SecurityResponse(
        push.incident_id,
        "lock",
        "done",
        choices.text(),
        push.repository,
        push.ref,
        push.account,
        push.region,
        {"a": choices.text()},
    )
    _check_mail(response_mail(response), leak.incident_id)


def events(data: bytes) -> None:
    """Fuzz the parsers of the events."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    _parse_all(value)


def events_made(data: bytes) -> None:
    """Fuzz the same with good events, some of whose fields hold anything."""
    choices = Choices(data)
    event = json.loads(json.dumps(_PUSH))
    push = parse_push(event)
    leak = SecurityEvent(
        push.incident_id,
        push,
        None,
        ("5" * 40,),
        Result.FINDINGS,
        ("notify",),
        (tell(_finding(choices), fingerprint="0" * 32, advice="", secrets=frozenset()),),
        1,
        (),
        1,
    )
    response = SecurityResponse(
        push.incident_id, "lock", "done", "Done.", "shop", push.ref, push.account, push.region, {}
    )
    resolution = SecurityResolution("", "shop", push.repository_id, push.repository_arn, "Done.", push.time)
    totals = dict.fromkeys(("scanned", "leaky", "commits", "high", "medium", "low", "gaps", "unscanned"), 1)
    report = BackfillReport("run", "eu-central-1", "s3://b/p", totals, (("shop", 1, 2, 3, 4),))
    made = choices.pick((event, leak.to_detail(), response.to_detail(), resolution.to_detail(), report.to_detail()))
    for _ in range(choices.number(3)):
        within = made
        while True:
            key = choices.pick(sorted(within) if isinstance(within, dict) else range(len(within)))
            if isinstance(within[key], dict | list) and within[key] and choices.flag():
                within = within[key]
                continue
            within[key] = choices.pick(_TEXTS) if choices.flag() else choices.value()
            break
    _parse_all(made)


def _parse_all(value: Any) -> None:
    detail: Any = value.get("detail") if isinstance(value, dict) and "detail" in value else value
    foreseen(lambda: _told(parse_push(value).incident_id))
    foreseen(lambda: event_mail(SecurityEvent.from_detail(detail)))
    foreseen(lambda: response_mail(SecurityResponse.from_detail(detail)))
    foreseen(lambda: SecurityResolution.from_detail(detail).to_detail())
    foreseen(lambda: report_mail(BackfillReport.from_detail(detail)))


def _told(incident_id: str) -> None:
    assert re.fullmatch(r"pw-[0-9a-f]{20}", incident_id)


def _check_mail(mail: Mail, incident_id: str) -> None:
    assert len(mail.subject) <= SUBJECT_MAX
    assert mail.subject.isascii()
    assert mail.subject.isprintable()
    assert all(line == "" or line.isprintable() for line in mail.text.split("\n"))
    assert _SECRET not in mail.text
    content = json.loads(chat_message(mail, incident_id))["content"]
    assert content["description"].count("```") == 2


def _finding(choices: Choices) -> Finding:
    secret = Secret(choices.pick((_SECRET.encode(), b"\xff" + _SECRET.encode())))
    snippet = choices.text() + "********"
    match = Match(
        "a-rule",
        "A title",
        choices.pick(tuple(Confidence)),
        secret,
        _SPAN,
        snippet,
        (choices.text(),) if choices.flag() else (),
    )
    path = _stored(choices) + (secret.reveal().decode("utf-8", "surrogateescape") if choices.flag() else "")
    author = Person(_stored(choices), _stored(choices), choices.pick(_TEXTS)) if choices.flag() else None
    commit = choices.pick((None, "1" * 40))
    return Finding(match, path, choices.pick(tuple(Source)), commit, author)


def _stored(choices: Choices) -> str:
    """Return a text as it comes from git: bytes, the undecodable ones kept as surrogate escapes."""
    return choices.text().replace("\ud800", "?")


def _report(choices: Choices) -> Report:
    findings = tuple(
        ReportedFinding(
            _finding(choices),
            "0" * 32,
            choices.pick((None, True, False)),
            (_stored(choices),),
            "Rotate it.",
            ("https://example.com/",),
        )
        for _ in range(choices.number(4))
    )
    gaps = tuple(
        Gap("a-code", choices.text(), choices.pick((None, _stored(choices))), choices.pick((None, "1" * 40)))
        for _ in range(choices.number(3))
    )
    stale = tuple(Stale(Kind.CONFIG, choices.text(), choices.text(), date.min) for _ in range(choices.number(2)))
    result = Result.INCOMPLETE if gaps else Result.FINDINGS if findings else Result.CLEAN
    return Report(
        result,
        findings,
        gaps,
        Scanned(1, 2, 3, 4, 5),
        Suppressed(1, {"inline": 1}, stale, stale),
        "1.0",
        "0" * 64,
        choices.text(),
    )


def _written(report: Report, name: str, *, color: bool) -> str:
    out = io.BytesIO()
    write(report, name, out, color=color, width=80, elapsed_s=1.0)
    return out.getvalue().decode("utf-8")


class _Page(HTMLParser):
    """Counts the elements of a page whose number a stranger's text must not change."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"details", "summary", "ul", "li", "code"}:
            self.tags[tag] = self.tags.get(tag, 0) + 1
        assert not any(name.startswith("on") for name, _ in attrs)


def _expected_tags() -> dict[str, int]:
    page = _Page()
    empty = Report(Result.CLEAN, (), (), Scanned(), Suppressed(), "1.0", "0" * 64, "x")
    page.feed(_written(empty, "html", color=False))
    return page.tags
