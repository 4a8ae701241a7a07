from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from pushwarden.model import Confidence, Gap
from pushwarden.report import Report, ReportedFinding, write


def document_of(report: Report, **options: Any) -> Any:
    stream = io.BytesIO()
    write(report, "gitlab", stream, **options)
    return json.loads(stream.getvalue())


def test_the_scan_has_what_the_schema_asks_for(make_report: Callable[..., Report]) -> None:
    scan = document_of(make_report())["scan"]

    assert set(scan) == {"analyzer", "scanner", "type", "start_time", "end_time", "status", "messages"}
    assert set(scan["scanner"]) == {"id", "name", "version", "vendor"}
    assert (scan["type"], scan["status"]) == ("secret_detection", "success")


def test_a_vulnerability_has_its_place_commit_and_rule(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    (found,) = document_of(make_report(make_finding(path="src/app.py", line=3)))["vulnerabilities"]

    assert found["location"] == {
        "file": "src/app.py",
        "start_line": 3,
        "end_line": 3,
        "commit": {
            "sha": "3f2a9c1d04be3f2a9c1d04be3f2a9c1d04be3f2a",
            "author": "Ada Lovelace <ada@example.com>",
            "date": "2026-03-05T10:11:12+01:00",
        },
    }
    assert found["identifiers"][0]["value"] == "example-token"
    assert "raw_source_code_extract" not in found


def test_a_finding_outside_git_has_the_null_commit(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    (found,) = document_of(make_report(make_finding(commit=None, author=None)))["vulnerabilities"]

    assert found["location"]["commit"] == {"sha": "0" * 40}


@pytest.mark.parametrize(
    ("confidence", "severity"),
    [(Confidence.HIGH, "Critical"), (Confidence.MEDIUM, "High"), (Confidence.LOW, "Low")],
)
def test_confidence_decides_the_severity(
    confidence: Confidence,
    severity: str,
    make_finding: Callable[..., ReportedFinding],
    make_report: Callable[..., Report],
) -> None:
    (found,) = document_of(make_report(make_finding(confidence=confidence)))["vulnerabilities"]

    assert found["severity"] == severity


def test_a_gap_makes_the_scan_a_failure_with_a_message(make_report: Callable[..., Report]) -> None:
    scan = document_of(make_report(gaps=(Gap("timeout", "Slow.", "a\nb"),)))["scan"]

    assert scan["status"] == "failure"
    assert scan["messages"] == [{"level": "warn", "value": r"a\nb: Slow."}]
