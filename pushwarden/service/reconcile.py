"""Find pushes whose event never came: compare every repository's refs with the frontier.

CodeCommit's events are best effort, so an event may be lost for good
(https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html). What was not scanned is put on the scan
queue as if its event had come. The event may still be under way, so a ref must stand unscanned for a while first.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from pushwarden.aws.codecommit import CodeCommitError, Repository, RepositoryGoneError
from pushwarden.aws.githttp import Advertisement, GitError, RepositoryNotFoundError
from pushwarden.aws.progress import Sighting, Unscanned
from pushwarden.aws.state import Frontier, RefState
from pushwarden.errors import PushwardenError
from pushwarden.service.app import App
from pushwarden.service.backfill_start import start_what_waits, unfinished_tips
from pushwarden.service.synthetic import state_change
from pushwarden.service.told import INSTALLED

_log: Final = logging.getLogger(__name__)

GRACE_S: Final = 15 * 60
"""How long a ref must have stood unscanned before its scan is asked for. An event that comes at all comes within seconds."""
AGAIN_S: Final = 24 * 3600
"""After this time without a scan it is asked for again."""
RATE_PER_S: Final = 10.0
"""Repositories per second. CodeCommit does not publish its limits; people and scans share them with us."""
FAILURES_IN_A_ROW_MAX: Final = 20
_ASKED_AT_ONCE: Final = 500
"""After how many events it is looked whether there is time for more: a repository may have 100,000 refs."""
_UPLOAD: Final = "git-upload-pack"
_SCANNED_REFS: Final = ("refs/heads/", "refs/tags/")


class TooManyFailuresError(PushwardenError):
    """Repository after repository could not be read: the rights are wrong, or CodeCommit is not to be reached."""


@dataclass(slots=True)
class Reconciled:
    """What one run did."""

    repositories: int = 0
    refs: int = 0
    missing: int = 0
    """Pushes whose scan was asked for the first time: their event never came."""
    again: int = 0
    """Pushes whose scan was asked for before, and has not come to an end."""
    waiting: int = 0
    """Refs that stand unscanned for too short a time to be sure."""
    baselines: int = 0
    """Repositories that were met for the first time and are older than Pushwarden."""
    renamed: int = 0
    gone: int = 0
    unreadable: list[str] = field(default_factory=list)
    backfill: str = ""
    """The backfill that was started, if one was."""
    finished: bool = False
    """Every repository was looked at; False: the next run goes on."""


def unscanned(frontier: Frontier, advertised: Advertisement) -> dict[str, str | None]:
    """Return the refs that stand where no scan has been: the commit, or None for refs that are gone. Pure."""
    found: dict[str, str | None] = {}
    for ref, object_id in advertised.refs.items():
        commit = advertised.peeled.get(ref, object_id)
        if ref.startswith(_SCANNED_REFS) and not _is_scanned(frontier.rows.get(ref), object_id, commit):
            found[ref] = commit
    for ref, row in frontier.rows.items():
        if ref not in advertised.refs and not row.deleted and (row.scanned or row.accepted):
            found[ref] = None
    return found


def _is_scanned(row: RefState | None, object_id: str, commit: str) -> bool:
    if row is None or row.deleted or (row.scanned or row.accepted) not in {object_id, commit}:
        return False
    # An annotated tag can be made anew on the same commit: then only its own id tells.
    moved_tag = row.accepted == row.scanned and row.accepted_object not in {None, object_id, commit}
    return not moved_tag


def sort_out(
    now_unscanned: Mapping[str, str | None], before: Sighting, *, name: str, now_s: float, grace_s: float = GRACE_S
) -> tuple[Sighting, list[str]]:
    """Return what to remember of a repository, and the refs whose scan is to be asked for now. Pure.

    Args:
        now_unscanned: as :func:`unscanned` gives it.
        before: what the last run saw.
        name: the repository's name now.
        now_s: the time, in seconds since 1970.
        grace_s: how long a ref must have been seen at the same unscanned commit.
    """
    seen: dict[str, Unscanned] = {}
    due: list[str] = []
    for ref, tip in now_unscanned.items():
        last = before.unscanned.get(ref)
        each = last if last is not None and last.tip == tip else Unscanned(tip, int(now_s))
        if now_s - each.first_seen_s >= grace_s and (not each.sent_s or now_s - each.sent_s >= AGAIN_S):
            due.append(ref)
        seen[ref] = each
    return Sighting(name, seen), due


def still_asked(before: Sighting, frontier: Frontier) -> Sighting:
    """Return the sighting without the refs that were scanned since their scan was asked for. Pure.

    If such a ref stands unscanned again, then by another push of the same commit, which was lost as well.
    """

    def answered(ref: str, each: Unscanned) -> bool:
        row = frontier.rows.get(ref)
        time_ = row.event_time if row else ""
        return bool(each.sent_s and time_) and datetime.fromisoformat(time_).timestamp() >= each.sent_s

    return replace(before, unscanned={r: each for r, each in before.unscanned.items() if not answered(r, each)})


@dataclass(slots=True)
class Pace:
    """Lets one request through per ``1 / rate_per_s`` seconds."""

    rate_per_s: float = RATE_PER_S
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = 0.0

    def wait(self) -> None:
        """Wait for the next turn."""
        now = self.clock()
        if now < self._next:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.rate_per_s


def reconcile(
    app: App,
    *,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    pace: Pace | None = None,
    grace_s: float = GRACE_S,
) -> Reconciled:
    """Compare every repository with the frontier and ask for the scans that are missing.

    A run that does not get through by its deadline leaves a cursor behind; the next one goes on from there.

    Args:
        app: clients and settings.
        deadline: moment on ``clock`` at which to stop.
        clock: a monotonic clock, in seconds.
        pace: how fast repositories may be asked.
        grace_s: see :data:`GRACE_S`.

    Raises:
        TooManyFailuresError: one repository after the other cannot be read.
        PushwardenError: the list of repositories cannot be read, or the queue does not take the events.
    """
    pace = pace or Pace(clock=clock)
    done = Reconciled()
    app.state.save_setting_once(INSTALLED, str(app.wall_clock()).encode())
    # First: what is left of a push that was too large matters more than what may be missing.
    done.backfill = start_what_waits(app)
    unfinished = unfinished_tips(app)
    names = sorted(app.codecommit.repository_ids())
    before = app.progress.sightings()
    after = app.progress.cursor()
    failures = 0

    def in_time() -> bool:
        return deadline is None or clock() < deadline

    for name, repository_id in names:
        if name <= after or not app.settings.policy.watches(name):
            continue
        if not in_time():
            return done
        pace.wait()
        try:
            skip = unfinished.get(repository_id, frozenset())
            seen = before.get(repository_id)
            if not _one(app, done, name, repository_id, seen, grace_s=grace_s, skip=skip, in_time=in_time):
                return done
            failures = 0
        except (RepositoryGoneError, RepositoryNotFoundError):
            pass  # deleted or renamed since the list was read: the next run sees which
        except (CodeCommitError, GitError) as error:
            failures += 1
            done.unreadable.append(name)
            _log.warning("cannot compare %s: %s", name, error)
            if failures >= FAILURES_IN_A_ROW_MAX:
                raise TooManyFailuresError(f"reconciliation stops after {name}: {error}") from None
        app.progress.save_cursor(name)
    _part_with(app, done, before, {repository_id for _, repository_id in names})
    app.progress.save_cursor("")
    done.finished = True
    return done


def _one(
    app: App,
    done: Reconciled,
    name: str,
    repository_id: str,
    before: Sighting | None,
    *,
    grace_s: float,
    skip: frozenset[tuple[str, str]],
    in_time: Callable[[], bool],
) -> bool:
    """Compare one repository; tell whether every scan that is missing there was asked for."""
    now_s = app.wall_clock()  # before the frontier is read: what is told of later than this needs no scan of ours
    frontier = app.state.frontier(repository_id)
    advertised = app.retry.call(lambda: app.git.advertisement(name, _UPLOAD))
    done.repositories += 1
    done.refs += len(advertised.refs)
    done.renamed += before is not None and before.name != name
    if not frontier.met and _meet(app, name, repository_id, advertised):
        done.baselines += 1
        frontier = app.state.frontier(repository_id)
    # The scan of these has begun: their event has come, and the backfill goes on with them.
    missing = {ref: tip for ref, tip in unscanned(frontier, advertised).items() if (ref, tip) not in skip}
    known = still_asked(before, frontier) if before is not None else Sighting(name)
    now, due = sort_out(missing, known, name=name, now_s=now_s, grace_s=grace_s)
    done.waiting += len(now.unscanned) - len(due)
    repository = app.codecommit.repository(name) if due else None
    sent: dict[str, Unscanned] = {}
    try:
        while repository and len(sent) < len(due) and (not sent or in_time()):
            some = {ref: now.unscanned[ref] for ref in due[len(sent) : len(sent) + _ASKED_AT_ONCE]}
            _ask(app, repository, frontier, some)
            done.missing += sum(not each.sent_s for each in some.values())
            done.again += sum(bool(each.sent_s) for each in some.values())
            sent |= {ref: replace(each, sent_s=int(now_s)) for ref, each in some.items()}
    finally:
        # Whatever ends this run: what was asked for is not asked for again by the next one.
        now = replace(now, unscanned={**now.unscanned, **sent})
        if now != before:  # most of the time nothing has changed, and nothing is written
            app.progress.save_sighting(repository_id, now)
    return len(sent) == len(due)


def _meet(app: App, name: str, repository_id: str, advertised: Advertisement) -> bool:
    """Take the baseline of a repository that is older than Pushwarden: its history must never lock or reset anything."""
    installed = float(app.state.setting(INSTALLED) or app.wall_clock())
    repository = app.codecommit.repository(name)
    refs = {ref: advertised.peeled.get(ref, each) for ref, each in advertised.refs.items() if ref.startswith("refs/")}
    if repository.created_s >= installed or repository.repository_id != repository_id or not refs:
        return False
    app.state.save_baseline(repository_id, refs)
    return True


def _ask(app: App, repository: Repository, frontier: Frontier, due: Mapping[str, Unscanned]) -> None:
    now_s = app.wall_clock()
    events = [
        state_change(repository, ref, frontier.rows.get(ref), each.tip, seen_s=each.first_seen_s, now_s=now_s)
        for ref, each in due.items()
    ]
    for event in events:
        _log.info("the event of %s in %s never came; its scan is asked for", event["id"], repository.name)
    app.scan_queue.send([json.dumps(event) for event in events])


def _part_with(app: App, done: Reconciled, before: Mapping[str, Sighting], there: set[str]) -> None:
    for repository_id, sighting in before.items():
        if repository_id not in there:
            done.gone += 1
            app.progress.forget(repository_id, sighting.name, now_s=app.wall_clock())
