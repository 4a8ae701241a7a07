"""Two lanes for pushes, so that a fresh one never stands behind a backlog.

An event that has waited for long belongs to a backlog, whatever brought that about. It moves to a second queue, which costs
no request to CodeCommit, and so the first queue soon holds fresh events only. One that merely stood behind a backlog of
other repositories (:mod:`pushwarden.service.crowd`) is scanned at once. Those of the second queue read ahead
(:mod:`pushwarden.service.ahead`), take their turn behind the pushes before them, and leave a part of CodeCommit's requests
to fresh pushes and to people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pushwarden.aws.codecommit import CodeCommitBusyError
from pushwarden.aws.retry import FAULTS, is_passing
from pushwarden.events import MARK, MalformedEventError, Push, SecurityEvent, parse_push
from pushwarden.service.app import App
from pushwarden.service.scan import scan_push
from pushwarden.service.turn import BranchBusyError, OutOfTurnError
from pushwarden.topology import SCAN

LATE_S: Final = 15.0
"""An event this old is late. One that comes at all comes within seconds, so it has stood in a queue."""
REQUESTS_PER_S: Final = 12.0
"""How many requests to CodeCommit the late events may make, all together. CodeCommit does not publish its limits; this is
part of a small one, and less is asked where CodeCommit refuses."""
TURNS_MAX: Final = 3
"""How often an event waits for one before it, which may have been lost, before it is scanned all the same."""
TURN_S: Final = 15
FRESH_TURN_S: Final = 5
"""For how many seconds an event that has not stood in a queue waits for one before it."""
_WAITED: Final = "waited"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event."""

    push: Push
    event: SecurityEvent | None = None
    put_off: bool = False
    """It was not scanned: it waits in the queue of late events now."""


def take(app: App, envelope: Mapping[str, Any], *, deadline: float | None = None) -> Taken:
    """Scan the push that an event from either queue tells of, or put it off.

    Args:
        app: clients and settings.
        envelope: the event as EventBridge delivers it, or as it was put off.
        deadline: as for :func:`pushwarden.service.scan.scan_push`.

    Raises:
        MalformedEventError: it is no event of CodeCommit's.
        PushwardenError: as for :func:`pushwarden.service.scan.scan_push`.
    """
    push, waited = parse_push(envelope), _waited(envelope)
    if app.late_queue is None:
        return Taken(push, scan_push(app, push, deadline=deadline))
    if waited is None:
        return _fresh(app, push, envelope, deadline)
    app.retry.pace.leave(SCAN.late_concurrency / REQUESTS_PER_S)
    try:
        return Taken(push, scan_push(app, push, deadline=deadline, late=True, patient=waited < TURNS_MAX))
    except BranchBusyError:
        return _put_off(app, push, envelope, waited, delay_s=TURN_S)
    except OutOfTurnError:
        return _put_off(app, push, envelope, waited + 1, delay_s=TURN_S)


def _fresh(app: App, push: Push, envelope: Mapping[str, Any], deadline: float | None) -> Taken:
    late = is_late(push, app.wall_clock())
    if late and not app.crowd.stands_apart(push.repository_id, app.wall_clock()):
        return _put_off(app, push, envelope, 0)
    app.retry.pace.leave(0)
    try:
        return Taken(push, scan_push(app, push, deadline=deadline, late=late, patient=True))
    except FAULTS as error:
        if not is_passing(error):
            raise
    except (CodeCommitBusyError, BranchBusyError):
        pass
    except OutOfTurnError:
        if not late:
            # The event of the push before it is as fresh: it is here in a moment, or not at all.
            return _put_off(app, push, envelope, TURNS_MAX, delay_s=FRESH_TURN_S)
    # Sooner than the queue would bring it again by itself: that takes as long as the function's whole time limit.
    return _put_off(app, push, envelope, 0, delay_s=TURN_S)


def is_late(push: Push, now_s: float) -> bool:
    """Tell whether an event has stood in a queue for long. ``now_s`` is in seconds since 1970."""
    return now_s - datetime.fromisoformat(push.time).timestamp() > LATE_S


def _put_off(app: App, push: Push, envelope: Mapping[str, Any], waited: int, *, delay_s: int = 0) -> Taken:
    # If this process dies now, the event is there twice: twice is once.
    if app.late_queue is not None:
        app.late_queue.send([json.dumps({**envelope, MARK: {_WAITED: waited}})], delay_s=delay_s)
    return Taken(push, put_off=True)


def _waited(envelope: Mapping[str, Any]) -> int | None:
    """Return how often an event has waited for its turn; None if it comes right from the bus, which never sets this."""
    mark = envelope.get(MARK)
    if mark is None:
        return None
    try:
        return int(mark[_WAITED])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedEventError(f"an event that was put off lacks or garbles something ({error!r})") from None
