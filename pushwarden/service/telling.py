"""What may be told of findings and gaps: whatever a pusher wrote passes here, and no secret does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pushwarden.events import SecurityEvent, TellableFinding, safe_text, tell
from pushwarden.model import Finding, Gap
from pushwarden.respond.policy import key_id
from pushwarden.settings import CONTAINING

if TYPE_CHECKING:
    from pushwarden.detect import Scanner
    from pushwarden.service.app import App

MAX_EVENT_BYTES: Final = 180_000


def filled(event: SecurityEvent, told: Sequence[TellableFinding]) -> SecurityEvent:
    """Return the event with as many of the findings as it may carry; ``finding_count`` tells of all."""
    empty = _size(replace(event, findings=()))
    room = MAX_EVENT_BYTES - empty
    fitting: list[TellableFinding] = []
    for each in told:
        room -= _size(replace(event, findings=(each,))) - empty
        if room < 0:
            break
        fitting.append(each)
    return replace(event, findings=tuple(fitting))


def _size(event: SecurityEvent) -> int:
    return len(json.dumps(event.to_detail()))


def raised(event: SecurityEvent | None, commits: Iterable[str | None]) -> tuple[str, ...]:
    """Return which of the commits with findings hold a ref back: each once, and only if the event asks to contain them."""
    if event is None or not CONTAINING & set(event.actions):
        return ()
    return tuple(dict.fromkeys(filter(None, commits)))


def tellable(app: App, findings: Sequence[Finding], gaps: Sequence[Gap]) -> tuple[list[TellableFinding], list[Gap]]:
    """Return findings, the surest first, and gaps, as people and other systems may see them."""
    secrets = frozenset(f.match.secret.reveal() for f in findings) | _in_names(app.scanner, findings, gaps)
    key = app.fingerprint_key if findings else b""
    rules = app.scanner.rules
    told = [
        tell(
            each,
            fingerprint=each.match.secret.fingerprint(key, each.match.rule_id),
            advice=rules.get(each.match.rule_id).advice,
            secrets=secrets,
            identity=key_id(each, app.settings.policy),
        )
        for each in sorted(findings, key=lambda f: -f.match.confidence)
    ]
    return told, [_tellable_gap(each, secrets) for each in gaps]


def _tellable_gap(gap: Gap, secrets: frozenset[bytes]) -> Gap:
    path = None if gap.path is None else safe_text(gap.path, secrets, limit=1024)
    return Gap(gap.code, safe_text(gap.message, secrets, limit=1024), path, gap.commit)


def _in_names(scanner: Scanner, findings: Iterable[Finding], gaps: Iterable[Gap]) -> frozenset[bytes]:
    """Return the secrets in paths and authors. They may be old ones, which are no findings of this push."""
    people = [f.author for f in findings if f.author]
    texts = {f.path for f in findings} | {f"{each.name} <{each.email}>" for each in people}
    texts |= {text for gap in gaps for text in (gap.path, gap.message) if text}
    return frozenset(
        match.secret.reveal()
        for text in texts
        for match in scanner.scan(text.encode("utf-8", "surrogateescape")).matches
    )
