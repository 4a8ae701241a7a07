"""How far each ref was scanned: which commits count as known, and how the frontier moves. Pure.

Known are the commits that some ref *accepted*: scanned, and without open findings. A commit that carries an open
finding is never known to another ref, so a secret that is pushed to two branches is found on both; on its own ref it is
not told of twice, because the row names it among its open commits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pushwarden.aws.state import RefState, accepting, standing_at
from pushwarden.events import Change, Push


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


def scan_range(push: Push, rows: Mapping[str, RefState]) -> Range:
    """Return what to scan for a push, given the frontier of every ref of the repository."""
    row = rows.get(push.ref, RefState(push.ref))
    nothing = Range(None, (), frozenset())
    if push.change is Change.DELETED:
        # A commit that was pushed and taken away before its own event was seen is leaked all the same.
        return nothing if _was_seen(push.old, row) else Range(push.old, _known(rows, row), frozenset(row.open_commits))
    if row.scanned == push.new and (row.event_id == push.event_id or (row.accepted == push.new and not row.deleted)):
        return nothing  # the same event again, or a commit that is in good order
    if row.scanned is None and row.accepted == push.new:
        # The baseline was taken after this very push: what the push brought in is not scanned yet.
        row = RefState(push.ref, accepted=push.old)
    # Pushed again after it was scanned: somebody brings removed commits back, so what they hold is told of anew.
    again = row.scanned == push.new
    left = None if _was_seen(push.old, row) else push.old
    return Range(push.new, _known(rows, row), frozenset() if again else frozenset(row.open_commits), left)


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
    late = push.event_time_is_before(row.event_time)
    if late:
        return None
    if push.change is Change.DELETED:
        return _stamped(dataclasses.replace(row, deleted=True, open_commits=()), push)
    # Events come late and out of order; only a row that stands where the push began may follow it blindly.
    follows = push.old == (row.scanned or row.accepted) or row.deleted
    if tip is None and not follows:
        return None
    # An older finding stays open only while the ref still holds its commit.
    reachable = set(new_commits)
    opened = [commit for commit in row.open_commits if commit in reachable]
    opened += [commit for commit in raised if commit not in opened]
    gone_before = accepting(row, None, None) if row.deleted else row
    good = gone_before if opened else accepting(dataclasses.replace(row, restored=False), push.new, tip)
    opening = dataclasses.replace(good, open_commits=tuple(opened), deleted=False)
    return _stamped(standing_at(opening, push.new), push)


def _stamped(row: RefState, push: Push) -> RefState:
    return dataclasses.replace(row, event_id=push.event_id, event_time=max(row.event_time, push.time))


def _known(rows: Mapping[str, RefState], own: RefState) -> tuple[str, ...]:
    # A deleted ref's accepted commit was scanned clean: it stays known for as long as the row is kept.
    others = {row.accepted for row in rows.values() if row.accepted and row.ref != own.ref and not row.restored}
    return tuple(sorted(others | set(own.past) | ({own.accepted} if own.accepted else set())))


def _was_seen(commit: str | None, row: RefState) -> bool:
    return commit is None or commit in {row.scanned, row.accepted, *row.before, *row.past, *row.open_commits}
