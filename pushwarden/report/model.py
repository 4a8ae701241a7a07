"""What a report says, whatever its format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pushwarden.model import Confidence, Finding, Gap, Result
from pushwarden.suppress.model import Suppressed

__all__ = ["Report", "ReportedFinding", "Scanned", "Suppressed", "counts", "in_order", "result_of"]


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding with all that a reader wants to know beside it."""

    finding: Finding
    fingerprint: str
    """Keyed fingerprint of (rule, secret): ``Suppressions.fingerprint(finding)``."""
    in_head: bool | None
    """Whether the secret still stands in HEAD; None where there is no HEAD (files, standard input)."""
    refs: tuple[str, ...]
    """Names of the refs that hold the secret's commit, sorted; empty outside git or where no ref reaches it."""
    advice: str
    """What to do now, in the rule's words."""
    references: tuple[str, ...]
    """Links of the rule."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """How much was looked at."""

    commits: int = 0
    blobs: int = 0
    files: int = 0
    bytes: int = 0
    refs: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one scan. Nothing in it depends on the clock, so that equal scans give equal reports."""

    result: Result
    findings: tuple[ReportedFinding, ...]
    gaps: tuple[Gap, ...]
    scanned: Scanned
    suppressed: Suppressed
    tool_version: str
    rules_digest: str
    root: str
    """What was scanned, to show: the name of the repository or the path as it was given."""


def result_of(findings: Iterable[object], gaps: Iterable[object]) -> Result:
    """Return how a scan ended: a gap makes it incomplete, whatever else was found."""
    if any(True for _ in gaps):
        return Result.INCOMPLETE
    return Result.FINDINGS if any(True for _ in findings) else Result.CLEAN


def in_order(findings: Iterable[ReportedFinding]) -> tuple[ReportedFinding, ...]:
    """Return the findings in the one order of every report: path, place, rule, commit, fingerprint."""
    return tuple(sorted(findings, key=_order))


def _order(each: ReportedFinding) -> tuple[str, int, int, str, str, str, str]:
    finding = each.finding
    match = finding.match
    return (
        finding.path,
        match.span.start_line,
        match.span.start_column,
        match.rule_id,
        finding.commit or "",
        finding.source.value,
        each.fingerprint,
    )


def counts(report: Report) -> dict[Confidence, int]:
    """Return the number of findings of each confidence, highest first, zeros included."""
    found = dict.fromkeys(sorted(Confidence, reverse=True), 0)
    for each in report.findings:
        found[each.finding.match.confidence] += 1
    return found
