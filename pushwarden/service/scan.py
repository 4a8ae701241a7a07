"""Scan a push: read what it brought in, publish one security event, move the frontier.

In that order, so that a crash anywhere only means that it is done again.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from pushwarden.aws.codecommit import ObjectMissingError, RepositoryGoneError
from pushwarden.aws.githttp import (
    Advertisement,
    GitBrokenOffError,
    NotOurRefError,
    PackTooLargeError,
    RepositoryNotFoundError,
)
from pushwarden.aws.state import Frontier, RefState, StaleStateError
from pushwarden.events import Change, Push, SecurityEvent
from pushwarden.history.content import PushContent
from pushwarden.history.introduced import Introduced, introduced
from pushwarden.history.pack import Limits, PackTooBigError
from pushwarden.history.remote import PackContent, read_api
from pushwarden.model import Finding, Gap
from pushwarden.service.ahead import ancestors, divide
from pushwarden.service.app import App
from pushwarden.service.frontier import (
    Ahead,
    Range,
    baseline,
    caught_up,
    is_settled,
    moved,
    moved_ahead,
    scan_range,
    settling,
    standing_before,
    stays,
)
from pushwarden.service.offers import UPLOAD, forget, recall, remember
from pushwarden.service.once import OutdatedError, tell_once
from pushwarden.service.security_event import Reading, named, security_event
from pushwarden.service.telling import raised
from pushwarden.service.told import INSTALLED, is_done_with, remember_left
from pushwarden.service.turn import OutOfTurnError, Turn

_log: Final = logging.getLogger(__name__)

UNFINISHED: Final = frozenset({"timeout", "pack-too-large", "history-too-long"})
"""Gaps that leave whole commits unscanned. The frontier stays where it is, so that they are not forgotten."""
_BRANCHES: Final = "refs/heads/"
_TRIES: Final = 3
"""How often a push is scanned again because its ref's row was changed meanwhile."""


def scan_push(
    app: App,
    push: Push,
    *,
    deadline: float | None = None,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
    late: bool = False,
    patient: bool = False,
) -> SecurityEvent | None:
    """Scan one push and return the security event that was published, or None if there was nothing to tell.

    Args:
        app: clients and settings.
        push: which ref moved, and how.
        deadline: moment on ``clock`` at which scanning stops and the rest becomes a gap.
        limits: bounds of memory and size.
        clock: a monotonic clock, in seconds.
        late: the event has waited, and so may others of its branch: scan up to where the branch stands now.
        patient: rather than scanning a push whose predecessor is missing, wait for that one's event.

    Raises:
        BranchBusyError: another event of the same ref is being worked on.
        OutOfTurnError: there is something to be patient for.
        PushwardenError: a passing fault, or rights are missing. Nothing was published and the frontier stands where it
            stood, so the same event can be tried again.
    """
    if not app.settings.policy.watches(push.repository):
        return None
    with Turn(app, push) as turn:
        reader = _Reader(app, push, limits or Limits(), deadline, clock, turn)
        for _ in range(_TRIES):
            try:
                event = _scan(reader, late=late, patient=patient)
            except OutdatedError:
                continue
            except _OutOfOrderError:
                late = True
            else:
                turn.through()
                return event
        raise turn.busy()


def _scan(reader: _Reader, *, late: bool, patient: bool) -> SecurityEvent | None:
    app, push = reader.app, reader.push
    frontier = reader.meet(app.state.frontier(push.repository_id))
    found = frontier.rows.get(push.ref)
    if is_settled(push, found) or is_done_with(app.state, push, found):
        return None
    frontier = replace(frontier, rows={ref: caught_up(row, push) for ref, row in frontier.rows.items()})
    todo = scan_range(push, frontier.rows)
    if todo.target is None:
        _move(app, push, found, Reading(Introduced((), (), 0, 0)), ())
        return None
    reading = reader.take(todo, late=late, patient=patient)
    fresh = [f for f in reading.found.findings if f.commit not in todo.already_told]
    findings = [f for f in fresh if f.commit not in reader.turn.told]
    if todo.left is not None:
        reading = _behind(reading, todo.left, fresh)
        row = _standing(frontier.rows.get(push.ref, RefState(push.ref)), push, reading)
        frontier = replace(frontier, rows={**frontier.rows, push.ref: row})
    event = security_event(app, named(push, todo.left, reading, findings), frontier, reading, findings)
    if event is not None:
        if not late and _is_out_of_order(push, frontier, reading):
            raise _OutOfOrderError
        tell_once(reader.turn, event, found, (*reading.commits, *reading.left))
    if any(gap.code in UNFINISHED for gap in reading.found.gaps):
        _log.warning("scan of %s unfinished", push.repository)
        if event is not None:
            app.runs.save_unfinished(event.incident_id, event.to_detail())
        return event
    if reading.unseen:
        return event
    left = todo.left or (push.old if push.new is None else None)
    if event is not None and left is not None:
        remember_left(app.state, push, left, now_s=app.wall_clock())
    gone = {commit.commit_id for commit in reading.left}  # the ref does not hold these any more: nothing to hold back
    held = raised(event, (f.commit for f in findings if f.commit not in gone))
    _move(app, push, found, reading, (*held, *reader.turn.opened(reading.commits)))
    return event


def _is_out_of_order(push: Push, frontier: Frontier, reading: Reading) -> bool:
    """Tell whether the branch's row would not remember what is told of the push, so that the next push told it again."""
    row = frontier.rows.get(push.ref, RefState(push.ref))
    return _is_branch(push) and not reading.unseen and stays(row, push, reading.tip)


class _OutOfOrderError(Exception):
    """There is something to tell of a push that the row cannot follow: it is to be read up to where the branch stands."""


class _InDoubtError(Exception):
    """A fetch that relied on what is remembered of the server broke off: look first, then try again."""


@dataclass(frozen=True, slots=True)
class _Reader:
    app: App
    push: Push
    limits: Limits
    deadline: float | None
    clock: Callable[[], float]
    turn: Turn

    def meet(self, frontier: Frontier) -> Frontier:
        """Take a baseline if this is the first push to a repository that is older than Pushwarden."""
        if frontier.met:
            return frontier
        push, state = self.push, self.app.state
        now = str(self.app.wall_clock()).encode()
        state.save_setting_once(INSTALLED, now)
        installed = float(state.setting(INSTALLED) or now)
        try:
            if self.app.codecommit.repository(push.repository).created_s >= installed:
                return frontier
            advertised = self._advertised()
        except (RepositoryGoneError, RepositoryNotFoundError):
            return frontier  # reading the push will say so
        refs = {ref: advertised.peeled.get(ref, oid) for ref, oid in advertised.refs.items() if ref.startswith("refs/")}
        state.save_baseline(push.repository_id, baseline(push, refs))
        return state.frontier(push.repository_id)

    def take(self, todo: Range, *, late: bool, patient: bool) -> Reading:
        """Read and scan the range; a late push together with those after it, or behind those before it."""
        return (self.read_ahead(todo, patient=patient) if late else None) or self.read(todo)

    def read(self, todo: Range) -> Reading:
        """Read and scan the range, and what the push took away before anybody saw it."""
        reading = self._read(todo)
        if todo.left is None:
            return reading
        if todo.left in {commit.commit_id for commit in reading.commits}:
            at_s = datetime.fromisoformat(self.push.time).timestamp()
            return replace(reading, ahead=Ahead(at_s, tuple(commit.commit_id for commit in reading.commits)))
        known = (*todo.known, *(commit.commit_id for commit in reading.commits))
        left = self._read(replace(todo, target=todo.left, known=known))
        found = Introduced(
            reading.found.findings + left.found.findings,
            reading.found.gaps + left.found.gaps,
            reading.found.commits + left.found.commits,
            reading.found.blobs + left.found.blobs,
        )
        return replace(reading, found=found, left=left.commits)

    def read_ahead(self, todo: Range, *, patient: bool) -> Reading | None:
        """Read and scan everything up to where the branch stands now; None if the push must be read by itself."""
        push = self.push
        if not _is_branch(push):
            return None
        seen_s = self.app.wall_clock()
        if not self.turn.begin():
            raise self.turn.busy()
        return self._look_ahead(todo, seen_s, patient=patient)

    def _look_ahead(self, todo: Range, seen_s: float, *, patient: bool) -> Reading | None:
        push = self.push
        try:
            advertised = self._advertised()
        except RepositoryNotFoundError:
            return None  # reading the push will say so
        tip = advertised.refs.get(push.ref)
        if tip is None:
            return None
        # Half the time, so that enough is left should nothing come of it.
        now = self.clock()
        deadline = None if self.deadline is None else now + (self.deadline - now) / 2
        reader = self if tip == push.new else replace(self, deadline=deadline)
        return reader.read_to(tip, todo, advertised, seen_s, patient=patient)

    def read_to(
        self, tip: str, todo: Range, advertised: Advertisement, seen_s: float, *, patient: bool
    ) -> Reading | None:
        """Read and scan everything up to a commit; None if nobody can tell what of it is the push's own.

        Raises:
            OutOfTurnError: the event of a push before this one can tell, should it still come.
        """
        wide = self._read(replace(todo, target=tip), advertised)
        if wide.unseen or wide.found.gaps:
            return wide if tip == self.push.new and todo.left is None else None
        fresh = [each for each in wide.found.findings if each.commit not in todo.already_told]
        if todo.left is not None:
            before = ancestors(wide.commits, todo.left)
            if patient and (not before or any(each.commit in before for each in fresh)):
                raise OutOfTurnError(f"a push before this one of {self.push.repository} is not scanned yet")
            if not before:
                return None
        shares = divide(wide.commits, fresh, push=str(self.push.new), tip=tip, seen_s=seen_s)
        if shares is None:
            return None
        found = replace(wide.found, findings=shares.findings, commits=len(shares.commits))
        return Reading(found, shares.commits, ahead=shares.ahead, advertised=advertised)

    def _read(self, todo: Range, advertised: Advertisement | None = None) -> Reading:
        """Read and scan a range, by git if some ref still reaches it, else through the API."""
        try:
            with tempfile.TemporaryDirectory(prefix="pushwarden-") as folder:
                return self._read_pack(todo, Path(folder) / "push.pack", advertised)
        except NotOurRefError:
            return self._read_api(todo)
        except (RepositoryNotFoundError, RepositoryGoneError):
            return _incomplete(
                "repository-gone", "the repository was deleted or renamed before its push was scanned", self.push
            )
        except (PackTooLargeError, PackTooBigError) as error:
            return _incomplete("pack-too-large", f"{error}; the backfill scans it in slices", self.push)

    def _read_pack(self, todo: Range, path: Path, seen: Advertisement | None) -> Reading:
        if seen is not None:
            return self._fetched(todo, path, seen, looked=True)
        expected = self._expected(todo)
        if expected is not None:
            try:
                return self._fetched(todo, path, expected, looked=False)
            except _InDoubtError:
                forget(self.app, UPLOAD)  # what is remembered of the server may not hold any more
        return self._fetched(todo, path, self._advertised(), looked=True)

    def _advertised(self) -> Advertisement:
        known = recall(self.app, UPLOAD)
        found = self.app.retry.call(lambda: self.app.git.advertisement(self.push.repository, UPLOAD))
        if self.app.git.offered(UPLOAD) != known:
            remember(self.app, UPLOAD)
        return found

    def _fetched(self, todo: Range, path: Path, advertised: Advertisement, *, looked: bool) -> Reading:
        app, push = self.app, self.push
        held = advertised.refs.get(push.ref)
        at_tip = (
            push.new is not None and todo.target == push.new and push.new in {held, advertised.peeled.get(push.ref)}
        )
        want = held if at_tip and held else str(todo.target)

        def fetch() -> None:
            try:
                with path.open("wb") as into:
                    app.git.fetch(
                        push.repository,
                        wants=[want],
                        haves=todo.known,
                        advertised=advertised,
                        into=into,
                        max_bytes=self.limits.pack_bytes,
                    )
            except GitBrokenOffError:
                if looked:
                    raise
                raise _InDoubtError from None

        app.retry.call(fetch)
        content = PackContent(app.codecommit, push.repository, path=path, limits=self.limits, tips=(want,))
        # Without having looked, nobody knows where the ref stands: then the order of events alone moves the frontier.
        tip = held if at_tip and looked else None
        return Reading(self._scan(content), content.commits, tip, advertised=advertised)

    def _expected(self, todo: Range) -> Advertisement | None:
        """Spare the question where the refs stand, if a branch goes on from what was seen and the server is known."""
        push = self.push
        if not _is_branch(push) or todo.target != push.new or not todo.follows:
            return None
        offered = recall(self.app, UPLOAD)
        return Advertisement({push.ref: str(push.new)}, {}, offered) if offered else None

    def _read_api(self, todo: Range) -> Reading:
        # What stood there before the push does not count as known: its own event may have been lost.
        try:
            content = read_api(self.app.codecommit, self.push.repository, str(todo.target), frozenset(todo.known))
            return Reading(self._scan(content), content.commits)
        except RepositoryGoneError:
            return _incomplete(
                "repository-gone", "the repository was deleted or renamed before its push was scanned", self.push
            )
        except ObjectMissingError:
            return _incomplete("commit-gone", "the pushed commit is not in the repository any more", self.push)

    def _scan(self, content: PushContent) -> Introduced:
        return introduced(content, self.app.scanner, deadline=self.deadline, clock=self.clock)


def _is_branch(push: Push) -> bool:
    return push.change is not Change.DELETED and push.ref.startswith(_BRANCHES)


def _move(app: App, push: Push, found: RefState | None, reading: Reading, raised: tuple[str, ...]) -> None:
    """Move the ref's frontier; if somebody else moved it meanwhile, judge again by what it is now."""
    for _ in range(5):
        row = caught_up(app.state.row(push.repository_id, push.ref, found) or RefState(push.ref), push)
        row = _standing(row, push, reading)
        if row.event_id == push.event_id and row.scanned == push.new:
            return
        new_commits = [commit.commit_id for commit in reading.commits]
        if reading.ahead is None:
            after = moved(row, push, tip=reading.tip, raised=raised, new_commits=new_commits)
        else:
            after = moved_ahead(row, push, reading.ahead, tip=reading.tip, raised=raised, new_commits=new_commits)
        if after is None and new_commits:
            # The row stays, but what was scanned need not be scanned again for a push that was there before this one.
            after = settling(row, new_commits, int(datetime.fromisoformat(push.time).timestamp()) + 1)
        if after is None or after == row:
            return
        try:
            app.state.save_ref(push.repository_id, after, now_s=app.wall_clock())
        except StaleStateError:
            continue
        return
    raise StaleStateError(f"the frontier of {push.repository} changes all the time; the push is tried again later")


def _behind(reading: Reading, left: str, findings: Sequence[Finding]) -> Reading:
    """Return the reading, noting whether what the ref stood at before was read in it and is clean."""
    before = ancestors(reading.commits, left)
    clean = bool(before) and not reading.found.gaps and not any(each.commit in before for each in findings)
    return replace(reading, clean=left) if clean else reading


def _standing(row: RefState, push: Push, reading: Reading) -> RefState:
    return row if reading.clean is None else standing_before(row, push, reading.clean)


def _incomplete(code: str, message: str, push: Push) -> Reading:
    return Reading(Introduced((), (Gap(code, message, commit=push.new or push.old),), 0, 0), unseen=True)
