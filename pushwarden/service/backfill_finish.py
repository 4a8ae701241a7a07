"""The end of a backfill: reports and one mail for old findings; for pushes that were too large, the answer they waited for."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pushwarden import __version__
from pushwarden.aws.runs import PUSHES, Plan
from pushwarden.aws.state import Step
from pushwarden.backfill_machine import PREFIX
from pushwarden.events import TellableFinding, finding_from
from pushwarden.model import BACKFILL_REPORT, Confidence, Finding, Gap, Match, Person, Secret, Source, Span
from pushwarden.report import Report, ReportedFinding, Scanned, Suppressed, result_of, write
from pushwarden.respond.report_mail import BackfillReport
from pushwarden.service.app import App
from pushwarden.service.backfill_close import close_push
from pushwarden.service.backfill_plan import get, put
from pushwarden.service.backfill_scan import part_key

_ROWS_MAX: Final = 50
"""Repositories that the event and the mail name; the summary in the bucket names all."""
_REPORTED: Final = "report"


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that was found for one plan."""

    plan: Plan
    findings: tuple[TellableFinding, ...]
    gaps: tuple[Gap, ...]
    commits: int
    blobs: int
    rules: str
    missing: int
    """Slices that were not scanned."""


def finish(app: App, order: Mapping[str, str]) -> dict[str, Any]:
    """Write the reports of a run and tell people once; return its figures. Running it again changes nothing.

    Raises:
        PushwardenError: a report cannot be written, or an event not be published; it will be done again.
    """
    run = order["run"]
    plans = app.runs.plans(run)
    done = app.runs.finished(run)
    parts: dict[str, list[tuple[tuple[int, int], Mapping[str, Any]]]] = {key: [] for key in plans}
    for key, range_, numbers in app.runs.parts(run):
        parts.setdefault(key, []).append((range_, numbers))
    rows: list[dict[str, Any]] = []
    for key, plan in sorted(plans.items(), key=lambda each: each[1].name):
        missing = sum((key, slice_) not in done for slice_ in plan.slices)
        found = _gathered(app, run, plan, parts[key], missing)
        if order["kind"] == PUSHES:
            close_push(app, run, key, found)
        else:
            _write(app, run, found)
        rows.append(_row(found))
    unplanned = _unplanned(app, run, plans)
    summary = _summary(run, rows, unplanned)
    put(app, f"{PREFIX}{run}/summary.json", json.dumps({**summary, "repositories": rows}, indent=1).encode())
    if order["kind"] != PUSHES:
        _tell(app, run, summary, rows)
    before = app.runs.run(run)
    if before is not None:
        app.runs.save_run(replace(before, finished=not summary["unscanned"], summary=json.dumps(summary)))
    return summary


def _gathered(
    app: App, run: str, plan: Plan, parts: Sequence[tuple[tuple[int, int], Mapping[str, Any]]], missing: int
) -> Gathered:
    findings: dict[tuple[Any, ...], TellableFinding] = {}
    gaps: dict[tuple[Any, ...], Gap] = {}
    for range_, numbers in sorted(parts, key=lambda each: each[0]):
        if not numbers["findings"] and not numbers["gaps"]:
            continue
        body = json.loads(get(app, part_key(run, plan.key, range_)))
        # A slice that was begun twice may have been halved differently, so parts may overlap.
        for each in body["findings"]:
            one = finding_from(each)
            findings[one.fingerprint, one.path, one.commit, one.line, one.source] = one
        for code, message, path, commit in body["gaps"]:
            gaps[code, path, commit] = Gap(code, message, path=path, commit=commit)
    if plan.gap:
        gaps["unread", None, None] = Gap("unreadable", plan.gap)
    if missing:
        text = f"{missing} slices of the history were not scanned; resume with `pushwarden backfill start`"
        gaps["slices", None, None] = Gap("not-scanned", text)
    return Gathered(
        plan,
        tuple(findings.values()),
        tuple(gaps.values()),
        commits=sum(numbers["commits"] for _, numbers in parts),
        blobs=sum(numbers["blobs"] for _, numbers in parts),
        rules=next((numbers["rules"] for _, numbers in parts), ""),
        missing=missing,
    )


def _unplanned(app: App, run: str, plans: Mapping[str, Plan]) -> list[str]:
    listed = json.loads(get(app, f"{PREFIX}{run}/repositories.json"))
    return [each["repository"] for each in listed if each["key"] not in plans]


def _write(app: App, run: str, found: Gathered) -> None:
    if not found.findings and not found.gaps:
        return
    reported = tuple(_reported(each) for each in found.findings)
    report = Report(
        result=result_of(reported, found.gaps),
        findings=reported,
        gaps=found.gaps,
        scanned=Scanned(commits=found.commits, blobs=found.blobs),
        suppressed=Suppressed(),
        tool_version=__version__,
        rules_digest=found.rules,
        root=found.plan.name,
    )
    for format_ in ("json", "html"):
        into = io.BytesIO()
        write(report, format_, into)
        put(app, report_key(run, found.plan.name, format_), into.getvalue())


def report_key(run: str, repository: str, format_: str) -> str:
    """Return where the report of a repository is in the bucket; ``format_`` is ``json`` or ``html``."""
    return f"{PREFIX}{run}/reports/{repository}.{format_}"


def _reported(each: TellableFinding) -> ReportedFinding:
    # The secret itself never left the function that found it: a report from here shows none, whoever asks.
    span = Span(0, 0, each.line, 1, each.end_line, 1)
    match = Match(
        each.rule_id, each.title, each.confidence, Secret(b""), span, each.snippet, decoded_from=each.decoded_from
    )
    author = Person(each.author, each.email, each.date)
    finding = Finding(match, each.path, Source(each.source), each.commit, author)
    return ReportedFinding(finding, each.fingerprint, in_head=None, refs=(), advice=each.advice, references=())


def _row(found: Gathered) -> dict[str, Any]:
    counts = {each.label: sum(f.confidence is each for f in found.findings) for each in Confidence}
    return {
        "repository": found.plan.name,
        "commits": found.commits,
        **counts,
        "gaps": len(found.gaps),
        "unscanned": found.missing + bool(found.plan.gap),
    }


def _summary(run: str, rows: Sequence[Mapping[str, Any]], unplanned: Sequence[str]) -> dict[str, Any]:
    names = ("commits", "high", "medium", "low", "gaps", "unscanned")
    totals = {name: sum(row[name] for row in rows) for name in names}
    totals["unscanned"] += len(unplanned)
    leaky = sum(bool(row["high"] or row["medium"] or row["low"]) for row in rows)
    return {"run": run, "scanned": len(rows), "leaky": leaky, "unplanned": list(unplanned)[:_ROWS_MAX], **totals}


def _tell(app: App, run: str, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    # A run that is resumed tells again only if it got further.
    step = f"{_REPORTED}:{summary['unscanned']}"
    if app.state.step(f"backfill-{run}", step) is not None:
        return
    worst = sorted(rows, key=lambda row: (-row["high"], -row["medium"], -row["low"], row["repository"]))
    shown = [row for row in worst if row["high"] or row["medium"] or row["low"] or row["gaps"]][:_ROWS_MAX]
    report = BackfillReport(
        run=run,
        region=app.settings.region,
        place=f"s3://{app.backups.bucket}/{PREFIX}{run}/reports/",
        totals={
            name: summary[name]
            for name in ("scanned", "leaky", "commits", "high", "medium", "low", "gaps", "unscanned")
        },
        repositories=tuple(
            (str(row["repository"]), row["high"], row["medium"], row["low"], row["gaps"]) for row in shown
        ),
    )
    app.bus.publish(BACKFILL_REPORT, report.to_detail())
    app.state.record_step(f"backfill-{run}", step, Step("done", report.place), now_s=app.wall_clock())


__all__ = ["Gathered", "finish", "report_key"]
