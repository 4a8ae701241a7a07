"""How the frontier moves: pure functions, so every order of events can be tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from pushwarden.aws.state import RefState
from pushwarden.events import Change, Push
from pushwarden.service.frontier import Ahead, baseline, caught_up, is_settled, moved, moved_ahead, scan_range, settling

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
MAIN = "refs/heads/main"


def push(old: str | None, new: str | None, *, ref: str = MAIN, second: int = 1, event_id: str = "e1") -> Push:
    change = Change.CREATED if old is None else Change.DELETED if new is None else Change.UPDATED
    time = f"2026-11-23T09:00:{second:02d}+00:00"
    return Push(event_id, time, "1", "r", "shop", "id", "arn", ref, change, old, new, None)


def row(**values: object) -> RefState:
    return replace(RefState(MAIN), **values)  # type: ignore[arg-type]


def test_a_push_is_scanned_from_every_accepted_commit() -> None:
    rows = {MAIN: row(scanned=A, accepted=A), "refs/heads/x": RefState("refs/heads/x", scanned=C, accepted=C)}

    assert scan_range(push(A, B), rows).known == (A, C)


def test_what_another_ref_has_open_is_not_known() -> None:
    rows = {"refs/heads/x": RefState("refs/heads/x", scanned=B, accepted=A, open_commits=(B,))}

    assert scan_range(push(None, B), rows).known == (A,)


def test_what_was_restored_on_another_ref_is_not_known() -> None:
    rows = {"refs/heads/x": RefState("refs/heads/x", scanned=B, accepted=B, restored=True)}

    assert scan_range(push(A, B), rows).known == ()


def test_the_same_event_again_is_nothing_to_scan() -> None:
    rows = {MAIN: row(scanned=B, accepted=A, open_commits=(B,), event_id="e1")}

    assert scan_range(push(A, B), rows).target is None


def test_going_back_to_a_good_commit_from_one_that_nobody_saw_scans_what_was_left() -> None:
    rows = {MAIN: row(scanned=A, accepted=A, event_id="e1")}

    assert scan_range(push(B, A, event_id="e3"), rows).left == B
    assert scan_range(push(A, A, event_id="e3"), rows).target is None


def test_an_open_commit_that_is_pushed_again_is_told_of_again() -> None:
    rows = {MAIN: row(scanned=B, accepted=A, open_commits=(B,), event_id="e1")}

    todo = scan_range(push(A, B, event_id="e2"), rows)

    assert todo.target == B
    assert todo.already_told == frozenset()


def test_an_open_commit_under_a_newer_one_is_not_told_of_again() -> None:
    rows = {MAIN: row(scanned=B, accepted=A, open_commits=(B,))}

    assert scan_range(push(B, C), rows).already_told == {B}


def test_a_deleted_ref_whose_commit_was_never_scanned_is_scanned() -> None:
    assert scan_range(push(B, None), {MAIN: row(scanned=A, accepted=A)}).target == B
    assert scan_range(push(A, None), {MAIN: row(scanned=A, accepted=A)}).target is None


def test_a_baseline_taken_after_the_push_does_not_hide_it() -> None:
    todo = scan_range(push(A, B), {MAIN: row(accepted=B)})

    assert todo.target == B
    assert todo.known == (A,)


def test_a_baseline_says_where_refs_stood_before_the_push() -> None:
    refs = {MAIN: B, "refs/heads/x": C, "refs/heads/same": B}

    assert baseline(push(A, B), refs) == {MAIN: A, "refs/heads/x": C}
    assert baseline(push(None, B), refs) == {"refs/heads/x": C}


def test_a_clean_push_is_accepted() -> None:
    after = moved(row(scanned=A, accepted=A), push(A, B), tip=B, raised=(), new_commits=[B])

    assert after is not None
    assert (after.scanned, after.accepted, after.open_commits) == (B, B, ())


def test_a_leak_is_scanned_but_not_accepted() -> None:
    after = moved(row(scanned=A, accepted=A), push(A, B), tip=B, raised=(B,), new_commits=[B])

    assert after is not None
    assert (after.scanned, after.accepted, after.open_commits) == (B, A, (B,))


def test_a_clean_push_on_top_of_an_open_leak_is_not_accepted() -> None:
    before = row(scanned=B, accepted=A, open_commits=(B,))
    after = moved(before, push(B, C), tip=C, raised=(), new_commits=[B, C])

    assert after is not None
    assert (after.scanned, after.accepted, after.open_commits) == (C, A, (B,))


def test_going_back_closes_what_was_open() -> None:
    before = row(scanned=B, accepted=A, open_commits=(B,))
    after = moved(before, push(B, A), tip=A, raised=(), new_commits=[])

    assert after is not None
    assert (after.scanned, after.accepted, after.open_commits) == (A, A, ())


def test_a_late_event_does_not_move_the_frontier_back() -> None:
    before = row(scanned=C, accepted=C, event_time="2026-11-23T09:00:05+00:00")

    assert moved(before, push(A, B, second=1), tip=None, raised=(), new_commits=[]) is None


def test_an_event_that_neither_follows_nor_stands_at_the_tip_does_not_move_the_frontier() -> None:
    assert moved(row(scanned=C, accepted=C), push(A, B, second=9), tip=None, raised=(), new_commits=[]) is None


def test_a_ref_made_anew_after_its_deletion_has_nothing_to_go_back_to() -> None:
    before = row(scanned=A, accepted=A, deleted=True)
    after = moved(before, push(None, B), tip=B, raised=(B,), new_commits=[B])

    assert after is not None
    assert after.accepted is None
    assert not after.deleted


def test_a_deletion_keeps_what_was_accepted_known() -> None:
    after = moved(row(scanned=A, accepted=A), push(A, None), tip=None, raised=(), new_commits=[])

    assert after is not None
    assert after.deleted
    assert scan_range(push(None, B, ref="refs/heads/x"), {MAIN: after}).known == (A,)


@pytest.mark.parametrize("tip", [None, B])
def test_a_baseline_row_follows_the_first_push(tip: str | None) -> None:
    after = moved(row(accepted=A), push(A, B), tip=tip, raised=(), new_commits=[B])

    assert after is not None
    assert after.scanned == B


def at(second: int) -> str:
    return f"2026-11-23T09:00:{second:02d}+00:00"


def seen(second: int) -> float:
    return datetime.fromisoformat(at(second)).timestamp()


def test_reading_ahead_to_the_tip_moves_the_row_there_and_settles_the_events_between() -> None:
    ahead = Ahead(seen(40), (B, C, D), tip=D)

    after = moved_ahead(row(scanned=A, accepted=A), push(A, B), ahead, tip=None, raised=(), new_commits=(B,))

    assert (after.scanned, after.accepted, list(after.settled)) == (D, D, [B, C, D])
    assert is_settled(push(B, C, second=5, event_id="e2"), after)
    assert is_settled(push(C, D, second=9, event_id="e3"), after)


def test_a_leak_that_was_read_ahead_holds_the_row_back_and_is_not_told_of_again() -> None:
    ahead = Ahead(seen(40), (B, C, D), tip=D)

    after = moved_ahead(row(scanned=A, accepted=A), push(A, B), ahead, tip=None, raised=(B,), new_commits=(B,))

    assert (after.scanned, after.accepted, after.open_commits) == (D, A, (B,))
    assert is_settled(push(B, C, second=5, event_id="e2"), after)


def test_a_push_after_the_branch_was_looked_at_is_not_settled() -> None:
    after = moved_ahead(
        row(scanned=A, accepted=A), push(A, B), Ahead(seen(40), (B, C), tip=C), tip=None, raised=(), new_commits=(B,)
    )

    assert not is_settled(push(C, B, second=45, event_id="e9"), after)
    assert not is_settled(push(None, B, second=45, event_id="e9"), after)


def test_a_push_that_took_away_what_nobody_saw_is_not_settled() -> None:
    after = moved_ahead(
        row(scanned=A, accepted=A), push(A, B), Ahead(seen(40), (B, C), tip=C), tip=None, raised=(), new_commits=(B,)
    )

    assert not is_settled(push("e" * 40, C, second=5, event_id="e2"), after)


def test_an_event_from_before_the_branch_was_looked_at_does_not_move_the_row_any_more() -> None:
    after = moved_ahead(
        row(scanned=A, accepted=A), push(A, B), Ahead(seen(40), (B, C), tip=C), tip=None, raised=(), new_commits=(B,)
    )

    assert moved(after, push(C, "e" * 40, second=30, event_id="e4"), tip=None, raised=(), new_commits=()) is None
    assert moved(after, push(C, D, second=39, event_id="e5"), tip=None, raised=(), new_commits=(D,)) is not None


def test_before_a_later_leak_the_row_stands_at_the_push_and_the_clean_ones_between_need_no_scan() -> None:
    ahead = Ahead(seen(40), (B,), following=(C, D))

    after = moved_ahead(row(scanned=A, accepted=A), push(A, B), ahead, tip=None, raised=(), new_commits=(B,))

    assert (after.scanned, after.accepted, after.following) == (B, B, (C, D))
    assert is_settled(push(B, C, second=5, event_id="e2"), after)
    leaking = push(D, "e" * 40, second=9, event_id="e4")
    assert not is_settled(leaking, after)
    ready = caught_up(after, leaking)
    assert (ready.scanned, ready.accepted, ready.following) == (D, D, ())
    assert scan_range(leaking, {MAIN: ready}).left is None


def test_with_an_open_finding_catching_up_accepts_nothing() -> None:
    before = row(scanned=B, accepted=A, open_commits=(B,), following=(C, D), following_until=int(seen(41)))

    ready = caught_up(before, push(C, "e" * 40, second=9))

    assert (ready.scanned, ready.accepted, ready.following) == (C, A, (D,))


def test_what_follows_is_settled_once_the_row_moves_another_way() -> None:
    before = row(scanned=B, accepted=B, following=(C,), following_until=int(seen(41)), settled={B: int(seen(41))})

    after = moved(before, push(B, D, second=50), tip=D, raised=(), new_commits=(D,))

    assert after is not None
    assert (after.scanned, after.following, list(after.settled)) == (D, (), [B, C])


def test_after_a_quiet_day_a_row_forgets_what_was_read_ahead() -> None:
    before = row(scanned=B, accepted=B, settled={B: int(seen(0)) - 2 * 86_400})

    after = moved(before, push(B, D), tip=D, raised=(), new_commits=(D,))

    assert after is not None
    assert after.settled == {}


def test_on_a_deleted_ref_nothing_is_settled() -> None:
    before = row(scanned=B, accepted=B, settled={B: int(seen(41))}, deleted=True)

    assert not is_settled(push(None, B, second=5), before)


def test_a_commit_that_was_scanned_again_later_is_settled_for_events_until_then() -> None:
    before = settling(row(scanned=A, accepted=A), (B, C), int(seen(10)))
    after = settling(before, (B,), int(seen(40)))

    assert is_settled(push(A, B, second=30), after)
    assert not is_settled(push(B, C, second=30), after)


def test_a_push_that_goes_on_from_a_settled_commit_is_looked_at_where_it_stands() -> None:
    rows = {MAIN: settling(row(scanned=A, accepted=A), (B,), int(seen(10)))}

    todo = scan_range(push(B, C, second=30), rows)

    assert todo.left is None
    assert not todo.follows
    assert scan_range(push(A, C, second=30), rows).follows


def test_a_row_that_stands_on_the_straight_line_to_a_push_follows_it() -> None:
    ahead = Ahead(seen(40), (B, C), following=(D,), leading=frozenset((A, B)))
    late = push(B, C, second=5)

    after = moved_ahead(row(scanned=A, accepted=A), late, ahead, tip=None, raised=(), new_commits=(B, C))
    elsewhere = moved_ahead(row(scanned=D, accepted=D), late, ahead, tip=None, raised=(), new_commits=(B, C))

    assert (after.scanned, after.accepted, after.following) == (C, C, (D,))
    assert (elsewhere.scanned, list(elsewhere.settled)) == (D, [B, C])
