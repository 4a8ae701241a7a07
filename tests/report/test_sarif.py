from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.model import Confidence, Gap, Source
from pushwarden.report import Report, ReportedFinding, write


@cache
def validator() -> jsonschema.Draft4Validator:
    schema = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())


def run_of(report: Report, **options: Any) -> Any:
    stream = io.BytesIO()
    write(report, "sarif", stream, **options)
    document = json.loads(stream.getvalue())
    validator().validate(document)
    (run,) = document["runs"]
    return run


def test_a_clean_scan_is_a_successful_run_without_results(make_report: Callable[..., Report]) -> None:
    run = run_of(make_report())

    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True


def test_a_result_points_at_its_rule_and_place(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    run = run_of(make_report(make_finding(path="src/a b.py", line=7), make_finding(rule_id="a-rule")))
    result = next(each for each in run["results"] if each["ruleId"] == "example-token")

    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    place = result["locations"][0]["physicalLocation"]
    assert rule["id"] == "example-token"
    assert rule["helpUri"] == "https://docs.example.com/tokens"
    assert place["artifactLocation"] == {"uri": "src/a%20b.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"]["startLine"] == 7


@pytest.mark.parametrize(
    ("confidence", "level", "severity"),
    [(Confidence.HIGH, "error", "9.0"), (Confidence.MEDIUM, "warning", "7.0"), (Confidence.LOW, "note", "3.0")],
)
def test_confidence_decides_level_and_severity(
    confidence: Confidence,
    level: str,
    severity: str,
    make_finding: Callable[..., ReportedFinding],
    make_report: Callable[..., Report],
) -> None:
    run = run_of(make_report(make_finding(confidence=confidence)))

    assert run["results"][0]["level"] == level
    assert run["tool"]["driver"]["rules"][0]["properties"]["security-severity"] == severity


def prints(report: Report) -> Any:
    return run_of(report)["results"][0]["partialFingerprints"]


def test_fingerprints_survive_moving_lines_and_differ_by_file_and_secret(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    here = prints(make_report(make_finding("tok-1", line=3)))

    assert prints(make_report(make_finding("tok-1", line=99, commit="ab" * 20))) == here
    elsewhere = prints(make_report(make_finding("tok-1", path="other.py")))
    assert elsewhere["pushwardenSecret/v1"] == here["pushwardenSecret/v1"]
    assert elsewhere["primaryLocationLineHash"] != here["primaryLocationLineHash"]
    assert prints(make_report(make_finding("tok-2")))["pushwardenSecret/v1"] != here["pushwardenSecret/v1"]


def test_gaps_are_errors_of_an_unsuccessful_run(make_report: Callable[..., Report]) -> None:
    gaps = (Gap("too-large", "Larger than [256 MiB](x).", "a.bin"), Gap("missing-object", "Fetch it.", None, "ab" * 20))
    invocation = run_of(make_report(gaps=gaps))["invocations"][0]

    assert invocation["executionSuccessful"] is False
    first, second = invocation["toolExecutionNotifications"]
    assert (first["level"], first["descriptor"]["id"]) == ("error", "too-large")
    assert first["message"]["text"] == r"Larger than \[256 MiB\](x)."
    assert second["properties"] == {"commit": "ab" * 20}


def test_an_absolute_path_is_a_file_uri(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    run = run_of(make_report(make_finding(path="/tmp/x:y")))

    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "file:///tmp/x%3Ay"}


def test_a_place_that_is_no_file_is_told_in_the_message(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    run = run_of(make_report(make_finding(source=Source.COMMIT_MESSAGE, path="<commit-message>")))

    assert run["results"][0]["message"]["text"].startswith("Example token in a commit message.")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(exclude_categories=(), exclude_characters="\0"), min_size=1, max_size=30))
def test_any_path_gives_a_valid_document(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], path: str
) -> None:
    if any(0xD800 <= ord(each) < 0xDC80 or 0xDD00 <= ord(each) <= 0xDFFF for each in path):
        return  # a path from a file system has no other surrogates than those of undecodable bytes
    uri = run_of(make_report(make_finding(path=path)))["results"][0]["locations"][0]["physicalLocation"]

    assert uri["artifactLocation"]["uri"].isascii()
