"""A repository with more refs than an item of the table holds, and runs of reconciliation that end in the middle of one."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bench._burst import ScanApp, World
from pushwarden.aws.codecommit import Repository
from pushwarden.aws.githttp import Advertisement
from pushwarden.aws.queue import QueueError
from pushwarden.aws.state import RefState
from pushwarden.service import reconcile as module
from pushwarden.service.reconcile import GRACE_S, Pace, Reconciled, reconcile

MANY = 16_000
"""Their names and commits take more than the 400 KB that DynamoDB gives an item."""
OLD, NOW_S = -1.0, 2e9
_numbers = itertools.count()


@dataclass
class Servers:
    """CodeCommit's two sides, for repositories that nobody has to make; and the scan queue."""

    refs: dict[str, Mapping[str, str]] = field(default_factory=dict)
    prefix: str = field(default_factory=lambda: f"many{next(_numbers)}-")
    created_s: float = OLD
    sent: list[dict[str, Any]] = field(default_factory=list)
    full: int = 10**9
    """After so many messages, the queue takes no more."""

    def repository_ids(self) -> list[tuple[str, str]]:
        return [(name, f"id-{name}") for name in self.refs]

    def repository(self, name: str) -> Repository:
        return Repository(f"arn:aws:codecommit:eu-west-1:123456789012:{name}", f"id-{name}", name, None, self.created_s)

    def advertisement(self, name: str, _service: str) -> Advertisement:
        return Advertisement(self.refs[name], {}, frozenset())

    def send(self, bodies: Sequence[str]) -> None:
        if len(self.sent) + len(bodies) > self.full:
            raise QueueError("the queue did not take 1 messages")
        self.sent += map(json.loads, bodies)


def refs(count: int, commits: str = "") -> dict[str, str]:
    # Like digests: what can be compressed would fit into less.
    return {f"refs/heads/{hash_(f'name {i}')[:24]}": hash_(f"{commits} {i}") for i in range(count)}


def hash_(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture
def app(world: World, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> ScanApp:
    made = ScanApp(world, [], scanner=world.scanner)
    made.__dict__.update(codecommit=servers, git=servers, scan_queue=servers)
    made.settings = replace(made.settings, policy=replace(made.settings.policy, watch=(f"{servers.prefix}*",)))
    monkeypatch.setattr(module, "start_what_waits", lambda _app: "")
    made.wall_clock = lambda: NOW_S
    return made


def sweep(app: ScanApp, later_s: float = 0.0, **more: Any) -> Reconciled:
    app.wall_clock = lambda: NOW_S + later_s
    return reconcile(app, pace=Pace(1e9), **more)


def test_more_refs_than_an_item_holds_have_a_baseline_and_are_found_missing(app: ScanApp, servers: Servers) -> None:
    before, moved = refs(MANY), refs(MANY, "moved")
    servers.refs[f"{servers.prefix}refs"] = before
    assert sweep(app).baselines == 1

    frontier = app.state.frontier(f"id-{servers.prefix}refs")
    assert frontier.rows == {ref: RefState(ref, accepted=commit) for ref, commit in before.items()}

    servers.refs[f"{servers.prefix}refs"] = moved
    assert sweep(app, 3600).waiting == MANY
    assert sweep(app, 3600 + GRACE_S).missing == MANY
    assert {each["detail"]["referenceFullName"]: each["detail"]["commitId"] for each in servers.sent} == moved
    assert sweep(app, 7200 + GRACE_S).again == 0


def test_a_baseline_of_which_a_dead_process_left_parts_is_not_there(app: ScanApp, world: World) -> None:
    part: Any = {"pk": {"S": "repo#id-half"}, "sk": {"S": "baseline#0123456789abcdef#0000"}, "refs": {"B": b"x"}}
    app.state.client.put_item(TableName=world.stack.settings.table, Item=part)

    assert not app.state.frontier("id-half").met
    app.state.save_baseline("id-half", {"refs/heads/main": "a" * 40})
    assert app.state.frontier("id-half").rows == {"refs/heads/main": RefState("refs/heads/main", accepted="a" * 40)}


def test_the_first_of_two_large_baselines_stays(app: ScanApp) -> None:
    first = refs(MANY)

    app.state.save_baseline("id-twice", first)
    app.state.save_baseline("id-twice", refs(MANY, "later"))

    rows = app.state.frontier("id-twice").rows
    assert {ref: row.accepted for ref, row in rows.items()} == first


def test_one_row_is_read_as_it_is_in_the_frontier(app: ScanApp) -> None:
    app.state.save_baseline("id-row", {"refs/heads/a": "a" * 40, "refs/heads/b": "b" * 40})
    app.state.save_ref("id-row", RefState("refs/heads/b", scanned="c" * 40, event_time="2026-01-01"), now_s=NOW_S)
    rows = app.state.frontier("id-row").rows

    assert rows["refs/heads/b"].scanned == "c" * 40
    for ref in ("refs/heads/a", "refs/heads/b", "refs/heads/c"):
        assert app.state.row("id-row", ref, rows.get(ref)) == rows.get(ref)
    assert app.state.row("id-row", "refs/heads/a", RefState("refs/heads/a", version=3)) is None


def test_a_ref_with_a_name_that_no_key_holds_is_remembered(app: ScanApp) -> None:
    names = ["refs/tags/" + "long/" * 300, "refs/heads/\udcff"]
    for name in names:
        app.state.save_ref("id-long", RefState(name, scanned="a" * 40, event_time="2026-01-01"), now_s=NOW_S)

    rows = app.state.frontier("id-long").rows
    assert {name: row.scanned for name, row in rows.items()} == dict.fromkeys(names, "a" * 40)


def missing(servers: Servers, app: ScanApp, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a repository have unscanned refs whose grace is over."""
    monkeypatch.setattr(module, "_ASKED_AT_ONCE", 2)
    servers.created_s = NOW_S * 2
    servers.refs |= {f"{servers.prefix}lost": refs(count), f"{servers.prefix}more": refs(1)}
    sweep(app)


def test_a_run_without_time_for_every_ref_asks_for_the_rest_at_the_next(
    app: ScanApp, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing(servers, app, 7, monkeypatch)
    ticks = iter(range(1000))

    first = sweep(app, GRACE_S, deadline=3.0, clock=lambda: float(next(ticks)))
    asked = len(servers.sent)
    rest = sweep(app, GRACE_S)

    assert not first.finished
    assert 0 < first.missing == asked < 7
    assert rest.finished
    assert first.missing + rest.missing == 8
    assert len({each["id"] for each in servers.sent}) == len(servers.sent) == 8


def test_a_run_that_the_queue_refuses_asks_for_nothing_twice(
    app: ScanApp, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing(servers, app, 7, monkeypatch)
    servers.full = 5

    with pytest.raises(QueueError):
        sweep(app, GRACE_S)
    assert len(servers.sent) == 4
    servers.full = 100
    sweep(app, GRACE_S)

    assert len({each["id"] for each in servers.sent}) == len(servers.sent) == 8
