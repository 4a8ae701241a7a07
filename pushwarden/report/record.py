"""A finding as the plain record that JSON, CSV and HTML share."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from pushwarden.model import REDACTED, Person, Secret
from pushwarden.report import clean
from pushwarden.report.model import Report, ReportedFinding

SCHEMA_VERSION: Final = "1"
"""Version of the JSON report; it rises when a field changes its meaning or goes. See ``docs/report-schema.json``."""

_MARK: Final = 16


def finding_record(each: ReportedFinding, *, show_secrets: bool) -> dict[str, Any]:
    """Return the fields of a finding as ``docs/report-schema.json`` describes them."""
    finding = each.finding
    match = finding.match
    return {
        "rule_id": match.rule_id,
        "title": match.title,
        "confidence": match.confidence.label,
        "fingerprint": each.fingerprint,
        "path": clean.unicode(finding.path),
        "start_line": match.span.start_line,
        "end_line": match.span.end_line,
        "start_column": match.span.start_column,
        "end_column": match.span.end_column,
        "commit": finding.commit,
        "author": person_text(finding.author),
        "date": None if finding.author is None else clean.unicode(finding.author.date),
        "secret": secret_text(match.secret, show=show_secrets),
        "snippet": clean.unicode(match.snippet),
        "in_head": each.in_head,
        "refs": [clean.unicode(ref) for ref in each.refs],
        "source": finding.source.value,
        "decoded_from": [clean.unicode(encoding) for encoding in match.decoded_from],
    }


def rule_records(report: Report) -> dict[str, dict[str, Any]]:
    """Return title, advice and links of each rule that found something, by rule id, sorted."""
    rules: dict[str, dict[str, Any]] = {}
    for each in sorted(report.findings, key=lambda each: each.finding.match.rule_id):
        match = each.finding.match
        rules.setdefault(
            match.rule_id, {"title": match.title, "advice": each.advice, "references": list(each.references)}
        )
    return rules


def envelope(report: Report) -> dict[str, Any]:
    """Return what a report says beside its findings."""
    scanned, suppressed = report.scanned, report.suppressed
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "pushwarden", "version": report.tool_version, "rules_digest": report.rules_digest},
        "result": report.result.value,
        "scanned": {
            "commits": scanned.commits,
            "blobs": scanned.blobs,
            "files": scanned.files,
            "bytes": scanned.bytes,
            "refs": scanned.refs,
        },
        "incomplete": [
            {
                "code": gap.code,
                "message": clean.unicode(gap.message),
                "path": None if gap.path is None else clean.unicode(gap.path),
                "commit": gap.commit,
            }
            for gap in report.gaps
        ],
        "suppressed": {
            "total": suppressed.total,
            "by_kind": dict(sorted(suppressed.by_kind.items())),
            "unused": [{"where": clean.unicode(s.where), "what": clean.unicode(s.what)} for s in suppressed.unused],
            "expired": [
                {
                    "where": clean.unicode(s.where),
                    "what": clean.unicode(s.what),
                    "until": None if s.until is None else s.until.isoformat(),
                }
                for s in suppressed.expired
            ],
        },
    }


def secret_text(secret: Secret, *, show: bool) -> str:
    r"""Return the secret where it may be shown (bytes that are no UTF-8 as ``\xNN``), else the redaction mark."""
    return secret.reveal().decode("utf-8", "backslashreplace") if show else REDACTED


def person_text(person: Person | None) -> str | None:
    """Return ``Name <e-mail>`` as git writes it, or None."""
    return None if person is None else clean.unicode(f"{person.name} <{person.email}>")


def place_id(each: ReportedFinding) -> str:
    """Return an id of (rule, secret, path): the same when lines move, another one in another file."""
    path = each.finding.path.encode("utf-8", "surrogateescape")
    return hashlib.sha256(each.fingerprint.encode() + b"\0" + path).hexdigest()[: 2 * _MARK]
