"""Keep secrets out of what a report says beside them: a name of a file or of an author may itself be one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache

from pushwarden.model import REDACTED, Finding, Gap, Person, Source
from pushwarden.report.model import Report, ReportedFinding

_NAMES = frozenset({Source.FILE_NAME, Source.AUTHOR})
_CERTAIN_CHARS = 16
"""A shorter secret from a file's text may be an ordinary word in a path, which people need in order to find the place."""


def redacted(report: Report) -> Report:
    """Return the report with every secret that was found redacted in paths, authors, refs and reasons."""
    secrets = {text for each in report.findings for text in _secrets(each.finding)}
    if not secrets:
        return report
    hide = _hider(secrets)
    return replace(
        report,
        findings=tuple(_finding(each, hide) for each in report.findings),
        gaps=tuple(_gap(each, hide) for each in report.gaps),
    )


def _hider(secrets: Collection[str]) -> Callable[[str], str]:
    """Return what replaces every secret in a text, the longest first.

    A big report has thousands of secrets and of texts, most of them the same few paths, people and refs, and hardly ever
    a secret among them: each text is looked at once, and for how secrets begin before it is for each secret.
    """
    ordered = sorted(secrets, key=lambda text: (-len(text), text))
    width = len(ordered[-1])
    begins = {secret[:width] for secret in ordered}

    @cache
    def hide(text: str) -> str:
        if any(text[at : at + width] in begins for at in range(len(text) - width + 1)):
            for secret in ordered:
                text = text.replace(secret, REDACTED)
        return text

    return hide


def _secrets(finding: Finding) -> list[str]:
    match = finding.match
    paired = getattr(match, "paired", None)
    texts = [each.reveal().decode("utf-8", "surrogateescape") for each in (match.secret, paired) if each is not None]
    return [text for text in texts if text and (finding.source in _NAMES or len(text) >= _CERTAIN_CHARS)]


def _finding(each: ReportedFinding, hide: Callable[[str], str]) -> ReportedFinding:
    finding = each.finding
    shown = replace(finding, path=hide(finding.path), author=_person(finding.author, hide))
    return replace(each, finding=shown, refs=tuple(hide(ref) for ref in each.refs))


def _person(person: Person | None, hide: Callable[[str], str]) -> Person | None:
    return None if person is None else replace(person, name=hide(person.name), email=hide(person.email))


def _gap(gap: Gap, hide: Callable[[str], str]) -> Gap:
    return replace(gap, message=hide(gap.message), path=None if gap.path is None else hide(gap.path))
