"""``junit``: JUnit XML, which every build server shows: one failed test per finding, one error per gap.

Links:
    https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from pushwarden.model import Gap
from pushwarden.report import clean
from pushwarden.report.model import Report, ReportedFinding
from pushwarden.report.record import finding_record


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write one suite. A clean scan is one passed test: many readers take an empty suite for an error."""
    cases = [_failure(each, show_secrets=show_secrets) for each in report.findings]
    cases += [_error(gap) for gap in report.gaps]
    if not cases:
        cases.append(f"<testcase{_attributes(classname='pushwarden', name='no secrets found')}/>")
    counts = {"tests": len(cases), "failures": len(report.findings), "errors": len(report.gaps)}
    numbers = "".join(f' {name}="{number}"' for name, number in counts.items())
    suite = _attributes(name=f"pushwarden scan {report.root}".rstrip())
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites{_attributes(name='pushwarden')}{numbers}>",
        f" <testsuite{suite}{numbers}>",
        *(f"  {case}" for case in cases),
        " </testsuite>",
        "</testsuites>",
    ]
    stream.write("\n".join(lines).encode() + b"\n")


def _failure(each: ReportedFinding, *, show_secrets: bool) -> str:
    finding = each.finding
    match = finding.match
    record = finding_record(each, show_secrets=show_secrets)
    facts = {
        "confidence": record["confidence"],
        "commit": record["commit"],
        "author": record["author"],
        "date": record["date"],
        "secret": record["secret"],
        "line": record["snippet"],
        "fingerprint": record["fingerprint"],
        "what to do": each.advice,
    }
    place = f"{finding.path}:{match.span.start_line}:{match.span.start_column}"
    body = "\n".join(f"{name}: {clean.xml(value)}" for name, value in facts.items() if value)
    case = _attributes(classname=match.rule_id, name=place, file=finding.path, line=str(match.span.start_line))
    failure = _attributes(type=match.rule_id, message=f"{match.title} at {place}")
    return f"<testcase{case}><failure{failure}>{escape(body)}</failure></testcase>"


def _error(gap: Gap) -> str:
    name = gap.path or gap.commit or gap.code
    case = _attributes(classname="incomplete", name=name)
    error = _attributes(type=gap.code, message=gap.message)
    return f"<testcase{case}><error{error}>{escape(clean.xml(gap.message))}</error></testcase>"


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(clean.xml(value))}" for name, value in values.items())
