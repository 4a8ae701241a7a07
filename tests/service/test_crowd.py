"""Which late events belong to a backlog."""

from __future__ import annotations

import random

from pushwarden.service.crowd import Crowd


def apart(crowd: Crowd, repositories: list[str], now_s: float = 1000.0) -> list[str]:
    return [each for each in repositories if crowd.stands_apart(each, now_s)]


def shuffled(repositories: int, events: int) -> list[str]:
    found = [f"burst-{number % repositories}" for number in range(events)]
    random.Random(1).shuffle(found)
    return found


def test_a_repository_that_a_backlog_is_not_made_of_stands_apart_once() -> None:
    crowd = Crowd()
    apart(crowd, shuffled(50, 400))

    assert apart(crowd, ["other", "other", "burst-7"]) == ["other"]


def test_few_of_a_backlog_are_taken_for_others() -> None:
    assert len(apart(Crowd(), shuffled(500, 2000))) < 500 / 20


def test_where_every_repository_has_one_event_none_stands_apart() -> None:
    assert apart(Crowd(), [f"each-{number}" for number in range(500)]) == []


def test_a_few_late_events_are_no_backlog() -> None:
    assert apart(Crowd(), [*["one"] * 9, "other"]) == []


def test_what_was_met_is_forgotten_when_it_is_over() -> None:
    crowd = Crowd()
    apart(crowd, ["one"] * 50)

    assert apart(crowd, ["other"], now_s=1100.0) == []
    assert apart(crowd, [*["other"] * 20, "one"], now_s=1101.0) == ["one"]


def test_what_is_remembered_is_bounded() -> None:
    crowd = Crowd()
    apart(crowd, [f"each-{number}" for number in range(50_000)])

    assert len(crowd._met) <= 20_000
