"""The one mail that tells what a backfill found in the history."""

from __future__ import annotations

from pushwarden.events import BackfillReport
from pushwarden.respond.mail import Mail


def report_mail(report: BackfillReport) -> Mail:
    """Return the mail of a backfill."""
    totals = report.totals
    found = totals["high"] + totals["medium"] + totals["low"]
    head = f"{found:,} old findings in {totals['leaky']:,} repositories" if found else "no secret in the history"
    whole = totals["unscanned"] == 0
    lines = [
        "Pushwarden has scanned the history that was there before it."
        if whole
        else "The history is not scanned whole yet.",
        "",
        f"  Repositories {totals['scanned']:,} ({totals['leaky']:,} with findings)",
        f"  Commits      {totals['commits']:,}",
        f"  Findings     {totals['high']:,} high, {totals['medium']:,} medium, {totals['low']:,} low confidence",
    ]
    if totals["gaps"]:
        lines.append(f"  Gaps         {totals['gaps']:,}: the reports say what could not be scanned, and why")
    if report.repositories:
        lines += ["", "  high  medium  low  gaps  repository"]
        lines += [
            f"{high:6,}{medium:8,}{low:5,}{gaps:6,}  {name}" for name, high, medium, low, gaps in report.repositories
        ]
    lines += ["", "Nothing was locked or reset: old findings are yours to judge.", "", "What to do now:"]
    if not whole:
        lines.append("- Resume it: pushwarden backfill start")
    lines += [
        "- Rotate what is still valid, high confidence first.",
        f"- Read the reports: aws s3 cp --recursive {report.place} .",
        "",
        f"Backfill {report.run} ({report.region})",
    ]
    subject = f"Backfill: {head}" if whole else f"Backfill incomplete: {head}"
    return Mail(subject, "\n".join(lines) + "\n")
