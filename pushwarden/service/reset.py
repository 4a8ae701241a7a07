"""Reset a ref, and write down that it stands at the accepted commit again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pushwarden.aws.githttp import GitBrokenOffError
from pushwarden.aws.state import StaleStateError, standing_at
from pushwarden.events import SecurityEvent
from pushwarden.respond.reset import Tools, reset
from pushwarden.respond.run import DONE, Outcome
from pushwarden.service.app import App
from pushwarden.service.offers import RECEIVE, UPLOAD, forget, recall, remember


def reset_and_remember(app: App, event: SecurityEvent) -> Outcome:
    """Carry out a reset; then the frontier knows that the removed commits count as new should they come back.

    The move's own event would say the same, but CodeCommit's events may be lost.
    """
    known = recall(app, RECEIVE)
    recall(app, UPLOAD)
    tools = Tools(app.git, app.codecommit, app.backups, app.retry)
    try:
        outcome = reset(event, tools)
    except GitBrokenOffError:
        if not known:
            raise
        forget(app, RECEIVE)  # what is remembered of the server may not hold any more
        outcome = reset(event, tools)
    if app.git.offered(RECEIVE) != known:
        remember(app, RECEIVE)
    if outcome.outcome == DONE:
        _remember(app, event)
    return outcome


def _remember(app: App, event: SecurityEvent) -> None:
    push = event.push
    row = app.state.frontier(push.repository_id).rows.get(push.ref)
    if row is None or row.scanned != push.new:
        return
    now = app.wall_clock()
    # Events count whole seconds. The next one, so that a late event of this second does not pass for a newer push; a
    # push that really is newer is scanned all the same, and only moves the frontier with its successor.
    time = datetime.fromtimestamp(now + 1, UTC).isoformat(timespec="seconds")
    back = replace(standing_at(row, row.accepted), open_commits=(), event_time=max(row.event_time, time))
    try:
        app.state.save_ref(push.repository_id, replace(back, deleted=event.accepted is None), now_s=now)
    except StaleStateError:
        return  # another scan has moved the row on: it knows better
