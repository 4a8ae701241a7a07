"""The backfill's plan: which repositories and pushes, cut into which slices."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pushwarden.aws.codecommit import RepositoryGoneError
from pushwarden.aws.githttp import Advertisement, GitError, NotOurRefError, PackTooLargeError, RepositoryNotFoundError
from pushwarden.aws.runs import HISTORY, PUSHES, Plan, Run
from pushwarden.backfill_machine import PREFIX
from pushwarden.errors import UsageError
from pushwarden.events import SecurityEvent
from pushwarden.history.graph import GraphComplete, GraphReader, GraphTooLargeError
from pushwarden.history.slices import SLICE_COMMITS, History, history
from pushwarden.service.app import App
from pushwarden.service.backfill_start import watched_repositories
from pushwarden.service.frontier import scan_range

_UPLOAD: Final = "git-upload-pack"
_GRAPH_BYTES_MAX: Final = 2 << 30
"""How much of a pack is read for its commits; a server that sends them first needs a fraction."""


def begin(app: App, order: Mapping[str, Any]) -> dict[str, Any]:
    """List what is to be looked at, and return what the state machine goes on with.

    Args:
        app: clients and settings.
        order: ``run`` (a name), ``kind`` (``history`` or ``pushes``), ``repositories`` (names; without them, all).

    Raises:
        UsageError: the order is not one.
    """
    run, kind = str(order.get("run", "")), str(order.get("kind", ""))
    if not run or kind not in {HISTORY, PUSHES}:
        raise UsageError(f"a backfill needs a run and a kind ({HISTORY} or {PUSHES}), not {dict(order)!r}")
    if app.runs.run(run) is None:
        names = tuple(order.get("repositories") or ())
        app.runs.save_run(Run(run, kind, int(app.wall_clock()), names))
    found = watched_repositories(app, order.get("repositories")) if kind == HISTORY else _pushes(app)
    items = [{"run": run, "key": key, "repository": name} for key, name in found]
    return {"run": run, "kind": kind} | _items(app, run, "repositories", items)


def plan(app: App, item: Mapping[str, str]) -> None:
    """Read the commits of a repository (or of a push) and cut them into slices; what was planned before stays."""
    run, key, name = item["run"], item["key"], item["repository"]
    if key in app.runs.plans(run):
        return
    try:
        found = push_history(app, key) if key in app.runs.unfinished() else repository_history(app, name)
    except (RepositoryGoneError, RepositoryNotFoundError):
        app.runs.save_plan(run, Plan(key, name, 0, (), "the repository was deleted or renamed"))
    except NotOurRefError:
        app.runs.save_plan(run, Plan(key, name, 0, (), "the pushed commits are reachable from no ref any more"))
    except (GraphTooLargeError, PackTooLargeError) as error:
        app.runs.save_plan(run, Plan(key, name, 0, (), str(error)))
    else:
        put(app, plan_key(run, key), found.to_bytes())
        # Written down last: whoever sees the plan in the table finds it in the bucket.
        commits = len(found.commits) - found.known
        app.runs.save_plan(run, Plan(key, name, commits, tuple(found.slices(SLICE_COMMITS))))


def gather(app: App, order: Mapping[str, str]) -> dict[str, Any]:
    """List the slices that are not finished yet, and return what the state machine goes on with."""
    run = order["run"]
    done = app.runs.finished(run)
    items = [
        {"run": run, "key": key, "repository": each.name, "slice": slice_, "ranges": [slice_]}
        for key, each in sorted(app.runs.plans(run).items())
        for slice_ in each.slices
        if (key, slice_) not in done
    ]
    return {"run": run, "kind": order["kind"]} | _items(app, run, "slices", items)


def repository_history(app: App, name: str) -> History:
    """Return every commit of a repository, to be scanned.

    Raises:
        GitError: the repository cannot be read.
    """
    advertised = app.retry.call(lambda: app.git.advertisement(name, _UPLOAD))
    tips = {advertised.peeled.get(ref, oid) for ref, oid in advertised.refs.items() if ref.startswith("refs/")}
    tags = {advertised.refs[ref] for ref in advertised.peeled}
    return history(_graph(app, name, sorted(tips), advertised), tips, tags=tags)


def push_history(app: App, incident_id: str) -> History:
    """Return the commits of a push that was too large for one scan, as the frontier stands now.

    Raises:
        NotOurRefError: no ref reaches the commit any more.
        GitError: the repository cannot be read.
    """
    push = SecurityEvent.from_detail({**app.runs.unfinished()[incident_id], "findings": [], "incomplete": []}).push
    todo = scan_range(push, app.state.frontier(push.repository_id).rows)
    if todo.target is None:
        return history({}, ())
    advertised = app.retry.call(lambda: app.git.advertisement(push.repository, _UPLOAD))
    held = advertised.refs.get(push.ref)
    tags = (
        [held] if held and push.new in {held, advertised.peeled.get(push.ref)} and push.ref in advertised.peeled else []
    )
    target = advertised.peeled.get(push.ref, todo.target) if tags else todo.target
    # With its past: only then can be told whether all commits came.
    return history(_graph(app, push.repository, [target], advertised), [target], todo.known, tags)


def _graph(app: App, name: str, tips: Sequence[str], advertised: Advertisement) -> Mapping[str, Sequence[str]]:
    if not tips:
        return {}

    def read() -> GraphReader:
        reader = GraphReader(tips)
        with contextlib.suppress(GraphComplete):
            app.git.fetch(name, wants=tips, haves=(), advertised=advertised, into=reader, max_bytes=_GRAPH_BYTES_MAX)
        return reader

    return app.retry.call(read).parents()


def plan_key(run: str, key: str) -> str:
    """Return where a plan is in the bucket."""
    return f"{PREFIX}{run}/plans/{key}.z"


def put(app: App, key: str, data: bytes) -> None:
    """Write an object of the backfill into the bucket."""
    app.backups.put(key, io.BytesIO(data), len(data), metadata={})


def get(app: App, key: str) -> bytes:
    """Read an object of the backfill.

    Raises:
        BackupError: there is none.
    """
    into = io.BytesIO()
    app.backups.get(key, into)
    return into.getvalue()


def _items(app: App, run: str, what: str, items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    key = f"{PREFIX}{run}/{what}.json"
    put(app, key, json.dumps(items).encode())
    return {"items": key}


def _pushes(app: App) -> list[tuple[str, str]]:
    return sorted((incident, str(detail["repositoryName"])) for incident, detail in app.runs.unfinished().items())


__all__ = ["GitError", "begin", "gather", "get", "plan", "plan_key", "push_history", "put", "repository_history"]
