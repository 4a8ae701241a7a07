"""Reset a branch of a repository of 1 GB (unpacked), against ``git clone``, ``git reset`` and ``git push``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from typing import Any

from bench._history import fill, made_up_key
from bench._service import REPOSITORY, apart, peak_mb, running, unlock
from pushwarden.events import SecurityEvent
from pushwarden.local.person import Person
from pushwarden.local.service import LocalService, administrator, medium_policy
from pushwarden.model import SECURITY_EVENT
from pushwarden.respond.reset import Tools, reset
from pushwarden.service.app import App
from pushwarden.settings import Policy
from pushwarden.topology import RESET

FILES = 20_000
BLOB_BYTES = 50_000
MAIN = "refs/heads/main"


def by_pushwarden(detail: dict[str, Any]) -> dict[str, Any]:
    """Reset as the function does, with its backup."""
    app = App.from_environment()
    began = time.monotonic()
    outcome = reset(SecurityEvent.from_detail(detail), Tools(app.git, app.codecommit, app.backups, app.retry))
    return {"seconds": time.monotonic() - began, "mb": peak_mb(), "outcome": outcome.outcome}


def leak(service: LocalService, number: int) -> None:
    """Commit a made-up key through the API: no clone of the whole repository is needed for that."""
    service.client("codecommit").put_file(
        repositoryName=REPOSITORY,
        branchName="main",
        filePath=f"settings-{number}.txt",
        fileContent=made_up_key(number).encode(),
        parentCommitId=service.tip(REPOSITORY, MAIN),
        name="Dev",
        email="dev@example.com",
    )


def by_git(service: LocalService, admin: Person, back_to: str) -> float:
    """Clone, reset, push, as a person would."""
    shutil.rmtree(admin.folder)
    began = time.monotonic()
    admin.clone()
    admin.git("reset", "--quiet", "--hard", back_to)
    admin.git("push", "--quiet", "--force", "origin", "HEAD:main")
    took = time.monotonic() - began
    if service.tip(REPOSITORY, MAIN) != back_to:
        raise SystemExit("git did not move the branch back: this run measures nothing")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--child", action="store_true", help="used by the benchmark itself")
    options = parser.parse_args()
    if options.child:
        json.dump(by_pushwarden(json.load(sys.stdin)), sys.stdout)
        return
    files: int = options.files
    policy = Policy(thresholds={**medium_policy().thresholds, "reset": None})
    with running(policy) as (service, admin):
        path = service.codecommit.repository_path(REPOSITORY)
        fill(path, commits=20, per_commit=files // 20, files=files, blob_bytes=BLOB_BYTES, parent=None)
        base = str(service.tip(REPOSITORY, MAIN))
        app = service.app(administrator())
        repository_id = app.codecommit.repository(REPOSITORY).repository_id
        service.app().state.save_baseline(repository_id, {MAIN: base})
        packed = sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
        print(f"{files} files, {files * BLOB_BYTES / 1e9:.2f} GB unpacked, {packed / 1e9:.2f} GB packed")
        leak(service, 1)
        service.wait_idle(300)
        (event,) = (e["detail"] for e in service.security_events() if e["detail-type"] == SECURITY_EVENT)
        unlock(service)
        service.codecommit.requests.clear()
        ours = apart(service, RESET, "bench.big_reset", ("--child",), event)
        log = service.codecommit.requests.of(repository=REPOSITORY)
        requests = sum("pushwarden-reset" in str(each.principal_arn) for each in log)
        if ours["outcome"] != "done" or service.tip(REPOSITORY, MAIN) != base:
            raise SystemExit(f"the reset ended as {ours['outcome']}: this run measures nothing")
        service.codecommit.events.hold()
        leak(service, 2)
        theirs = by_git(service, admin, base)
        print(
            f"pushwarden        {ours['seconds']:>6.2f} s  peak {ours['mb']:.0f} MB  {requests} requests, with the backup"
        )
        print(f"clone, reset, push {theirs:>5.2f} s")
        print(f"pushwarden is {theirs / ours['seconds']:.0f} times as fast")


if __name__ == "__main__":
    main()
