"""Carry out a scan: content, rules, suppressions, report, exit code."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Final

from pushwarden import __version__
from pushwarden.cli.scan_output import check_folders, plan_outputs, write_outputs
from pushwarden.cli.scan_progress import ProgressLine
from pushwarden.cli.scan_settings import Flags, Settings, cache_dir, merge
from pushwarden.cli.scan_target import Target
from pushwarden.detect import Scanner, load_scanner
from pushwarden.errors import PushwardenError
from pushwarden.history.local.model import Found, Outcome
from pushwarden.model import Confidence, Finding, Result
from pushwarden.report.clean import log_line
from pushwarden.report.model import Report as FullReport
from pushwarden.report.model import ReportedFinding, Scanned, result_of
from pushwarden.report.redact import redacted
from pushwarden.report.summary import summary
from pushwarden.suppress import Suppressions, load
from pushwarden.suppress.config import read_config

EXIT_CLEAN: Final = 0
EXIT_FINDINGS: Final = 1
EXIT_INCOMPLETE: Final = 4
GAPS_SHOWN: Final = 5


class ScanError(PushwardenError):
    """The machine would not let the scan go on."""


def run(target: Target, flags: Flags) -> int:
    """Scan, report and return the exit code.

    Raises:
        UsageError: an option, a configuration or rule file is wrong.
        ScanError: the machine would not let the scan go on.
        OutputError: a report cannot be written.
    """
    start = time.monotonic()
    settings = merge(flags, read_config(target.root, flags.config))
    outputs = plan_outputs(flags.formats, flags.outputs, settings.format)
    check_folders(outputs)
    suppressions = load(target.root, config=flags.config)
    scanner = load_scanner(
        settings.rules,
        default_rules=settings.default_rules,
        cache_dir=cache_dir(),
        compiling=(lambda: None) if flags.quiet else _tell_compiling,
    )
    if flags.verbose:
        _tell_engine(scanner)
    progress = ProgressLine(enabled=sys.stderr.isatty() and not flags.quiet)
    try:
        outcome = target.scan(scanner, settings, progress)
    except (
        OSError
    ) as error:  # no room for temporary files, no more processes: nothing that a finding could be told from
        raise ScanError(f"the scan could not be finished ({error.strerror}); make room and scan again") from error
    finally:
        progress.clear()
    report = make_report(target, outcome, scanner, suppressions, settings)
    if not flags.show_secrets:
        report = redacted(report)
    elapsed_s = time.monotonic() - start
    try:
        write_outputs(report, outputs, show_secrets=flags.show_secrets, color=settings.color, elapsed_s=elapsed_s)
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Python would complain while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not flags.quiet and all(output.format != "text" for output in outputs):
        print("\n".join(_tell(report, elapsed_s)), file=sys.stderr)
    return exit_code(report, settings, exit_zero=flags.exit_zero)


def make_report(
    target: Target, outcome: Outcome, scanner: Scanner, suppressions: Suppressions, settings: Settings
) -> FullReport:
    """Apply confidence and suppressions, and join each finding with its rule's words."""
    # The same finding can be met twice (a file both staged and untracked by another name of the same path).
    seen = {
        found.finding: found for found in outcome.found if found.finding.match.confidence >= settings.min_confidence
    }
    everything = target.whole and not outcome.gaps and settings.min_confidence is Confidence.LOW
    kept, suppressed = suppressions.apply(
        seen,
        inline=lambda finding: seen[finding].allowed,
        whole=everything,
        known_rules=scanner.rules.ids,
    )
    counts = outcome.counts
    return FullReport(
        result=result_of(kept, outcome.gaps),
        findings=tuple(_reported(finding, seen[finding], scanner, suppressions) for finding in kept),
        gaps=tuple(sorted(outcome.gaps, key=lambda gap: (gap.path or "", gap.commit or "", gap.code, gap.message))),
        scanned=Scanned(counts.commits, counts.blobs, counts.files, counts.bytes, counts.refs),
        suppressed=suppressed,
        tool_version=__version__,
        rules_digest=scanner.rules.digest,
        root=target.shown,
    )


def _reported(finding: Finding, found: Found, scanner: Scanner, suppressions: Suppressions) -> ReportedFinding:
    rule = scanner.rules.get(finding.match.rule_id)
    return ReportedFinding(
        finding=finding,
        fingerprint=suppressions.fingerprint(finding),
        in_head=found.in_head,
        refs=found.refs,
        advice=rule.advice,
        references=rule.references,
    )


def exit_code(report: FullReport, settings: Settings, *, exit_zero: bool) -> int:
    """Return 4 for an incomplete scan, else 1 for a finding at or above ``--fail-on``, else 0.

    ``exit_zero`` forgives findings. It does not forgive that something was left out: nobody has seen what.
    """
    if report.result is Result.INCOMPLETE:
        return EXIT_INCOMPLETE
    failing = any(each.finding.match.confidence >= settings.fail_on for each in report.findings)
    return EXIT_FINDINGS if failing and not exit_zero else EXIT_CLEAN


def _tell(report: FullReport, elapsed_s: float) -> Iterator[str]:
    """Yield the lines for people who sent the report to a file: a summary, and what was left out."""
    yield f"pushwarden: {summary(report, elapsed_s)}"
    for gap in report.gaps[:GAPS_SHOWN]:
        place = gap.path or gap.commit
        yield f"pushwarden: not scanned: {log_line(f'{place}: {gap.message}' if place else gap.message)}"


def _tell_compiling() -> None:
    print("pushwarden: first use of these rules here: compiling them, once, for a few seconds", file=sys.stderr)


def _tell_engine(scanner: Scanner) -> None:
    reason = f" ({scanner.fallback_reason})" if scanner.fallback_reason else ""
    print(f"pushwarden: engine {scanner.engine}{reason}", file=sys.stderr)
    for note in scanner.notes:
        print(f"pushwarden: {note}", file=sys.stderr)
