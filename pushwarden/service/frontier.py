"""How far each ref was scanned: which commits count as known, and how the frontier moves. Pure.

Known are the commits that some ref *accepted*: scanned, and without open findings. A commit that carries an open
finding is never known to another ref, so a secret that is pushed to two branches is found on both; on its own ref it is
not told of twice, because the row names it among its open commits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pushwarden.aws.state import DAY_S, SETTLED_MAX, RefState, accepting, standing_at
from pushwarden.events import Change, Push

_CLOCKS_DIFFER_S: Final = 2.0
"""How far CodeCommit's clock and ours may be apart, and that events count whole seconds."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was read beyond a push: its ref as it stood at one moment, with later pushes whose events still wait."""

    seen_s: float
    """When the ref was looked at, in seconds since 1970."""
    settled: tuple[str, ...]
    """Every commit that was scanned up to ``tip``; what they hold is told with this push, or was told before."""
    tip: str | None = None
    """Where the ref stood; None if a later push brings something in, of which its own event is to tell."""
    following: tuple[str, ...] = ()
    """If so: the commits after the push and before that one, oldest first. They bring in nothing."""
    leading: frozenset[str] = frozenset()
    """If so: the commits that lead to the push in a straight line. A row that stands at one of them may follow."""


@dataclass(frozen=True, slots=True)
class Range:
    """What is to be scanned of a push."""

    target: str | None
    """The commit (or tag) to start from; None: nothing to scan."""
    known: tuple[str, ...]
    """Commits that need no scan, and neither does anything reachable from them."""
    already_told: frozenset[str]
    """Commits that are scanned again only because what they brought in is still open."""
    left: str | None = None
    """What the ref stood at before, if nothing says that it was ever scanned: its own event was lost, or is late."""
    follows: bool = False
    """The push goes on from where a scan ended that its ref knows of: only events that are out of order do not."""


def scan_range(push: Push, rows: Mapping[str, RefState]) -> Range:
    """Return what to scan for a push, given the frontier of every ref of the repository."""
    row = rows.get(push.ref, RefState(push.ref))
    nothing = Range(None, (), frozenset())
    if push.change is Change.DELETED:
        # A commit that was pushed and taken away before its own event was seen is leaked all the same.
        return nothing if was_seen(push.old, row) else Range(push.old, _known(rows, row), frozenset(row.open_commits))
    if row.scanned == push.new and row.event_id == push.event_id:
        return nothing  # the same event again
    if row.scanned == push.new and row.accepted == push.new and not row.deleted and was_seen(push.old, row):
        return nothing  # a commit that is in good order, and so is what it replaced
    if row.scanned is None and row.accepted == push.new:
        # The baseline was taken after this very push: what the push brought in is not scanned yet.
        row = RefState(push.ref, accepted=push.old)
    # Pushed again after it was scanned: somebody brings removed commits back, so what they hold is told of anew.
    again = row.scanned == push.new
    left = None if was_seen(push.old, row) else push.old
    told = frozenset() if again else frozenset(row.open_commits)
    begins = row.deleted or (row.scanned is None and row.accepted is None)
    follows = begins if push.old is None else push.old in _passed(row)
    return Range(push.new, _known(rows, row), told, left, follows=follows)


def baseline(push: Push, refs: Mapping[str, str]) -> dict[str, str]:
    """Return where each ref stood before a push, given where each stands now.

    Used once, when Pushwarden first meets a repository that is older than Pushwarden is: what was there before is the
    backfill's business, and must never lock or reset anything.
    """
    before = {ref: commit for ref, commit in refs.items() if ref != push.ref and commit != push.new}
    return before | ({push.ref: push.old} if push.old else {})


def moved(
    row: RefState,
    push: Push,
    *,
    tip: str | None,
    raised: Iterable[str],
    new_commits: Iterable[str],
) -> RefState | None:
    """Return the ref's row after a scan, or None if the row must stay as it is.

    Args:
        row: the row as it is now.
        push: the push that was scanned.
        tip: what the ref held when it was last seen: the push's commit, or the annotated tag that points at it; None if
            it stood elsewhere.
        raised: commits that carry findings of this push which hold the ref back, because it is to be locked or reset.
        new_commits: every commit of the range that was scanned.
    """
    if stays(row, push, tip):
        return None
    row = _leaving(row, push)
    if push.change is Change.DELETED:
        return _stamped(dataclasses.replace(row, deleted=True, open_commits=()), push)
    # An older finding stays open only while the ref still holds its commit.
    reachable = set(new_commits)
    opened = [commit for commit in row.open_commits if commit in reachable]
    opened += [commit for commit in raised if commit not in opened]
    gone_before = accepting(row, None, None) if row.deleted else row
    good = gone_before if opened else accepting(dataclasses.replace(row, restored=False), push.new, tip)
    opening = dataclasses.replace(good, open_commits=tuple(opened), deleted=False)
    return _stamped(standing_at(opening, push.new), push)


def stays(row: RefState, push: Push, tip: str | None) -> bool:
    """Tell whether a ref's row cannot follow a push: a later one moved it already, or nobody knows what came before.

    Args:
        row: the row as it is now.
        push: the push that was scanned.
        tip: as for :func:`moved`.
    """
    if push.event_time_is_before(row.event_time):
        return True
    # Events come late and out of order; only a row that stands where the push began may follow it blindly.
    follows = push.old == (row.scanned or row.accepted) or row.deleted
    return tip is None and not follows and push.change is not Change.DELETED


def is_settled(push: Push, row: RefState | None) -> bool:
    """Tell whether a push happened before its ref was read ahead, and what it brought was scanned then.

    A push that happened later is not: if it brings removed commits back, they are told of anew.
    """
    if row is None or row.deleted or push.new is None or not was_seen(push.old, row):
        return False
    following_until = row.following_until if push.new in row.following else 0
    return _seconds(push) < max(row.settled.get(push.new, 0), following_until)


def standing_before(row: RefState, push: Push, left: str) -> RefState:
    """Return the row as the event before a push would have left it: what the ref stood at then was scanned and is clean."""
    return caught_up(dataclasses.replace(row, following=(left,), following_until=int(_seconds(push))), push)


def caught_up(row: RefState, push: Push) -> RefState:
    """Return the row as the events before a push would have left it, as far as reading ahead has settled them."""
    if row.ref != push.ref or push.old not in row.following or push.event_time_is_before(row.event_time):
        return row
    at = row.following.index(push.old) + 1
    done, rest = row.following[:at], row.following[at:]
    good = row if row.open_commits or row.deleted else accepting(row, push.old, None)
    settled = _settled(row, done, row.following_until)
    return dataclasses.replace(standing_at(good, push.old), settled=settled, following=rest)


def moved_ahead(
    row: RefState, push: Push, ahead: Ahead, *, tip: str | None, raised: Iterable[str], new_commits: Iterable[str]
) -> RefState:
    """Return the ref's row after a push was scanned together with what came after it.

    Args:
        row: the row as it is now.
        push: the push that was scanned.
        ahead: what was read beyond it.
        tip: as for :func:`moved`.
        raised: as for :func:`moved`.
        new_commits: the push's own commits.
    """
    if ahead.tip is None:
        stood = row.scanned or row.accepted
        held = push.new if ahead.leading and (stood is None or stood in ahead.leading) else tip
        after = moved(row, push, tip=held, raised=raised, new_commits=new_commits)
    else:
        # As if the last of the pushes had come first: whatever happened before the ref was looked at is late from now on.
        looked = _iso(ahead.seen_s - _CLOCKS_DIFFER_S)
        last = dataclasses.replace(push, change=Change.UPDATED, new=ahead.tip, time=max(push.time, looked))
        after = moved(row, last, tip=ahead.tip, raised=raised, new_commits=ahead.settled)
    until = int(ahead.seen_s) + 1
    if after is None:
        return settling(row, ahead.settled, until)
    settled = settling(after, ahead.settled, until)
    return dataclasses.replace(settled, following=ahead.following[:SETTLED_MAX], following_until=until)


def settling(row: RefState, commits: Sequence[str], until_s: int) -> RefState:
    """Return the row with commits whose scan is done, whatever pushes before a second (since 1970) bring them."""
    return dataclasses.replace(row, settled=_settled(row, commits, until_s))


def _leaving(row: RefState, push: Push) -> RefState:
    """Return the row without what was read ahead for events that have long been through."""
    if not row.settled and not row.following:
        return row
    settled = _settled(row, row.following, row.following_until)
    kept = {each: until for each, until in settled.items() if _seconds(push) - until < DAY_S}
    return dataclasses.replace(row, settled=kept, following=())


def _settled(row: RefState, commits: Sequence[str], until_s: int) -> Mapping[str, int]:
    fresh = set(commits)
    kept = [(each, until) for each, until in row.settled.items() if each not in fresh]
    return dict([*kept, *((each, until_s) for each in commits)][-SETTLED_MAX:])


def _seconds(push: Push) -> float:
    return datetime.fromisoformat(push.time).timestamp()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _stamped(row: RefState, push: Push) -> RefState:
    return dataclasses.replace(row, event_id=push.event_id, event_time=max(row.event_time, push.time))


def _known(rows: Mapping[str, RefState], own: RefState) -> tuple[str, ...]:
    # A deleted ref's accepted commit was scanned clean: it stays known for as long as the row is kept.
    others = {row.accepted for row in rows.values() if row.accepted and row.ref != own.ref and not row.restored}
    return tuple(sorted(others | set(own.past) | ({own.accepted} if own.accepted else set())))


def was_seen(commit: str | None, row: RefState) -> bool:
    """Tell whether a scan of the ref has come past a commit; no commit needs no scan."""
    return commit is None or commit in _passed(row) or commit in row.settled or commit in row.following


def _passed(row: RefState) -> set[str | None]:
    return {row.scanned, row.accepted, *row.before, *row.past, *row.open_commits}
