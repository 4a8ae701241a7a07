"""Reports of a scan: one module per format, imported only when it is asked for.

Paths, messages and names in a report were written by whoever pushed. Every format makes them harmless in its own way:
see :mod:`pushwarden.report.clean`.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import PurePath
from typing import BinaryIO, Final, Protocol, cast

from pushwarden.errors import UsageError
from pushwarden.report.model import Report, ReportedFinding, Scanned, Suppressed, in_order, result_of
from pushwarden.report.summary import summary

__all__ = [
    "FORMATS",
    "Report",
    "ReportedFinding",
    "Scanned",
    "Suppressed",
    "format_for_path",
    "in_order",
    "result_of",
    "summary",
    "write",
]

FORMATS: Final = ("text", "json", "jsonl", "sarif", "csv", "junit", "html", "github", "gitlab")
"""The names that ``--format`` takes."""

_BY_SUFFIX: Final = {
    ".txt": "text",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".sarif": "sarif",
    ".csv": "csv",
    ".xml": "junit",
    ".html": "html",
    ".htm": "html",
}


class _Format(Protocol):
    def write(
        self, report: Report, stream: BinaryIO, *, show_secrets: bool, color: bool, width: int, elapsed_s: float | None
    ) -> None: ...


def write(
    report: Report,
    format: str,  # noqa: A002 - the word of the option
    stream: BinaryIO,
    *,
    show_secrets: bool = False,
    color: bool = False,
    width: int = 100,
    elapsed_s: float | None = None,
) -> None:
    """Write a report in one of :data:`FORMATS`.

    Args:
        report: What to write; findings are put in order here.
        format: The format's name.
        stream: Where the bytes go; UTF-8, flushed by the caller.
        show_secrets: Whether the secrets themselves are written; everything is redacted without it.
        color: Whether ``text`` uses terminal colours; other formats have none.
        width: Columns of the terminal, for ``text``.
        elapsed_s: Duration of the scan in seconds, for ``text`` only: other formats are the same for the same findings.

    Raises:
        UsageError: There is no such format.
        OSError: The stream cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(f"there is no report format {format!r}; use one of {', '.join(FORMATS)}")
    module = cast("_Format", importlib.import_module(f"pushwarden.report.as_{format}"))
    ordered = replace(report, findings=in_order(report.findings))
    module.write(ordered, stream, show_secrets=show_secrets, color=color, width=width, elapsed_s=elapsed_s)


def format_for_path(path: str) -> str:
    """Return the format that a report file's name asks for.

    ``gl-secret-detection-report.json``, GitLab's own name for its artifact, means ``gitlab``.

    Raises:
        UsageError: The name's extension says no format.
    """
    name = PurePath(path).name.lower()
    if name == "gl-secret-detection-report.json":
        return "gitlab"
    if name.endswith(".sarif.json"):
        return "sarif"
    suffix = PurePath(name).suffix
    if suffix not in _BY_SUFFIX:
        known = ", ".join(sorted(_BY_SUFFIX))
        raise UsageError(f"the name {path!r} says no report format; say --format, or end it in one of {known}")
    return _BY_SUFFIX[suffix]
