"""The one line that sums a scan up."""

from __future__ import annotations

from pushwarden.report.model import Report, counts

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


def summary(report: Report, elapsed_s: float | None = None) -> str:
    """Return the summary in plain text: ``Found 2 secrets in 3 places (1 high, 1 medium); ...``.

    Args:
        report: The scan.
        elapsed_s: Its duration in seconds, where it shall be told.
    """
    parts = [outcome(report), *details(report)]
    if elapsed_s is not None:
        parts.append(f"in {elapsed_s:.1f} s")
    return "; ".join([parts[0], ", ".join(parts[1:])])


def outcome(report: Report) -> str:
    """Return what was found, and first of all whether something was left out."""
    missing = f"Incomplete: {number(len(report.gaps), 'thing')} not scanned. " if report.gaps else ""
    levels = ", ".join(f"{count:,} {each.label}" for each, count in counts(report).items() if count)
    return missing + found(report) + (f" ({levels})" if levels else "")


def found(report: Report) -> str:
    """Return the number of secrets and places; a scan with gaps never says that there are none at all."""
    if not report.findings:
        return "No secrets in what was scanned" if report.gaps else "No secrets found"
    secrets = len({(each.finding.match.rule_id, each.fingerprint) for each in report.findings})
    return f"Found {number(secrets, 'secret')} in {number(len(report.findings), 'place')}"


def details(report: Report) -> list[str]:
    """Return how much was scanned and suppressed, in a few words each; nothing that is zero."""
    scanned = report.scanned
    counted = (
        (scanned.commits, "commit"),
        (scanned.refs, "ref"),
        (scanned.files, "file"),
        (scanned.blobs, "blob"),
    )
    parts = [number(count, noun) for count, noun in counted if count]
    parts.append(f"{size(scanned.bytes)} scanned")
    if report.suppressed.total:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in report.suppressed.by_kind.items())
        parts.append(f"{report.suppressed.total:,} suppressed" + (f" ({kinds})" if kinds else ""))
    return parts


def number(count: int, noun: str) -> str:
    """Return ``1 commit`` or ``1,234 commits``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size(count: int) -> str:
    """Return a number of bytes with a decimal unit: ``12.3 MB``."""
    value, unit = float(count), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{count} B"
