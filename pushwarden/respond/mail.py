"""The mails: plain text that a person understands in ten seconds, and acts on.

SNS limits a subject to fewer than 100 ASCII characters without line breaks
(https://docs.aws.amazon.com/sns/latest/api/API_Publish.html); whatever a pusher wrote is flattened to one printable line.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from pushwarden.events import Change, Push, SecurityEvent, SecurityResponse, TellableFinding
from pushwarden.respond.reset import short_ref

SUBJECT_MAX: Final = 99
SHOWN_FINDINGS: Final = 10
AGAIN: Final = "(Perhaps you have this mail already: Pushwarden was interrupted while it was sending it.)"
_FENCE: Final = re.compile("`(?=`)")
"""Two backticks of a pusher's text never stand together: three would end the block that keeps it from being Markdown."""
_SHORT: Final = 10
_WIDTH: Final = 76

_VERBS: Final = {
    "lock": "locks the repository: only super users can read or write it until it is unlocked",
    "reset": "moves the ref back to the last accepted commit, after a backup",
    "revoke": "switches the leaked AWS access key off",
    "comment": "comments at the line",
    "securityhub": "reports a finding to Security Hub",
}


@dataclass(frozen=True, slots=True)
class Mail:
    """What a topic is told."""

    subject: str
    text: str


def event_mail(event: SecurityEvent) -> Mail:
    """Return the mail that tells of a leak, or of a push that could not be scanned whole."""
    push, leak = event.push, event.finding_count > 0
    what = _what(event.findings, event.finding_count) if leak else "push not scanned whole"
    subject = _subject(f"Secret in {push.repository}: {what}" if leak else f"Incomplete scan in {push.repository}")
    parts = [_opening(event), _facts(push)]
    if leak:
        parts.append(_findings(event))
    if event.gaps:
        parts.append(_gaps(event))
    parts += [_doing(event), _to_do(event), _links(event), f"Incident {event.incident_id}"]
    return Mail(subject, "\n\n".join(parts) + "\n")


def response_mail(response: SecurityResponse) -> Mail:
    """Return the mail that tells how an action ended."""
    headline = {
        "done": f"{response.action} done",
        "already": f"{response.action}: nothing left to do",
        "refused": f"{response.action} NOT done",
        "failed": f"{response.action} FAILED",
    }.get(response.outcome, f"{response.action} {response.outcome}")
    lines = [
        _wrapped(_line(response.summary)),
        "",
        f"  Repository   {response.repository} (account {response.account}, {response.region})",
        f"  Ref          {_line(short_ref(response.ref))}",
        *(f"  {_label(key):<12} {_line(value)}" for key, value in sorted(response.facts.items()) if value),
        "",
        f"Incident {_line(response.incident_id)}",
    ]
    return Mail(_subject(f"{response.repository}: {headline}"), "\n".join(lines) + "\n")


def chat_message(mail: Mail, incident_id: str) -> str:
    """Return a mail in the custom format of Amazon Q Developer in chat applications.

    https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    message: dict[str, Any] = {
        "version": "1.0",
        "source": "custom",
        "id": incident_id,
        "content": {
            "textType": "client-markdown",
            "title": mail.subject,
            "description": f"```\n{_FENCE.sub('` ', mail.text)}```",
        },
        "metadata": {"threadId": incident_id, "summary": mail.subject},
    }
    return json.dumps(message, ensure_ascii=False)


def console_url(push: Push, commit: str | None = None) -> str:
    """Return the AWS console's page of a commit, or of the repository's commits."""
    china = push.region.startswith("cn-")
    host = "console.amazonaws.cn" if china else f"{push.region}.console.aws.amazon.com"
    tail = f"commit/{quote(commit, safe='')}" if commit else "commits"
    name = quote(push.repository, safe="")
    return f"https://{host}/codesuite/codecommit/repositories/{name}/{tail}?region={quote(push.region, safe='')}"


def _opening(event: SecurityEvent) -> str:
    if event.finding_count == 0:
        return "A push to CodeCommit could not be scanned whole. No secret was found in the rest."
    count = event.finding_count
    return "A secret was pushed to CodeCommit." if count == 1 else f"{count} secrets were pushed to CodeCommit."


def _facts(push: Push) -> str:
    kind = "Tag" if push.ref.startswith("refs/tags/") else "Branch"
    verb = {Change.CREATED: "created", Change.UPDATED: "updated", Change.DELETED: "deleted"}[push.change]
    return "\n".join((
        f"  Repository   {push.repository} (account {push.account}, {push.region})",
        f"  {kind:<12} {_theirs(short_ref(push.ref))} ({verb})",
        f"  Commit       {push.new or push.old}",
        f"  Pushed by    {_theirs(push.pusher or 'unknown: the event does not say')}",
        f"  When         {_when(push.time)}",
    ))  # fmt: skip


def _findings(event: SecurityEvent) -> str:
    lines = ["WHAT WAS FOUND"]
    for number, each in enumerate(event.findings[:SHOWN_FINDINGS], start=1):
        where = (
            f"{each.path}, line {each.line}"
            if each.source == "file"
            else f"{each.path} ({each.source.replace('-', ' ')})"
        )
        lines += [
            f"  {number}. {each.title} ({each.confidence.label} confidence, {each.rule_id})",
            f"     {_theirs(where)}",
            f"     commit {(each.commit or '')[:_SHORT]} by {_theirs(each.author)} <{_theirs(each.email)}>",
            f"     {_theirs(each.snippet)}",
        ]
        if each.decoded_from:
            lines.append(f"     hidden in: {_theirs(' > '.join(each.decoded_from))}")
    if event.finding_count > SHOWN_FINDINGS:
        lines.append(
            f"  ... and {event.finding_count - SHOWN_FINDINGS} more; the security event on the bus lists them."
        )
    return "\n".join(lines)


def _gaps(event: SecurityEvent) -> str:
    lines = ["WHAT WAS NOT SCANNED"]
    for gap in event.gaps[:SHOWN_FINDINGS]:
        place = f" ({_theirs(gap.path)})" if gap.path else ""
        lines.append(_wrapped(f"{_theirs(gap.message)}{place}", "  - ", "    "))
    if len(event.gaps) > SHOWN_FINDINGS:
        lines.append(f"  ... and {len(event.gaps) - SHOWN_FINDINGS} more.")
    return "\n".join(lines)


def _doing(event: SecurityEvent) -> str:
    steps = [f"  - {action}: {_VERBS[action]}" for action in event.actions if action in _VERBS]
    if not steps:
        return "WHAT PUSHWARDEN DOES\n  - nothing but this mail, by this repository's policy"
    return "\n".join(("WHAT PUSHWARDEN DOES (a mail follows for each)", *steps))


def _to_do(event: SecurityEvent) -> str:
    if event.finding_count == 0:
        return "WHAT TO DO NOW\n  1. Look at what was not scanned, by hand or with `pushwarden scan`."
    advice = list(dict.fromkeys(each.advice for each in event.findings if each.advice))[:3]
    lines = [
        "WHAT TO DO NOW",
        _wrapped(
            "Rotate the secret first. Moving the branch does not remove the commit from CodeCommit: whoever knows its id"
            " can still read it.",
            "  1. ",
            "     ",
        ),
        *(_wrapped(each, "     > ", "       ") for each in advice),
        "  2. Tell the author, and take the secret out of the commit before it is pushed again.",
    ]
    if "lock" in event.actions:
        lines.append(f"  3. Unlock: pushwarden unlock {event.push.repository}")
    return "\n".join(lines)


def _links(event: SecurityEvent) -> str:
    first = next((each.commit for each in event.findings if each.commit and each.source != "tag-message"), None)
    return "\n".join(("LINKS", f"  {console_url(event.push, first)}", f"  {console_url(event.push)}"))


def _what(findings: Sequence[TellableFinding], count: int) -> str:
    title = findings[0].title if findings else "see the event"
    return title if count == 1 else f"{title} and {count - 1} more"


def _subject(text: str) -> str:
    flat = _line(f"[Pushwarden] {text}").encode("ascii", "replace").decode()
    return flat if len(flat) <= SUBJECT_MAX else flat[: SUBJECT_MAX - 3] + "..."


def _theirs(text: str) -> str:
    """Return a pusher's text on one line, its links dead: nobody shall click on what a leak brings along."""
    return _line(text).replace("://", "[:]//")


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _when(time: str) -> str:
    return datetime.fromisoformat(time).strftime("%Y-%m-%d %H:%M:%S UTC")


def _label(key: str) -> str:
    return {
        "removedCommitId": "Removed",
        "resetToCommitId": "Now at",
        "backup": "Backup",
        "lockedBy": "Locked by",
    }.get(key, _line(key))
