"""``github``: annotations of a GitHub Actions run, printed by the step that scans.

Links:
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message
"""

from __future__ import annotations

from typing import BinaryIO, Final

from pushwarden.model import Confidence, Gap
from pushwarden.report import clean
from pushwarden.report.model import Report, ReportedFinding
from pushwarden.report.record import secret_text

_LEVELS: Final = {Confidence.HIGH: "error", Confidence.MEDIUM: "warning", Confidence.LOW: "notice"}
_COMMIT_DIGITS: Final = 12


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write one command per finding and gap, most certain first: GitHub shows ten of each level for a step."""
    ordered = sorted(report.findings, key=lambda each: -each.finding.match.confidence)
    lines = [_annotation(each, show_secrets=show_secrets) for each in ordered]
    lines += [_incomplete(gap) for gap in report.gaps]
    stream.write("".join(f"{each}\n" for each in lines).encode())


def _annotation(each: ReportedFinding, *, show_secrets: bool) -> str:
    match = each.finding.match
    span = match.span
    place: dict[str, str] = {"file": each.finding.path, "line": str(span.start_line), "endLine": str(span.end_line)}
    if span.start_line == span.end_line:  # columns of a region over several lines are refused
        place |= {"col": str(span.start_column), "endColumn": str(span.end_column)}
    message = f"{match.title} ({match.confidence.label} confidence)"
    if each.finding.commit is not None:
        message += f" since commit {each.finding.commit[:_COMMIT_DIGITS]}"
    if show_secrets:
        message += f": {secret_text(match.secret, show=True)}"
    return _command(_LEVELS[match.confidence], place | {"title": match.rule_id}, f"{message}. {each.advice}".rstrip())


def _incomplete(gap: Gap) -> str:
    place = {} if gap.path is None else {"file": gap.path}
    return _command("error", place | {"title": f"scan incomplete: {gap.code}"}, gap.message)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    pairs = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {pairs}::{_data(message)}"


def _data(text: str) -> str:
    """Escape a message. Line breaks are gone after cleaning; the percent sign would let them back in."""
    return clean.log_line(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
