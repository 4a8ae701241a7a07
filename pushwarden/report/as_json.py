"""``json``: the whole report as one object; ``docs/report-schema.json`` is its schema."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from pushwarden.report.model import Report
from pushwarden.report.record import envelope, finding_record, rule_records


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write the report as JSON, indented, in ASCII: controls and bidirectional marks stay escaped in a terminal."""
    document = envelope(report)
    document["rules"] = rule_records(report)
    document["findings"] = [finding_record(each, show_secrets=show_secrets) for each in report.findings]
    stream.write(dumps(document, indent=1) + b"\n")


def dumps(value: Any, *, indent: int | None = None) -> bytes:
    r"""Return ``value`` as ASCII JSON; ``##`` becomes ``#\u0023``, as build servers look for commands after it."""
    text = json.dumps(value, indent=indent, ensure_ascii=True, separators=None if indent else (",", ":"))
    return text.replace("##", "#\\u0023").encode("ascii")
