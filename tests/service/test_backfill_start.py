"""When a backfill starts, what its state is, and what it costs: with a state machine and a table that only remember."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from pushwarden.aws.runs import HISTORY, Plan, Run
from pushwarden.backfill_machine import definition
from pushwarden.cli import backfill as cli
from pushwarden.errors import UsageError
from pushwarden.local.service import administrator
from pushwarden.service.app import App
from pushwarden.service.backfill_cost import Share, cost, shares
from pushwarden.service.backfill_start import FIRST, plan_start, start, start_what_waits, status, stop
from tests.service.conftest import Repo
from tests.service.fakes import Machine


class Table:
    """State and runs without a table."""

    def __init__(self, runs: tuple[Run, ...] = (), unfinished: tuple[str, ...] = (), *, first: bool = True) -> None:
        self._runs, self._unfinished = list(runs), unfinished
        self.settings = {"first-backfill": b"1"} if first else {}

    def setting(self, name: str) -> bytes | None:
        return self.settings.get(name)

    def save_setting_once(self, name: str, value: bytes) -> None:
        self.settings.setdefault(name, value)

    def runs(self) -> list[Run]:
        return self._runs

    def unfinished(self) -> dict[str, Any]:
        return {each: {} for each in self._unfinished}

    def plans(self, _run: str) -> dict[str, Plan]:
        return {"id": Plan("id", "shop", 700, ((0, 500), (500, 700)))}

    def finished(self, _run: str) -> set[Any]:
        return {("id", (0, 500))}

    def parts(self, _run: str) -> list[Any]:
        return [("id", (0, 500), {"findings": 3})]


def fake(repo: Repo, machine: Machine, table: Table) -> App:
    app = repo.service.app()
    app.machine, app.state, app.runs = machine, table, table  # type: ignore[assignment]
    return app


def test_the_first_backfill_starts_by_itself_once(repo: Repo) -> None:
    machine = Machine()
    app = fake(repo, machine, Table(first=False))

    assert [start_what_waits(app), start_what_waits(app)] == [FIRST, ""]
    assert machine.started == [(FIRST, {"run": FIRST, "kind": "history"})]


def test_unfinished_pushes_wait_until_no_backfill_runs(repo: Repo) -> None:
    table = Table(unfinished=("pw-1", "pw-2"))
    assert start_what_waits(fake(repo, Machine("first"), table)) == ""

    machine = Machine()
    assert start_what_waits(fake(repo, machine, table)).startswith("pushes-")
    ((name, payload),) = machine.started
    assert payload["kind"] == "pushes"
    assert name.startswith(payload["run"])


def test_start_resumes_what_was_stopped_and_does_nothing_twice(repo: Repo) -> None:
    stopped = Run("first", HISTORY, 1, repositories=("shop",))

    order = plan_start(fake(repo, Machine(), Table((stopped,))))
    assert order.resumes
    assert order.payload == {"run": "first", "kind": HISTORY, "repositories": ["shop"]}
    with pytest.raises(UsageError, match="runs already"):
        plan_start(fake(repo, Machine("first"), Table()))
    with pytest.raises(UsageError, match="--again"):
        plan_start(fake(repo, Machine(), Table((replace(stopped, finished=True),))))
    assert not plan_start(fake(repo, Machine(), Table((replace(stopped, finished=True),))), again=True).resumes


def test_a_repository_that_is_not_there_is_refused_before_anything_starts(repo: Repo) -> None:
    """The state machine would try in vain for minutes, and then stand there as the run to go on with."""
    app = repo.service.app(administrator())
    app.machine, app.runs = Machine(), Table()  # type: ignore[assignment]

    for names in (["nope"], [repo.name, "nope"]):
        with pytest.raises(UsageError, match="there is no watched repository nope;"):
            plan_start(app, repositories=names)
        with pytest.raises(UsageError, match="nope"):
            list(shares(app, names))
    assert plan_start(app, repositories=[repo.name]).payload["repositories"] == [repo.name]
    assert [each.name for each in shares(app, [repo.name])] == [repo.name]


def test_status_says_that_a_run_has_just_begun(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    app = fake(repo, Machine("run-1"), Table())
    monkeypatch.setattr(cli, "deployed_app", lambda *_: app)

    assert CliRunner().invoke(cli.backfill, ["status"]).output == "The backfill run-1 has just begun.\n"
    stop(app)
    assert CliRunner().invoke(cli.backfill, ["status", "--wait"]).output == "There was no backfill yet.\n"


def test_status_counts_slices_and_stop_ends_what_runs(repo: Repo) -> None:
    machine = Machine("first")
    app = fake(repo, machine, Table((Run("first", HISTORY, 1),)))

    found = status(app)
    assert found is not None
    assert (found.scanned, found.slices, found.commits, found.findings) == (1, 2, 700, 3)
    assert stop(app) == ("first",)
    assert stop(app) == ()
    assert status(fake(repo, Machine(), Table())) is None


def test_start_says_so_when_somebody_else_was_first(repo: Repo) -> None:
    class Taken(Machine):
        def start(self, _name: str, _payload: Any) -> bool:
            return False

    app = fake(repo, Taken(), Table())
    with pytest.raises(UsageError, match="already"):
        start(app, plan_start(app))


def test_the_cost_grows_with_slices_and_is_bounded_by_the_functions_time() -> None:
    one, ten = cost([Share("a", 500, 1)]), cost([Share("a", 5000, 10)])

    assert ten.git_requests == 22
    assert one.likely_usd < ten.likely_usd < ten.at_most_usd
    # 10 calls of 900 s with 1769 MB, one plan of 10 s with 2048 MB, 43 transitions
    assert ten.at_most_usd == pytest.approx(10 * 900 * 1769 / 1024 * 1.66667e-5 + 10 * 2 * 1.66667e-5 + 43 * 2.5e-5)


def test_every_task_of_the_state_machine_is_tried_again_and_no_item_ends_the_run() -> None:
    machine = definition(plan_function="P", scan_function="S", bucket="B")
    maps = [each for each in machine["States"].values() if each["Type"] == "Map"]
    inner = [state for each in maps for state in each["ItemProcessor"]["States"].values() if state["Type"] == "Task"]
    outer = [each for each in machine["States"].values() if each["Type"] == "Task"]

    assert all(each["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED" for each in maps)
    assert all(each["MaxConcurrency"] > 0 for each in maps)
    assert all(task["Retry"] for task in inner + outer)
    assert all(task["Catch"] for task in inner)
    assert {task["Parameters"]["FunctionName"] for task in inner + outer} == {"P", "S"}
