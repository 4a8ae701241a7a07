"""What is read up to a branch's tip is divided between one push and those after it: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pushwarden.history.objects import Commit
from pushwarden.model import Confidence, Finding, Match, Person, Secret, Source, Span
from pushwarden.service.ahead import Shares, ancestors, divide
from pushwarden.service.frontier import Ahead

_NOBODY = Person("", "", "")
NOW_S = 1_790_000_000.0


def oid(number: int) -> str:
    return f"{number:040x}"


def chain(length: int) -> list[Commit]:
    """Commits 1 to ``length``, each on top of the one before; the first stands on commit 0, which is known."""
    return [Commit(oid(n), "", (oid(n - 1),), _NOBODY, _NOBODY, b"") for n in range(1, length + 1)]


def finding(number: int | None) -> Finding:
    match = Match("rule", "Rule", Confidence.HIGH, Secret(b"made up"), Span(1, 1, 1, 1, 0, 0), "")
    return Finding(match, "file", Source.FILE, None if number is None else oid(number), None)


def divided(commits: Sequence[Commit], leaks: Sequence[int | None], push: int, tip: int) -> Shares | None:
    return divide(commits, [finding(each) for each in leaks], push=oid(push), tip=oid(tip), seen_s=NOW_S)


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(oid(n) for n in numbers)


def test_clean_pushes_are_settled_up_to_the_tip() -> None:
    shares = divided(chain(4), [], 2, 4)

    assert shares == Shares(tuple(chain(2)), (), Ahead(NOW_S, ids(1, 2, 3, 4), oid(4)))


def test_a_leak_of_the_push_itself_is_told_and_what_comes_after_is_settled() -> None:
    shares = divided(chain(4), [2], 2, 4)

    assert shares is not None
    assert [each.commit for each in shares.findings] == [oid(2)]
    assert shares.ahead == Ahead(NOW_S, ids(1, 2, 3, 4), oid(4))


def test_a_leak_of_a_later_push_is_left_to_its_own_event() -> None:
    shares = divided(chain(6), [5], 2, 6)

    assert shares is not None
    assert shares.findings == ()
    assert shares.ahead == Ahead(NOW_S, ids(1, 2), tip=None, following=ids(3, 4), leading=frozenset(ids(0, 1)))


def test_with_a_leak_in_it_a_history_that_merges_is_not_divided() -> None:
    side = Commit(oid(9), "", (oid(1),), _NOBODY, _NOBODY, b"")
    merge = Commit(oid(3), "", (oid(2), oid(9)), _NOBODY, _NOBODY, b"")
    commits = [*chain(2), side, merge]

    assert divided(commits, [9], 2, 3) is None
    clean = divided(commits, [], 2, 3)
    assert clean is not None
    assert clean.commits == tuple(chain(2))
    assert clean.ahead.settled == ids(1, 2, 9, 3)


def test_a_finding_that_belongs_to_no_commit_is_not_divided() -> None:
    assert divided(chain(3), [None], 1, 3) is None


def test_a_push_that_was_forced_away_since_is_read_by_itself() -> None:
    assert divided(chain(3), [], 7, 3) is None


def test_ancestors_are_those_among_what_was_read() -> None:
    assert ancestors(chain(4), oid(2)) == set(ids(1, 2))


@given(st.integers(1, 30), st.data())
def test_nothing_that_was_found_is_settled_without_being_told(length: int, data: st.DataObject) -> None:
    leaks = data.draw(st.lists(st.integers(1, length), unique=True))
    push = data.draw(st.integers(1, length))

    shares = divided(chain(length), leaks, push, length)

    assert shares is not None
    told = {each.commit for each in shares.findings}
    assert told == {oid(n) for n in leaks if n <= push}
    settled = {*shares.ahead.settled, *shares.ahead.following}
    assert settled & {oid(n) for n in leaks} <= told
    assert oid(push) in shares.ahead.settled
    assert (shares.ahead.tip is None) == any(n > push for n in leaks)
