"""``json``: the whole report as one object; ``docs/report-schema.json`` is its schema."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from pushwarden.report.model import Report
from pushwarden.report.record import envelope, finding_record, rule_records


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write the report as JSON, a finding on each line, in ASCII: controls and bidirectional marks stay escaped."""
    document = envelope(report)
    document["rules"] = rule_records(report)
    stream.write(b"{\n")
    stream.writelines(b" %s: %s,\n" % (dumps(name), dumps(value)) for name, value in document.items())
    stream.write(b' "findings": [')
    stream.writelines(
        (b",\n  " if index else b"\n  ") + dumps(finding_record(each, show_secrets=show_secrets))
        for index, each in enumerate(report.findings)
    )
    stream.write(b"\n ]\n}\n" if report.findings else b"]\n}\n")


def dumps(value: Any) -> bytes:
    r"""Return ``value`` as ASCII JSON; ``##`` becomes ``#\u0023``, as build servers look for commands after it."""
    # Without indentation: Python's fast encoder knows none.
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("##", "#\\u0023").encode("ascii")
