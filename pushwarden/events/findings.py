"""What the outside world is told of a finding: never the secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pushwarden.events.fields import checked, optional_id
from pushwarden.model import REDACTED, Confidence, Finding

ACCESS_KEY_ID: Final = re.compile(r"AKIA[A-Z0-9]{12,124}")
"""The id of a long-term access key: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html"""


@dataclass(frozen=True, slots=True)
class TellableFinding:
    """What the outside world is told of a finding: never the secret."""

    rule_id: str
    title: str
    confidence: Confidence
    path: str
    line: int
    end_line: int
    commit: str | None
    author: str
    email: str
    date: str
    source: str
    fingerprint: str
    snippet: str
    advice: str
    decoded_from: tuple[str, ...] = ()
    identity: str = ""
    """The id of an AWS access key whose secret half this finding is; only where the policy asks for revocation. An id is
    no secret by itself: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"""


def redact_text(text: str, secrets: frozenset[bytes]) -> str:
    """Return ``text`` with every occurrence of the given secrets redacted: pushers put secrets into names, too."""
    for secret in sorted(secrets, key=len, reverse=True):
        shown = secret.decode("utf-8", "surrogateescape")
        if shown and shown in text:
            text = text.replace(shown, REDACTED)
    return text


def safe_text(text: str, secrets: frozenset[bytes], *, limit: int = 400) -> str:
    """Return a pusher's text as it may be told: on one line, no longer than ``limit``, without the given secrets."""
    # Surrogates (bytes that are not UTF-8) cannot be written as JSON; control characters do not belong into mails.
    shown = redact_text(text, secrets).encode("utf-8", "backslashreplace").decode()
    shown = "".join(c if c.isprintable() else " " for c in shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def tell(
    finding: Finding, *, fingerprint: str, advice: str, secrets: frozenset[bytes], identity: str = ""
) -> TellableFinding:
    """Return what may be told of a finding. ``secrets`` are all secrets of the push, to be kept out of every text."""

    def safe(text: str, limit: int = 400) -> str:
        return safe_text(text, secrets, limit=limit)

    match, author = finding.match, finding.author
    return TellableFinding(
        rule_id=match.rule_id,
        title=match.title,
        confidence=match.confidence,
        path=safe(finding.path, 1024),
        line=match.span.start_line,
        end_line=match.span.end_line,
        commit=finding.commit,
        author=safe(author.name) if author else "",
        email=safe(author.email) if author else "",
        date=author.date if author else "",
        source=finding.source.value,
        fingerprint=fingerprint,
        snippet=safe(match.snippet),
        advice=advice,
        decoded_from=tuple(safe(each) for each in match.decoded_from),
        identity=identity,
    )


def finding_detail(finding: TellableFinding) -> dict[str, Any]:
    """Return a finding as an event's ``detail`` carries it."""
    return {
        "ruleId": finding.rule_id,
        "title": finding.title,
        "confidence": finding.confidence.label,
        "path": finding.path,
        "line": finding.line,
        "endLine": finding.end_line,
        "commitId": finding.commit,
        "author": finding.author,
        "email": finding.email,
        "date": finding.date,
        "source": finding.source,
        "fingerprint": finding.fingerprint,
        "snippet": finding.snippet,
        "advice": finding.advice,
        "decodedFrom": list(finding.decoded_from),
        "identity": finding.identity,
    }


def finding_from(data: Mapping[str, Any]) -> TellableFinding:
    """Read a finding back from an event's ``detail``."""
    return TellableFinding(
        rule_id=str(data["ruleId"]),
        title=str(data["title"]),
        confidence=Confidence.parse(data["confidence"]),
        path=str(data["path"]),
        line=int(data["line"]),
        end_line=int(data["endLine"]),
        commit=optional_id(data, "commitId"),
        author=str(data["author"]),
        email=str(data["email"]),
        date=str(data["date"]),
        source=str(data["source"]),
        fingerprint=str(data["fingerprint"]),
        snippet=str(data["snippet"]),
        advice=str(data["advice"]),
        decoded_from=tuple(map(str, data["decodedFrom"])),
        identity=_identity(data.get("identity", "")),
    )


def _identity(value: Any) -> str:
    return "" if value == "" else checked(value, ACCESS_KEY_ID, "identity")
