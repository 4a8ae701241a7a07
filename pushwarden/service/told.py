"""One leak, two events: the push's own, which came late, and the one that was scanned in its place.

That is one which reconciliation made, or the next push on the ref, which took the first one's commits away before anybody
had seen them. Whichever is scanned first tells of the leak and writes down that it did; the other one finds the note.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Final

from pushwarden.aws.state import RefState, State, Step
from pushwarden.events import Push
from pushwarden.service.frontier import was_seen

INSTALLED: Final = "installed-at"
"""The setting that holds when Pushwarden first ran here, in seconds since 1970."""
_TOLD: Final = "told"
_BY_ITSELF, _BY_RECONCILIATION, _BY_THE_NEXT = "event", "reconciled", "next"


def is_done_with(state: State, push: Push, row: RefState | None) -> bool:
    """Tell whether another event has had this very push scanned already, given the row of its ref."""
    if push.seen_s is not None:
        if row is not None and row.scanned == push.new and not row.deleted:
            return True
        told = state.step(_key(push), _TOLD)
        return told is not None and float(told.summary) >= push.seen_s and told.outcome == _BY_ITSELF
    # Only an event that is older than what the row has seen can be the late one: others need no look into the table.
    if row is None or not push.event_time_is_before(row.event_time):
        return False
    told = state.step(_key(push), _TOLD)
    pushed_s = datetime.fromisoformat(push.time).timestamp()
    if told is None or pushed_s > float(told.summary):
        return False
    # The next push told of what this one brought, not of what this one took away: perhaps nobody has seen that either.
    return told.outcome == _BY_RECONCILIATION or (told.outcome == _BY_THE_NEXT and was_seen(push.old, row))


def remember_told(state: State, push: Push, *, now_s: float) -> None:
    """Write down that people were told of this push."""
    by = _BY_ITSELF if push.seen_s is None else _BY_RECONCILIATION
    state.record_step(_key(push), _TOLD, Step(by, str(int(now_s))), now_s=now_s)


def remember_left(state: State, push: Push, left: str, *, now_s: float) -> None:
    """Write down that people were told of what a ref stood at before this push: its own event is late or lost."""
    before = replace(push, new=left)
    state.record_step(_key(before), _TOLD, Step(_BY_THE_NEXT, str(int(now_s))), now_s=now_s)


def _key(push: Push) -> str:
    text = "\0".join((push.repository_id, push.ref, push.new or "", push.old or "" if push.new is None else ""))
    return "push-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
