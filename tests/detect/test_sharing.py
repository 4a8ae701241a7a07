"""Work shared between two processes: the same as that of one, whatever becomes of the other."""

from __future__ import annotations

import os

import pytest

from pushwarden.detect import sharing
from pushwarden.detect.sharing import share_out

MANY = range(1000)


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.active_count", lambda: 1)  # those of the tests' tools do nothing here
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def test_what_two_processes_make_comes_in_order() -> None:
    assert share_out(lambda number: number * number, MANY) == [number * number for number in MANY]


def test_another_process_makes_half_of_it() -> None:
    made = share_out(lambda _: os.getpid(), MANY)

    assert made[:500] == [os.getpid()] * 500
    assert len(set(made[500:])) == 1
    assert made[500] != os.getpid()


def test_where_the_other_process_dies_this_one_makes_all() -> None:
    here = os.getpid()

    def make(number: int) -> int:
        if os.getpid() != here:
            os._exit(3)
        return number

    assert share_out(make, MANY) == list(MANY)


def test_an_error_is_raised_here_even_if_it_happened_there() -> None:
    def make(number: int) -> int:
        if number == 900:
            raise ValueError("nine hundred")
        return number

    with pytest.raises(ValueError, match="nine hundred"):
        share_out(make, MANY)


def test_little_work_one_processor_and_threads_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing.os, "fork", None)

    assert share_out(str, range(10)) == [str(number) for number in range(10)]
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert share_out(str, MANY) == [str(number) for number in MANY]
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr("threading.active_count", lambda: 2)
    assert share_out(str, MANY) == [str(number) for number in MANY]
