"""Read a branch to where it stands now, instead of once for every push that waits. Pure.

When pushes come faster than CodeCommit may be asked, their events wait. One fetch up to the branch's tip then scans what
all of them brought. What is clean is settled for every one of them. What is not is told by the event of the push that
brought it in: that event names who pushed, and what a reset goes back to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pushwarden.history.objects import Commit
from pushwarden.model import Finding
from pushwarden.service.frontier import Ahead


@dataclass(frozen=True, slots=True)
class Shares:
    """What was read up to a branch's tip, divided between one push and those after it."""

    commits: tuple[Commit, ...]
    """The push's own, and those of pushes before it that were not scanned yet."""
    findings: tuple[Finding, ...]
    ahead: Ahead


def divide(
    commits: Sequence[Commit], findings: Sequence[Finding], *, push: str, tip: str, seen_s: float
) -> Shares | None:
    """Divide what was read, or return None if nobody can tell which push brought what in.

    Args:
        commits: everything that was read, oldest first.
        findings: what it brought in, without what was told of before.
        push: the commit that the push moved the branch to.
        tip: the commit that the branch stood at when it was read.
        seen_s: when that was, in seconds since 1970.
    """
    ids = [commit.commit_id for commit in commits]
    if push not in ids or tip not in ids:
        return None
    if not findings:
        reached = ancestors(commits, push)
        return Shares(tuple(each for each in commits if each.commit_id in reached), (), Ahead(seen_s, tuple(ids), tip))
    # Where histories merge, a file may count as brought in by either side: then each push is read by itself.
    order = {commit_id: number for number, commit_id in enumerate(ids)}
    where = [order.get(finding.commit or "") for finding in findings]
    in_a_row = all(commit.parents == (before,) for commit, before in zip(commits[1:], ids, strict=False))
    if not in_a_row or len(commits[0].parents) > 1 or None in where:
        return None
    at = order[push]
    later = [number for number in where if number is not None and number > at]
    mine = tuple(
        finding for finding, number in zip(findings, where, strict=True) if number is not None and number <= at
    )
    own = tuple(commits[: at + 1])
    if not later:
        return Shares(own, mine, Ahead(seen_s, tuple(ids), tip))
    clean = ids[at + 1 : min(later)]
    leading = frozenset((*commits[0].parents, *ids[:at]))
    return Shares(own, mine, Ahead(seen_s, tuple(ids[: at + 1]), following=tuple(clean), leading=leading))


def ancestors(commits: Sequence[Commit], commit_id: str) -> frozenset[str]:
    """Return those of the commits that a commit reaches, itself among them."""
    by_id = {commit.commit_id: commit for commit in commits}
    waiting, found = [commit_id], set[str]()
    while waiting:
        each = waiting.pop()
        if each in by_id and each not in found:
            found.add(each)
            waiting += by_id[each].parents
    return frozenset(found)
