"""When a backfill starts, by itself or by somebody's order, how it stands, and how it is stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pushwarden.aws.runs import HISTORY, PUSHES, Run
from pushwarden.errors import UsageError
from pushwarden.service.app import App

FIRST: Final = "first"
"""The run that starts by itself after the first deployment."""
_FIRST_DONE: Final = "first-backfill"
_HOUR: Final = "%Y%m%dT%H"


def start_what_waits(app: App) -> str:
    """Start the first backfill of a deployment, or one for pushes that were too large for one scan; return its name.

    Nothing is started while one is running: the next call comes within the hour.
    """
    if not app.settings.backfill_machine or app.machine.running():
        return ""
    if app.state.setting(_FIRST_DONE) is None:
        # The name is taken for good once it was used, so a crash before the note below starts nothing twice.
        app.machine.start(FIRST, {"run": FIRST, "kind": HISTORY})
        app.state.save_setting_once(_FIRST_DONE, str(int(app.wall_clock())).encode())
        return FIRST
    waiting = sorted(app.runs.unfinished())
    if not waiting:
        return ""
    # The same pushes are the same run, which goes on where it stopped; each hour may try anew.
    run = f"{PUSHES}-{hashlib.sha256(' '.join(waiting).encode()).hexdigest()[:12]}"
    name = f"{run}-{datetime.fromtimestamp(app.wall_clock(), UTC).strftime(_HOUR)}"
    return name if app.machine.start(name, {"run": run, "kind": PUSHES}) else ""


def unfinished_tips(app: App) -> dict[str, frozenset[tuple[str, str]]]:
    """Return ref and commit of each push whose scan has not come to its end, by repository id."""
    found: dict[str, frozenset[tuple[str, str]]] = {}
    for detail in app.runs.unfinished().values():
        key, tip = str(detail["repositoryId"]), (str(detail["referenceFullName"]), str(detail["commitId"]))
        found[key] = found.get(key, frozenset()) | {tip}
    return found


def watched_repositories(app: App, names: Sequence[str] | None = None) -> list[tuple[str, str]]:
    """Return id and name of every watched repository, or of those that are named.

    Raises:
        UsageError: one that is named is not there, or not watched.
    """
    there = [(key, name) for name, key in app.codecommit.repository_ids() if app.settings.policy.watches(name)]
    missing = set(names or ()) - {name for _, name in there}
    if missing:
        raise UsageError(f"there is no watched repository {', '.join(sorted(missing))}; check the name and the policy")
    return sorted((key, name) for key, name in there if not names or name in names)


@dataclass(frozen=True, slots=True)
class Order:
    """What ``pushwarden backfill start`` will do."""

    execution: str
    payload: Mapping[str, Any]
    resumes: bool


def plan_start(app: App, *, again: bool = False, repositories: Sequence[str] = ()) -> Order:
    """Return what to start: the run that was not finished, or a new one.

    Args:
        app: acts with the rights of whoever starts it.
        again: begin a new run, although there is one that could be resumed or is finished: for new rules, say.
        repositories: names of those to scan; none means every watched one.

    Raises:
        UsageError: one runs already, or the history was scanned and ``again`` does not ask for another time; or a
            repository that is named is not there.
    """
    _check(app)
    if repositories:
        watched_repositories(app, repositories)
    running = app.machine.running()
    if running:
        raise UsageError(f"the backfill {', '.join(running)} runs already; see `pushwarden backfill status`")
    now = datetime.fromtimestamp(app.wall_clock(), UTC).strftime("%Y%m%dT%H%M%SZ")
    last = _last(app)
    if last is not None and not again and not repositories:
        if last.finished:
            raise UsageError(
                f"the history was scanned by {last.run} already; to scan it with today's rules, add --again"
            )
        return Order(f"{last.run}-{now}"[-80:], _payload(last.run, last.repositories), resumes=True)
    return Order(f"run-{now}", _payload(f"run-{now}", sorted(set(repositories))), resumes=False)


def _payload(run: str, repositories: Sequence[str]) -> dict[str, Any]:
    some = {"repositories": list(repositories)} if repositories else {}
    return {"run": run, "kind": HISTORY, **some}


def start(app: App, order: Order) -> None:
    """Start it.

    Raises:
        UsageError: somebody else did, this very second.
    """
    if not app.machine.start(order.execution, order.payload):
        raise UsageError(f"the backfill {order.execution} was started already; see `pushwarden backfill status`")
    app.state.save_setting_once(_FIRST_DONE, str(int(app.wall_clock())).encode())


@dataclass(frozen=True, slots=True)
class Status:
    """How the newest backfill stands."""

    run: Run
    running: tuple[str, ...]
    """Names of the executions that run now."""
    repositories: int
    commits: int
    slices: int
    scanned: int
    """Slices that are finished."""
    findings: int


def status(app: App) -> Status | None:
    """Return how the newest run over the history stands; None: there was none, or it has just been started."""
    _check(app)
    run = _last(app)
    if run is None:
        return None
    plans = app.runs.plans(run.run)
    return Status(
        run=run,
        running=tuple(sorted(app.machine.running())),
        repositories=len(plans),
        commits=sum(each.commits for each in plans.values()),
        slices=sum(len(each.slices) for each in plans.values()),
        scanned=len(app.runs.finished(run.run)),
        findings=sum(int(numbers["findings"]) for _, _, numbers in app.runs.parts(run.run)),
    )


def stop(app: App) -> tuple[str, ...]:
    """Stop every backfill that runs; return their names. What was scanned stays scanned."""
    _check(app)
    running = tuple(sorted(app.machine.running()))
    for each in running:
        app.machine.stop(each)
    return running


def _last(app: App) -> Run | None:
    return next((each for each in reversed(app.runs.runs()) if each.kind == HISTORY), None)


def _check(app: App) -> None:
    if not app.settings.backfill_machine:
        raise UsageError("this deployment has no backfill; deploy a newer version of the stack")
