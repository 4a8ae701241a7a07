"""``jsonl``: one finding per line, then one line that sums up; for streams and ``jq``."""

from __future__ import annotations

from typing import BinaryIO

from pushwarden.report.as_json import dumps
from pushwarden.report.model import Report
from pushwarden.report.record import envelope, finding_record


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write each finding as ``{"type": "finding", ...}`` and the rest as a last line ``{"type": "summary", ...}``."""
    stream.writelines(
        dumps({"type": "finding", **finding_record(each, show_secrets=show_secrets)}) + b"\n"
        for each in report.findings
    )
    stream.write(dumps({"type": "summary", **envelope(report)}) + b"\n")
