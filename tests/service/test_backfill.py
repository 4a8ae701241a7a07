"""The history: scanned in slices by the state machine, reported once, and never locked or reset for."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pushwarden.aws.runs import HISTORY
from pushwarden.detect import Scanner, load_scanner
from pushwarden.events import SecurityEvent, parse_push
from pushwarden.history.pack import Limits
from pushwarden.local.service import LocalService, administrator
from pushwarden.service import backfill_plan
from pushwarden.service.app import App
from pushwarden.service.backfill_cost import Share, shares
from pushwarden.service.backfill_finish import finish, report_key
from pushwarden.service.backfill_plan import begin, gather, plan
from pushwarden.service.backfill_scan import scan_slice
from pushwarden.service.reconcile import Pace, reconcile
from pushwarden.service.scan import scan_push
from tests.conftest import aws_secret
from tests.service.conftest import Repo
from tests.service.fakes import Machine


@functools.cache
def as_function(service: LocalService, name: str) -> App:
    return service.app(service.function(name))  # once: making clients takes longer than using them


def planner(repo: Repo) -> App:
    """Return an app with the rights of the planning function, for one repository alone."""
    return only(as_function(repo.service, "backfill-plan"), repo)


@functools.cache
def scanner(rules: Path | None) -> Scanner:
    return load_scanner(database=rules)


def worker(repo: Repo, function: str = "backfill-scan") -> App:
    """Return an app with the rights of a scanning function; the rules are loaded once for all tests."""
    app = as_function(repo.service, function)
    app.scanner = scanner(repo.service.rules)
    return app


def only(app: App, repo: Repo) -> App:
    app.settings = replace(app.settings, policy=replace(app.settings.policy, watch=(repo.name,)))
    return app


def history(repo: Repo, commits: int = 5, secret_in: int = 2) -> list[str]:
    """Push commits whose events never come; one of them holds a secret, which the next one removes."""
    alice = repo.person()
    ids = [
        alice.commit(
            {"a.txt": f"{i}\n", "key.txt": aws_secret(repo.name) if i == secret_in else "nothing\n"}, f"No. {i}"
        )
        for i in range(commits)
    ]
    drop(repo, lambda: alice.git("push", "origin", "HEAD:main"))
    repo.service.app().state.save_baseline(repo.repository_id, {"refs/heads/main": ids[-1]})
    return ids


def drop(repo: Repo, push: Callable[[], object]) -> None:
    repo.service.codecommit.events.drop = lambda _event: True
    push()
    repo.service.codecommit.events.drop = 0


def steps(repo: Repo, run: str, kind: str = HISTORY, **scan: Any) -> dict[str, Any]:
    """Take the state machine's steps in this process, each with its own role's rights."""
    app = planner(repo)
    order = begin(app, {"run": run, "kind": kind})
    for item in json.loads(backfill_plan.get(app, order["items"])):
        plan(app, item)
    order = gather(app, order)
    for item in json.loads(backfill_plan.get(app, order["items"])):
        while item["ranges"]:
            item = scan_slice(worker(repo), item, deadline=time.monotonic() + 60, **scan)  # noqa: PLW2901
    return finish(app, order)


def report(repo: Repo, run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(backfill_plan.get(planner(repo), report_key(run, repo.name, "json")))
    return found


def wait(service: LocalService, execution: str) -> str | None:
    machine = service.app().machine
    end = time.monotonic() + 60
    while machine.status(execution) == "RUNNING" and time.monotonic() < end:
        time.sleep(0.05)
    return machine.status(execution)


def test_the_state_machine_scans_the_history_and_tells_once(repo: Repo) -> None:
    ids = history(repo)
    done = repo.admin.pushwarden("backfill", "start", "--again", "--repository", repo.name)
    assert done.returncode == 0, done.stderr
    run = done.stdout.split()[1].rstrip(".")

    assert wait(repo.service, run) == "SUCCEEDED"
    repo.service.wait_idle()

    (finding,) = report(repo, run)["findings"]
    assert (finding["path"], finding["commit"]) == ("key.txt", ids[2])
    page = backfill_plan.get(planner(repo), report_key(run, repo.name, "html"))
    assert b"Content-Security-Policy" in page
    (mail,) = [each for each in repo.service.mailbox.collect() if "Backfill" in each.subject]
    assert "1 old findings" in mail.subject
    told = {event["detail-type"] for event in repo.service.security_events()}
    assert told == {"CodeCommit Backfill Report"}
    assert repo.service.tags(repo.name)["RepoState"] == "ok"
    assert repo.tip() == ids[-1]
    shown = repo.admin.pushwarden("backfill", "status")
    assert "is finished" in shown.stdout
    refused = repo.admin.pushwarden("backfill", "start")
    assert refused.returncode == 2
    assert "--again" in refused.stderr
    secret = aws_secret(repo.name).split()[-1].encode()
    app = planner(repo)
    assert all(secret not in backfill_plan.get(app, key) for key in repo.service.app().backups.names("backfill/"))


def test_slices_find_the_same_as_one_scan(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = history(repo, commits=7, secret_in=3)
    monkeypatch.setattr(backfill_plan, "SLICE_COMMITS", 2)
    alice = repo.person()
    drop(repo, lambda: (alice.git("tag", "-a", "-m", aws_secret("tag"), "v1"), alice.git("push", "origin", "v1")))

    summary = steps(repo, f"sliced-{repo.name}")

    found = report(repo, f"sliced-{repo.name}")["findings"]
    assert [(each["source"], each["commit"]) for each in found if each["source"] == "file"] == [("file", ids[3])]
    assert [each["source"] for each in found if each["source"] != "file"] == ["tag-message"]
    assert summary["unscanned"] == 0
    run = planner(repo).runs.plans(f"sliced-{repo.name}")[repo.repository_id]
    assert run.slices == ((0, 2), (2, 4), (4, 6), (6, 7), (7, 7))


def test_a_slice_that_is_too_large_is_halved_and_a_commit_that_is_becomes_a_gap(repo: Repo) -> None:
    alice = repo.person()
    noise = bytes(i * i % 251 ^ i >> 8 & 255 for i in range(60_000))
    alice.commit({"key.txt": aws_secret(repo.name)}, "Leak")
    big = alice.commit({"big.bin": noise}, "Big")
    alice.commit({"c.txt": "c\n"}, "More")
    drop(repo, lambda: alice.git("push", "origin", "HEAD:main"))

    summary = steps(repo, f"big-{repo.name}", limits=Limits(total_bytes=40_000))

    said = report(repo, f"big-{repo.name}")
    assert [each["commit"] for each in said["incomplete"]] == [big]
    assert said["incomplete"][0]["code"] == "pack-too-large"
    assert len(said["findings"]) == 1
    assert said["result"] == "incomplete"
    assert summary["gaps"] == 1


def test_a_run_that_was_stopped_scans_only_what_is_left(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    history(repo, commits=6)
    monkeypatch.setattr(backfill_plan, "SLICE_COMMITS", 2)
    app, run = planner(repo), f"stopped-{repo.name}"
    order = begin(app, {"run": run, "kind": HISTORY})
    (item,) = json.loads(backfill_plan.get(app, order["items"]))
    plan(app, item)
    first = json.loads(backfill_plan.get(app, gather(app, order)["items"]))
    scan_slice(worker(repo), first[0], deadline=time.monotonic() + 60)

    assert finish(app, order)["unscanned"] == 2
    assert not next(each for each in app.runs.runs() if each.run == run).finished
    left = json.loads(backfill_plan.get(app, gather(app, order)["items"]))
    assert [item["slice"] for item in left] == [[2, 4], [4, 6]]
    assert steps(repo, run)["unscanned"] == 0
    repo.service.wait_idle()
    subjects = [each.subject for each in repo.service.mailbox.collect()]
    assert [subject.split(":")[0] for subject in subjects] == ["Backfill incomplete", "Backfill"]
    finish(app, order)
    repo.service.wait_idle()
    assert repo.service.mailbox.collect() == []


def test_time_that_runs_out_leaves_ranges_for_the_next_call(repo: Repo) -> None:
    history(repo, commits=4, secret_in=1)
    app, run = planner(repo), f"time-{repo.name}"
    order = begin(app, {"run": run, "kind": HISTORY})
    plan(app, json.loads(backfill_plan.get(app, order["items"]))[0])
    item = {"run": run, "key": repo.repository_id, "repository": repo.name, "slice": [0, 4], "ranges": [[0, 2], [2, 4]]}

    half = scan_slice(worker(repo), item, deadline=5.0, clock=iter([0.0] * 8 + [9.0] * 999).__next__)
    assert half["more"]
    rest = scan_slice(worker(repo), half, deadline=time.monotonic() + 60)

    assert (rest["more"], rest["ranges"]) == (False, [])
    finish(app, order)
    assert len(report(repo, run)["findings"]) == 1


def unfinished(repo: Repo, seed: str) -> tuple[str, SecurityEvent]:
    """Push a leak among several commits, and scan it within bounds that are too narrow for it."""
    alice = repo.person()
    alice.commit({"a.txt": "first\n" * 50}, "One")
    leak = alice.commit({"key.txt": aws_secret(seed)}, "Two") if seed else alice.commit({"b.txt": "b\n"}, "Two")
    repo.service.codecommit.events.hold()
    alice.git("push", "origin", "HEAD:main")
    (held,) = repo.service.codecommit.events.held
    repo.service.codecommit.events.release(lambda _held: [])
    event = scan_push(worker(repo, "scan"), parse_push(held), limits=Limits(total_bytes=50))
    assert event is not None
    assert [gap.code for gap in event.gaps] == ["pack-too-large"]
    return leak, event


def test_reconciliation_leaves_a_push_that_was_too_large_to_the_backfill(repo: Repo) -> None:
    repo.start()
    _, event = unfinished(repo, "")
    now = [time.time()]
    app = only(repo.service.app(repo.service.function("reconcile"), wall_clock=lambda: now[0]), repo)
    app.machine = Machine()  # type: ignore[assignment]

    reconcile(app, pace=Pace(1e6))
    now[0] += 3600
    done = reconcile(app, pace=Pace(1e6))

    assert (done.missing, done.waiting) == (0, 0)
    assert done.backfill.startswith("pushes-")
    planner(repo).runs.forget_unfinished(event.incident_id)


def test_a_push_that_was_too_large_is_finished_and_answered(repo: Repo) -> None:
    clean = repo.start()
    leak, first = unfinished(repo, repo.name)
    repo.settle()
    assert repo.responded("reset") == []

    steps(repo, f"pushes-{repo.name}", "pushes")
    events = repo.settle()

    (answer,) = [each for each in events if each["findingCount"]]
    assert answer["incidentId"] != first.incident_id
    assert answer["actions"] == ["notify", "lock", "reset"]
    assert [each["commitId"] for each in answer["findings"]] == [leak]
    assert repo.responded("reset") == ["done"], repo.responses
    assert repo.tip() == clean
    assert repo.responded("backfill") == ["done"]
    assert repo.responded("reset") == ["done"]
    assert planner(repo).runs.unfinished() == {}


def test_a_push_that_was_too_large_and_holds_nothing_is_closed(repo: Repo) -> None:
    repo.start()
    _, first = unfinished(repo, "")
    repo.settle()
    steps(repo, f"pushes-{repo.name}", "pushes")

    assert repo.settle() == []
    assert repo.responded("backfill") == ["done"]
    assert repo.responses[-1]["incidentId"] == first.incident_id
    row = repo.service.app().state.frontier(repo.repository_id).rows["refs/heads/main"]
    assert row.accepted == row.scanned == repo.tip()
    assert any("backfill done" in mail.subject for mail in repo.mails)


def test_a_push_that_is_gone_before_it_was_finished_is_told_as_incomplete(repo: Repo) -> None:
    repo.start()
    unfinished(repo, repo.name)
    repo.settle()
    repo.api.delete_repository(repositoryName=repo.name)
    steps(repo, f"pushes-{repo.name}", "pushes")

    (event,) = repo.settle()
    assert event["result"] == "incomplete"
    assert repo.responded("backfill") == ["failed"]
    assert planner(repo).runs.unfinished() == {}


def test_the_dry_run_names_slices_and_cost_and_starts_nothing(repo: Repo) -> None:
    history(repo, commits=3)
    app = only(repo.service.app(administrator()), repo)
    before = len(app.runs.runs())

    assert list(shares(app)) == [Share(repo.name, 3, 1)]
    shown = repo.admin.pushwarden("backfill", "start", "--dry-run", "--repository", repo.name)

    assert "3 commits in 1 repositories: 1 slices" in shown.stdout
    assert "Nothing was started." in shown.stdout
    assert len(app.runs.runs()) == before
