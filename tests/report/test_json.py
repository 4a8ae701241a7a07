from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.model import Confidence, Gap, Person, Source
from pushwarden.report import Report, ReportedFinding, write
from pushwarden.suppress import Kind, Stale, Suppressed

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report-schema.json").read_text())
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=30)


def written(report: Report, format_: str = "json", **options: Any) -> bytes:
    stream = io.BytesIO()
    write(report, format_, stream, **options)
    return stream.getvalue()


def checked(data: bytes) -> Any:
    document = json.loads(data)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_finding_has_every_field(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    finding = make_finding("tok-1", decoded_from=("zip:a.txt", "base64"), source=Source.NOTE, path="<note>")

    (record,) = checked(written(make_report(finding)))["findings"]

    assert record == {
        "rule_id": "example-token",
        "title": "Example token",
        "confidence": "high",
        "fingerprint": finding.fingerprint,
        "path": "<note>",
        "start_line": 12,
        "end_line": 12,
        "start_column": 10,
        "end_column": 15,
        "commit": "3f2a9c1d04be3f2a9c1d04be3f2a9c1d04be3f2a",
        "author": "Ada Lovelace <ada@example.com>",
        "date": "2026-03-05T10:11:12+01:00",
        "secret": "********",
        "snippet": 'token = "********"',
        "in_head": True,
        "refs": ["refs/heads/main", "refs/tags/v1.0"],
        "source": "note",
        "decoded_from": ["zip:a.txt", "base64"],
    }


def test_the_rest_of_the_report_is_counts_gaps_and_suppressions(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    stale = Stale(Kind.IGNORE_FILE, ".pushwarden-ignore:7", "0d2f9a7be1c3… github-pat")
    gap = Gap("timeout", "It took more than 60 s; scan it alone.", "big.log", "ab" * 20)
    report = make_report(
        make_finding(), gaps=(gap,), suppressed=Suppressed(3, {"inline": 1, "config": 2}, (stale,), ())
    )

    document = checked(written(report))

    assert document["result"] == "incomplete"
    assert document["scanned"] == {"commits": 41, "blobs": 189, "files": 12, "bytes": 4130000, "refs": 3}
    assert document["incomplete"] == [
        {"code": "timeout", "message": gap.message, "path": "big.log", "commit": "ab" * 20}
    ]
    assert document["suppressed"]["by_kind"] == {"config": 2, "inline": 1}
    assert document["suppressed"]["unused"] == [{"where": stale.where, "what": stale.what}]
    assert document["rules"]["example-token"]["advice"].startswith("Revoke it")


def test_a_finding_outside_git_has_nulls(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    finding = make_finding(commit=None, author=None, in_head=None, refs=())

    (record,) = checked(written(make_report(finding)))["findings"]

    assert [record[name] for name in ("commit", "author", "date", "in_head")] == [None] * 4
    assert record["refs"] == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=ANYTHING, other=ANYTHING, secret=st.binary(min_size=1, max_size=20))
def test_hostile_text_keeps_the_report_valid_ascii(
    make_finding: Callable[..., ReportedFinding],
    make_report: Callable[..., Report],
    path: str,
    other: str,
    secret: bytes,
) -> None:
    finding = make_finding(secret, path=path, snippet=other, author=Person(other, other, other))

    data = written(make_report(finding), show_secrets=True)

    data.decode("ascii")
    assert b"##" not in data
    (record,) = checked(data)["findings"]
    assert record["path"].encode() or not path
    if path.isprintable():
        assert record["path"] == path


@pytest.mark.parametrize(
    ("format_", "kept"), [("json", "##[x]"), ("jsonl", "##[x]"), ("gitlab", "##[x]"), ("sarif", "##vso[task]y")]
)
def test_commands_of_build_servers_are_escaped_and_read_back(
    format_: str, kept: str, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    data = written(make_report(make_finding(snippet="##vso[task]y", path="##[x]")), format_)

    assert b"##" not in data
    documents = data.splitlines() if format_ == "jsonl" else [data]
    assert kept in str([json.loads(document) for document in documents])


@pytest.mark.parametrize("confidence", list(Confidence))
def test_confidence_is_its_word(
    confidence: Confidence, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    (record,) = checked(written(make_report(make_finding(confidence=confidence))))["findings"]

    assert record["confidence"] == confidence.label


def test_json_lines_are_one_object_per_finding_and_a_summary(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    report = make_report(make_finding("tok-1", line=1), make_finding("tok-2", line=2, path="x\ny"))

    lines = [json.loads(line) for line in written(report, "jsonl").splitlines()]
    whole = checked(written(report))

    assert [line.pop("type") for line in lines] == ["finding", "finding", "summary"]
    assert lines[:2] == whole["findings"]
    assert lines[2]["result"] == "findings"
