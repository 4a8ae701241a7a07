"""``text``: the report for people, in a terminal.

The secrets of one rule stand together, each with its places, above what to do about them. Every line starts with a character of ours: a
path that begins with ``::`` would otherwise be a command to the log of a build (GitHub's workflow commands).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import BinaryIO, Final

from pushwarden.model import Confidence, Gap, Source
from pushwarden.report import clean
from pushwarden.report.model import Report, ReportedFinding
from pushwarden.report.paint import Line, paint, part
from pushwarden.report.record import secret_text
from pushwarden.report.summary import details, number, outcome
from pushwarden.suppress.model import Stale

_COLORS: Final = {Confidence.HIGH: "red", Confidence.MEDIUM: "yellow", Confidence.LOW: "cyan"}
_COMMIT_DIGITS: Final = 12
_DATE_LENGTH: Final = len("2026-11-23")
_REFS_SHOWN: Final = 3
_PLACES_SHOWN: Final = 10
_GAPS_SHOWN: Final = 20
_STALE_SHOWN: Final = 10
_BAR: Final = "┃ "
_NARROWEST: Final = 40
_WIDEST: Final = 120


def write(
    report: Report, stream: BinaryIO, *, show_secrets: bool, color: bool, width: int, elapsed_s: float | None
) -> None:
    """Write the findings, what is missing, stale suppressions and a summary line.

    ``width`` cuts snippets and wraps sentences; paths, commits and fingerprints are never cut.
    """
    columns = max(_NARROWEST, min(width, _WIDEST))
    stream.writelines(
        paint(_rule(group, columns, show_secrets=show_secrets), color=color) for group in _by_rule(report)
    )
    stream.write(paint(_gaps(report.gaps, columns), color=color))
    stream.write(paint(_stale(report.suppressed.expired, "expired", columns), color=color))
    stream.write(paint(_stale(report.suppressed.unused, "unused", columns), color=color))
    stream.write(paint(_summary(report, elapsed_s, columns), color=color))


def _by_rule(report: Report) -> list[list[ReportedFinding]]:
    """Group the findings of each (confidence, rule), surest first, then by first place."""
    groups: dict[tuple[Confidence, str], list[ReportedFinding]] = {}
    for each in report.findings:
        groups.setdefault((each.finding.match.confidence, each.finding.match.rule_id), []).append(each)
    return [groups[key] for key in sorted(groups, key=lambda key: -key[0])]


def _rule(group: list[ReportedFinding], width: int, *, show_secrets: bool) -> Iterator[Line]:
    match = group[0].finding.match
    color = _COLORS[match.confidence]
    bar = part(_BAR, color)
    yield [
        bar,
        part(f" {match.confidence.name} ", f"bold reverse {color}"),
        part(f" {clean.log_line(match.title)}", "bold"),
        part(f"  {match.rule_id}", "dim"),
    ]
    secrets: dict[str, list[ReportedFinding]] = {}
    for each in group:
        secrets.setdefault(each.fingerprint, []).append(each)
    for places in secrets.values():
        yield [bar]
        yield from ([bar, *line] for line in _secret(places, width, show_secrets=show_secrets))
    yield [bar]
    for index, sentence in enumerate(textwrap.wrap(clean.log_line(group[0].advice), width - 4)):
        yield [bar, part("→ " if index == 0 else "  ", "bold green"), part(sentence)]
    for link in group[0].references[:1]:
        yield [bar, part("  "), part(clean.log_line(link), "dim underline")]
    yield []


def _secret(places: list[ReportedFinding], width: int, *, show_secrets: bool) -> Iterator[Line]:
    for each in places[:_PLACES_SHOWN]:
        yield from _place(each, width)
    if len(places) > _PLACES_SHOWN:
        yield [part(f"and {number(len(places) - _PLACES_SHOWN, 'more place')}; --format json lists all", "dim")]
    if show_secrets:
        shown = clean.log_line(secret_text(places[0].finding.match.secret, show=True))
        yield [part("  secret ", "dim"), part(shown, "bold red")]
    yield [part(f"  fingerprint {places[0].fingerprint}", "dim")]


def _place(each: ReportedFinding, width: int) -> Iterator[Line]:
    finding = each.finding
    match = finding.match
    number_ = f"{match.span.start_line}"
    head: Line = [
        part(clean.log_line(finding.path), "bold blue"),
        part(f":{number_}:{match.span.start_column}", "blue"),
    ]
    if finding.source is not Source.FILE:
        head.append(part(f"  {finding.source.value.replace('-', ' ')}", "magenta"))
    if match.decoded_from:
        head.append(part(f"  in {clean.log_line(' → '.join(match.decoded_from))}", "magenta"))
    if each.in_head is not None and each.finding.commit is not None:  # what is not committed has no history
        head.append(part("  still in HEAD", "red") if each.in_head else part("  not in HEAD", "dim"))
    yield head
    room = max(_NARROWEST // 2, width - len(number_) - 7)
    yield [part(f"  {number_} │ ", "dim"), part(_cut(clean.log_line(match.snippet.strip()), room))]
    if finding.commit is not None:
        yield _commit(each)


def _commit(each: ReportedFinding) -> Line:
    finding = each.finding
    line = [part(f"  {(finding.commit or '')[:_COMMIT_DIGITS]}", "yellow")]
    if finding.author is not None:
        who = clean.log_line(f"{finding.author.name} <{finding.author.email}>")
        line += [part(f"  {who}"), part(f"  {clean.log_line(finding.author.date[:_DATE_LENGTH])}", "dim")]
    if each.refs:
        names = ", ".join(clean.log_line(_short_ref(ref)) for ref in each.refs[:_REFS_SHOWN])
        more = f" +{len(each.refs) - _REFS_SHOWN}" if len(each.refs) > _REFS_SHOWN else ""
        line.append(part(f"  {names}{more}", "green"))
    return line


def _gaps(gaps: tuple[Gap, ...], width: int) -> Iterator[Line]:
    if not gaps:
        return
    bar = part(_BAR, "magenta")
    yield [bar, part(" INCOMPLETE ", "bold reverse magenta"), part(" Not everything was scanned", "bold")]
    for gap in gaps[:_GAPS_SHOWN]:
        place = gap.path or (gap.commit or "")[:_COMMIT_DIGITS]
        yield [bar, part(f"{gap.code}  ", "magenta"), part(clean.log_line(place), "bold")]
        for sentence in textwrap.wrap(clean.log_line(gap.message), width - 4):
            yield [bar, part(f"  {sentence}")]
    if len(gaps) > _GAPS_SHOWN:
        yield [bar, part(f"and {number(len(gaps) - _GAPS_SHOWN, 'more')[:-1]}; --format json lists all", "dim")]
    yield []


def _stale(entries: tuple[Stale, ...], word: str, width: int) -> Iterator[Line]:
    if not entries:
        return
    bar = part(_BAR, "dim")
    count = number(len(entries), f"{word} suppression")
    yield [bar, part(f"{count}: worth removing" if word == "unused" else f"{count}: no longer applied", "bold")]
    for each in entries[:_STALE_SHOWN]:
        text = clean.log_line(f"{each.where}  {each.what}" + (f"  until {each.until}" if each.until else ""))
        yield [bar, part(_cut(text, width - 2), "dim")]
    if len(entries) > _STALE_SHOWN:
        yield [bar, part(f"and {len(entries) - _STALE_SHOWN:,} more", "dim")]
    yield []


def _summary(report: Report, elapsed_s: float | None, width: int) -> Iterator[Line]:
    if report.gaps:
        mark, style = "! ", "bold magenta"
    elif report.findings:
        mark, style = "✗ ", "bold red"
    else:
        mark, style = "✓ ", "bold green"
    parts = details(report)
    if elapsed_s is not None:
        parts.append(f"{elapsed_s:.1f} s")
    head, tail = mark + outcome(report), f"  {' · '.join(parts)}"
    if len(head) + len(tail) <= width:
        yield [part(head, style), part(tail, "dim")]
    else:
        yield [part(head, style)]
        yield [part(tail, "dim")]


def _short_ref(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/", "refs/"):
        if ref.startswith(prefix):
            return ref[len(prefix) :]
    return ref


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
