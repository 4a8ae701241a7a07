"""``sarif``: SARIF 2.1.0 for code scanning platforms.

Links:
    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, Final
from urllib.parse import quote

from pushwarden.model import Confidence, Gap, Source
from pushwarden.report import clean
from pushwarden.report.as_json import dumps
from pushwarden.report.model import Report, ReportedFinding
from pushwarden.report.record import finding_record, place_id

SCHEMA_URI: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: Final = {Confidence.HIGH: "error", Confidence.MEDIUM: "warning", Confidence.LOW: "note"}
_SEVERITIES: Final = {Confidence.HIGH: "9.0", Confidence.MEDIUM: "7.0", Confidence.LOW: "3.0"}
"""``security-severity``, which GitHub maps to critical (from 9.0), high (7.0), medium (4.0) and low."""
_LINK_SYNTAX: Final = re.compile(r"[\\\[\]]")


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write one run; gaps become notifications and make ``executionSuccessful`` false."""
    rules = sorted({each.finding.match.rule_id for each in report.findings})
    driver = {
        "name": "Pushwarden",
        "semanticVersion": report.tool_version,
        "rules": [_rule(report, rule_id) for rule_id in rules],
        "properties": {"rulesDigest": report.rules_digest},
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "What was scanned: the repository's root."}}},
        "invocations": [
            {
                "executionSuccessful": not report.gaps,
                "toolExecutionNotifications": [_notification(gap) for gap in report.gaps],
            }
        ],
        "results": [_result(each, rules, show_secrets=show_secrets) for each in report.findings],
    }
    stream.write(dumps({"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}) + b"\n")


def _rule(report: Report, rule_id: str) -> dict[str, Any]:
    hits = [each for each in report.findings if each.finding.match.rule_id == rule_id]
    confidence = max(each.finding.match.confidence for each in hits)
    rule: dict[str, Any] = {
        "id": rule_id,
        "shortDescription": {"text": hits[0].finding.match.title},
        "fullDescription": {"text": f"{hits[0].finding.match.title} in the repository."},
        "help": {"text": hits[0].advice or "Revoke the secret and replace it."},
        "defaultConfiguration": {"level": _LEVELS[confidence]},
        "properties": {"security-severity": _SEVERITIES[confidence], "tags": ["security", "secret"]},
    }
    if hits[0].references:
        rule["helpUri"] = hits[0].references[0]
    return rule


def _result(each: ReportedFinding, rules: list[str], *, show_secrets: bool) -> dict[str, Any]:
    match = each.finding.match
    record = finding_record(each, show_secrets=show_secrets)
    shown = ("confidence", "commit", "author", "date", "in_head", "refs", "source", "decoded_from", "secret")
    place = place_id(each)
    return {
        "ruleId": match.rule_id,
        "ruleIndex": rules.index(match.rule_id),
        "level": _LEVELS[match.confidence],
        "message": {"text": _plain(_message(each))},
        "locations": [{"physicalLocation": _location(each)}],
        "partialFingerprints": {
            "pushwardenSecret/v1": each.fingerprint,
            "pushwardenPlace/v1": place,
            # The only one that GitHub compares. Not of a line: moving the secret must not open a second alert.
            "primaryLocationLineHash": f"{place[:16]}:1",
        },
        "properties": {name: record[name] for name in shown if record[name] is not None},
    }


def _message(each: ReportedFinding) -> str:
    source = each.finding.source
    where = "" if source is Source.FILE else f" in a {source.value.replace('-', ' ')}"
    return f"{each.finding.match.title}{where}. {each.advice}".rstrip()


def _location(each: ReportedFinding) -> dict[str, Any]:
    span = each.finding.match.span
    return {
        "artifactLocation": _artifact(each.finding.path),
        "region": {
            "startLine": span.start_line,
            "startColumn": span.start_column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
            "snippet": {"text": clean.unicode(each.finding.match.snippet)},
        },
    }


def _artifact(path: str) -> dict[str, Any]:
    uri = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    return {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}


def _notification(gap: Gap) -> dict[str, Any]:
    notification: dict[str, Any] = {
        "level": "error",
        "descriptor": {"id": gap.code},
        "message": {"text": _plain(gap.message)},
    }
    if gap.path is not None:
        notification["locations"] = [{"physicalLocation": {"artifactLocation": _artifact(gap.path)}}]
    if gap.commit is not None:
        notification["properties"] = {"commit": gap.commit}
    return notification


def _plain(text: str) -> str:
    r"""Escape what a message would show as a link: section 3.11.6 of the standard; and keep it on one line."""
    return _LINK_SYNTAX.sub(r"\\\g<0>", clean.line(text))
