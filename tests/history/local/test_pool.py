from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pushwarden.history.local.pool import Died, Pool, WorkerError

ROOT = Path(__file__).parents[3]


def double(number: int) -> int:
    if number < 0:
        os._exit(7)
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * 2


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_task_has_its_result(jobs: int) -> None:
    with Pool(double, jobs) as pool:
        assert sorted(pool.map(range(1, 40))) == [(number, number * 2) for number in range(1, 40)]


def test_pool_can_be_used_again() -> None:
    with Pool(double, 2) as pool:
        assert sorted(pool.map([1, 2, 3])) == [(1, 2), (2, 4), (3, 6)]
        assert sorted(pool.map([4, 5])) == [(4, 8), (5, 10)]
        assert list(pool.map([])) == []


def test_task_that_kills_its_worker_is_told_and_the_others_are_done() -> None:
    with Pool(double, 2) as pool:
        results = dict(pool.map([1, -1, 2, 0, 3, -2, 4]))
    assert {task: result for task, result in results.items() if task > 0} == {1: 2, 2: 4, 3: 6, 4: 8}
    assert results[-1] == results[-2] == Died(7)
    assert results[0] == Died(-signal.SIGKILL)


def test_large_tasks_and_results_do_not_block_each_other() -> None:
    with Pool(bytes.swapcase, 2) as pool:
        results = [result for _, result in pool.map([b"x" * 3_000_000] * 6)]
    assert results == [b"X" * 3_000_000] * 6


SLEEPER = """
import os, sys, time
from pushwarden.history.local.pool import Pool
def sleep(number):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(60)
with Pool(sleep, 2) as pool:
    list(pool.map([1, 2]))
"""


def test_interrupt_ends_the_workers() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    workers = [int(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode != 0
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def _failing(task: tuple[Path, int]) -> int:
    file, number = task
    with file.open("ab") as begun:
        begun.write(b"x")
    raise ZeroDivisionError(f"task {number}")


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_work_raises_reaches_the_caller_at_once(jobs: int, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    with pytest.raises(ZeroDivisionError, match=r"task \d$"), Pool(_failing, jobs) as pool:
        list(pool.map((begun, number) for number in range(1000)))
    assert begun.stat().st_size <= 4 * jobs


def test_tasks_behind_one_that_kills_its_worker_are_done_by_another() -> None:
    tasks = [-1, *range(1, 30), -2, *range(30, 60), 0]
    with Pool(double, 3) as pool:
        results = dict(pool.map(tasks))
    assert {task: result for task, result in results.items() if task > 0} == {n: 2 * n for n in range(1, 60)}
    assert [results[task] for task in (-1, -2, 0)] == [Died(7), Died(7), Died(-signal.SIGKILL)]


class TooManyError(Exception):
    """Is made of two values and pickled with one, so that it cannot be made again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one + two)


class HoldingError(Exception):
    def __init__(self) -> None:
        super().__init__("holds what cannot travel")
        self.held = lambda: None


def _raising(task: int) -> int:
    if task == 1:
        raise TooManyError(1, 2)
    raise HoldingError


@pytest.mark.parametrize(("task", "name"), [(1, "TooManyError"), (2, "HoldingError")])
def test_an_error_that_cannot_be_handed_over_is_named(task: int, name: str) -> None:
    with pytest.raises(WorkerError, match=f"^{name}$"), Pool(_raising, 2) as pool:
        list(pool.map([task]))
