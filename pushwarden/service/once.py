"""Tell of a push once, whoever dies on the way: what a scan is about to tell is written down before, and told to the end.

Responses do what they do once for an incident, however often its event comes. So the event of a scan that died can be published
again by whoever scans the ref next, under the incident of the one that died; that its findings are told is then known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pushwarden.aws.state import RefState, StaleStateError
from pushwarden.events import SecurityEvent
from pushwarden.history.objects import Commit
from pushwarden.model import Result
from pushwarden.service.ahead import ancestors
from pushwarden.service.frontier import moved
from pushwarden.service.telling import raised
from pushwarden.service.told import is_done_with, remember_told
from pushwarden.service.turn import Turn


class OutdatedError(Exception):
    """While the push was scanned, the frontier moved: somebody else may have told of what was found."""


def tell_once(turn: Turn, event: SecurityEvent, found: RefState | None, commits: Sequence[Commit]) -> None:
    """Publish the event, unless somebody else told of the same meanwhile, or died while telling it.

    Args:
        turn: of the ref and the push.
        event: what is to be told.
        found: the ref's row when the push was read.
        commits: what was read.

    Raises:
        OutdatedError: the row of the ref is not what it was found to be any more, or something of what was found is told.
        BranchBusyError: another scan has something to tell of the ref.
    """
    app, push = turn.app, turn.push
    turn.wait()
    row = app.state.row(push.repository_id, push.ref, found)
    if row != found or is_done_with(app.state, push, row):
        raise OutdatedError
    left = turn.left
    if left is not None and _is_open(left, row) and _is_of_before(left, turn, commits):
        _finish(turn, left, row or RefState(push.ref), commits)
        raise OutdatedError
    turn.note(event)
    app.publish_event(event)
    remember_told(app.state, push, now_s=app.wall_clock())


def _is_open(left: SecurityEvent, row: RefState | None) -> bool:
    """Tell whether the row knows nothing of what another scan was telling. That one must have found everything there was."""
    past = row is not None and (row.event_id == left.push.event_id or left.push.event_time_is_before(row.event_time))
    return left.result is Result.FINDINGS and not past


def _is_of_before(left: SecurityEvent, turn: Turn, commits: Sequence[Commit]) -> bool:
    """Tell whether what another scan was telling was pushed before, not again: who brings it back is told of anew."""
    push = turn.push
    if push.seen_s is not None or datetime.fromisoformat(push.time).timestamp() <= turn.left_s:
        return True
    return push.old is not None and left.push.new in {push.old, *ancestors(commits, push.old)}


def _finish(turn: Turn, left: SecurityEvent, row: RefState, commits: Sequence[Commit]) -> None:
    """Do what the scan that died would have done: publish, note that it was told, and move the frontier."""
    app, push = turn.app, left.push
    app.publish_event(left)
    remember_told(app.state, push, now_s=app.wall_clock())
    named = [each.commit for each in left.findings]
    own = ancestors(commits, push.new) if push.new else frozenset()
    after = moved(row, push, tip=None, raised=raised(left, named), new_commits=own) if own else None
    if after is None:
        # The row cannot follow. Then it follows this scan's own push, which leaves out what is told.
        turn.finished.append(left)
        return
    try:
        app.state.save_ref(push.repository_id, after, now_s=app.wall_clock())
    except StaleStateError:
        return  # the note stays: what the row is now has to be looked at first
    turn.note(None)
