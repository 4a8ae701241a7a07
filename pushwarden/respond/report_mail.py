"""What a backfill came to: the event, and the one mail that tells of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pushwarden.events import MalformedEventError
from pushwarden.events.fields import GARBLED
from pushwarden.respond.mail import Mail

_TEXT_MAX: Final = 256
_TOTALS: Final = ("scanned", "leaky", "commits", "high", "medium", "low", "gaps", "unscanned")
_REPOSITORY: Final = re.compile(r"[\w.-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """What a backfill of the whole history came to. Old findings are told of once, and answered by nobody but people."""

    run: str
    region: str
    place: str
    """Where the reports are: ``s3://BUCKET/PREFIX``."""
    totals: Mapping[str, int]
    """``scanned`` and ``leaky`` repositories, ``commits``, findings by confidence, ``gaps``, ``unscanned`` slices."""
    repositories: tuple[tuple[str, int, int, int, int], ...]
    """Name, findings of high, medium and low confidence, gaps: the worst first, and not all of them."""

    def to_detail(self) -> dict[str, Any]:
        """Return the event's ``detail``."""
        return {
            "version": "1",
            "run": self.run,
            "region": self.region,
            "place": self.place,
            "totals": dict(self.totals),
            "repositories": [list(each) for each in self.repositories],
        }

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> BackfillReport:
        """Read an event's ``detail`` back.

        Raises:
            MalformedEventError: it is not one of ours.
        """
        try:
            return cls(
                run=str(detail["run"])[:_TEXT_MAX],
                region=str(detail["region"])[:_TEXT_MAX],
                place=str(detail["place"])[:_TEXT_MAX],
                totals={name: int(detail["totals"][name]) for name in _TOTALS},
                repositories=tuple(
                    (_repository(name), int(high), int(medium), int(low), int(gaps))
                    for name, high, medium, low, gaps in detail["repositories"]
                ),
            )
        except GARBLED as error:
            raise MalformedEventError(f"a backfill report lacks or garbles something ({error!r})") from None


def _repository(name: Any) -> str:
    if not isinstance(name, str) or not _REPOSITORY.fullmatch(name):
        raise MalformedEventError("a backfill report names a repository that cannot be one")
    return name


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
