"""``gitlab``: GitLab's secret detection report, for ``artifacts: reports: secret_detection``.

Links:
    https://gitlab.com/gitlab-org/security-products/security-report-schemas
"""

from __future__ import annotations

from typing import Any, BinaryIO, Final

from pushwarden.model import Confidence, Gap
from pushwarden.report import clean
from pushwarden.report.as_json import dumps
from pushwarden.report.model import Report, ReportedFinding
from pushwarden.report.record import finding_record, place_id

SCHEMA_VERSION: Final = "15.2.4"
NO_TIME: Final = "1970-01-01T00:00:00"
"""The schema asks for the times of the scan; a report that is the same for the same findings cannot know them."""
NO_COMMIT: Final = "0" * 40
"""The schema asks for a commit; this stands for a finding outside git."""

_SEVERITIES: Final = {Confidence.HIGH: "Critical", Confidence.MEDIUM: "High", Confidence.LOW: "Low"}


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write the report; gaps become messages of level ``warn`` and the status ``failure``."""
    tool = {
        "id": "pushwarden",
        "name": "Pushwarden",
        "version": report.tool_version,
        "vendor": {"name": "Pushwarden"},
    }
    document = {
        "version": SCHEMA_VERSION,
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": "secret_detection",
            "start_time": NO_TIME,
            "end_time": NO_TIME,
            "status": "failure" if report.gaps else "success",
            "messages": [{"level": "warn", "value": _gap(gap)} for gap in report.gaps],
        },
        "vulnerabilities": [_vulnerability(each, show_secrets=show_secrets) for each in report.findings],
    }
    stream.write(dumps(document) + b"\n")


def _vulnerability(each: ReportedFinding, *, show_secrets: bool) -> dict[str, Any]:
    match = each.finding.match
    record = finding_record(each, show_secrets=show_secrets)
    name = {"type": "pushwarden_rule_id", "name": f"Pushwarden rule {match.rule_id}", "value": match.rule_id}
    if each.references:
        name["url"] = each.references[0]
    vulnerability = {
        "id": place_id(each),
        "category": "secret_detection",
        "name": match.title,
        "description": f"{match.title}, {match.confidence.label} confidence.",
        "severity": _SEVERITIES[match.confidence],
        "solution": each.advice,
        "location": {
            "file": record["path"],
            "start_line": match.span.start_line,
            "end_line": match.span.end_line,
            "commit": _commit(record),
        },
        "identifiers": [name],
    }
    if show_secrets:
        vulnerability["raw_source_code_extract"] = record["secret"]
    return vulnerability


def _commit(record: dict[str, Any]) -> dict[str, Any]:
    commit = {"sha": record["commit"] or NO_COMMIT}
    if record["author"] is not None:
        commit |= {"author": record["author"], "date": record["date"]}
    return commit


def _gap(gap: Gap) -> str:
    place = gap.path or gap.commit
    return clean.line(gap.message if place is None else f"{place}: {gap.message}")
