"""``csv``: a table for spreadsheets, one row per finding (RFC 4180, UTF-8)."""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO, Final

from pushwarden.report import clean
from pushwarden.report.model import Report
from pushwarden.report.record import finding_record

COLUMNS: Final = (
    "rule_id",
    "title",
    "confidence",
    "path",
    "start_line",
    "start_column",
    "end_line",
    "end_column",
    "commit",
    "author",
    "date",
    "in_head",
    "refs",
    "source",
    "decoded_from",
    "secret",
    "snippet",
    "fingerprint",
)


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write a heading and the rows, every cell quoted; a cell that looks like a formula starts with an apostrophe.

    An incomplete scan ends in one row per gap, with ``incomplete`` as its rule id, so that a table never hides one.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for each in report.findings:
        record = finding_record(each, show_secrets=show_secrets)
        table.writerow([_cell(record[column]) for column in COLUMNS])
    for gap in report.gaps:
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        row |= {"rule_id": "incomplete", "title": gap.message, "path": gap.path, "commit": gap.commit}
        table.writerow([_cell(row[column]) for column in COLUMNS])
    stream.write(text.getvalue().encode())


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return clean.cell(" ".join(value))
    return clean.cell(str(value))
