"""``html``: one page that holds everything and fetches nothing.

What pushers wrote reaches the page in two ways only: escaped as text, or as JSON that the page's script puts into text
nodes. The content security policy names the hashes of the one style and the one script, so that anything else stays dead
(https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP).
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable
from importlib import resources
from string import Template
from typing import Any, BinaryIO, Final

from pushwarden.model import Gap, Result
from pushwarden.report import clean
from pushwarden.report.as_json import dumps
from pushwarden.report.model import Report, ReportedFinding
from pushwarden.report.record import finding_record, rule_records
from pushwarden.report.summary import details, found, number
from pushwarden.suppress.model import Stale

_BADGES: Final = {Result.CLEAN: "Clean", Result.FINDINGS: "Findings", Result.INCOMPLETE: "Incomplete"}
_CLEANED: Final = ("path", "author", "date", "snippet", "secret")
_STALE_SHOWN: Final = 200
_GAPS_SHOWN: Final = 1000


def write(report: Report, stream: BinaryIO, *, show_secrets: bool, **_: object) -> None:
    """Write the page. It works from a disk, with 10,000 findings, by keyboard, in light and in dark."""
    folder = resources.files("pushwarden.report") / "html"
    template, style, script = (
        (folder / name).read_text(encoding="utf-8") for name in ("page.html", "style.css", "app.js")
    )
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    page = Template(template).substitute(
        policy=policy,
        title=_text(f"Secrets in {report.root}"),
        style=style,
        script=script,
        result=report.result.value,
        badge=_BADGES[report.result],
        headline=_text(found(report)),
        root=_text(report.root),
        facts=_text(" · ".join(details(report))),
        gaps=_gaps(report.gaps),
        stale=_stale(report),
        footer=_text(f"Pushwarden {report.tool_version} · rules {report.rules_digest}"),
        data=_script_json(_data(report, show_secrets=show_secrets)),
    )
    stream.write(page.encode())


def _data(report: Report, *, show_secrets: bool) -> dict[str, Any]:
    return {
        "rules": rule_records(report),
        "findings": [_shown(each, show_secrets=show_secrets) for each in report.findings],
        "in_git": any(each.in_head is not None for each in report.findings),
    }


def _shown(each: ReportedFinding, *, show_secrets: bool) -> dict[str, Any]:
    """Return the finding's record with controls and bidirectional marks made visible: a browser would obey them."""
    record = finding_record(each, show_secrets=show_secrets)
    for name in _CLEANED:
        record[name] = None if record[name] is None else clean.line(record[name])
    for name in ("refs", "decoded_from"):
        record[name] = [clean.line(one) for one in record[name]]
    return record


def _script_json(value: dict[str, Any]) -> str:
    """Return JSON that cannot end the script element it stands in, nor open a comment in it."""
    text = dumps(value).decode("ascii")
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _gaps(gaps: tuple[Gap, ...]) -> str:
    if not gaps:
        return ""
    lines = [f"<code>{_text(gap.path or (gap.commit or gap.code)[:12])}</code> {_text(gap.message)}" for gap in gaps]
    summary = f"Not everything was scanned: {number(len(gaps), 'gap')}"
    return _notice("notice miss", summary, lines[:_GAPS_SHOWN], len(gaps) - _GAPS_SHOWN, is_open=True)


def _stale(report: Report) -> str:
    expired, unused = report.suppressed.expired, report.suppressed.unused
    if not expired and not unused:
        return ""
    lines = [*(_entry(each, "expired") for each in expired), *(_entry(each, "unused") for each in unused)]
    summary = f"Suppressions to tidy up: {len(expired):,} expired, {len(unused):,} unused"
    return _notice("notice", summary, lines[:_STALE_SHOWN], len(lines) - _STALE_SHOWN, is_open=False)


def _entry(each: Stale, word: str) -> str:
    return f"<code>{_text(each.where)}</code> {word}: {_text(each.what)}"


def _notice(name: str, summary: str, lines: Iterable[str], left_out: int, *, is_open: bool) -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    if left_out > 0:
        items += f"<li>and {left_out:,} more</li>"
    state = " open" if is_open else ""
    return f'<details class="{name}"{state}><summary>{_text(summary)}</summary><ul>{items}</ul></details>'


def _text(value: str) -> str:
    return html.escape(clean.line(value))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
