"""A push of 1,000 commits over 5,000 files, 200 MB unpacked: scan by one git fetch, against reading it call by call.

Every request to CodeCommit takes 20 ms longer than on this machine, in both ways. The other way is the usual one: for each
commit GetDifferences against its parent, and GetBlob for each version that it brought.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from typing import Any

from bench._history import fill, made_up_key
from bench._service import REPOSITORY, apart, peak_mb, running
from pushwarden.events import parse_push
from pushwarden.local.service import medium_policy
from pushwarden.service.app import App
from pushwarden.service.scan import scan_push
from pushwarden.topology import SCAN

LATENCY_MS = 20
FILES = 5000
BLOB_BYTES = 20_000


def by_git(event: dict[str, Any]) -> dict[str, Any]:
    """Scan as the function does."""
    app = _app()
    began = time.monotonic()
    found = scan_push(app, parse_push(event))
    took = time.monotonic() - began
    if found is None:
        raise SystemExit("nothing was found: this run measures nothing")
    return {
        "seconds": took,
        "mb": peak_mb(),
        "commits": found.commits_scanned,
        "findings": found.finding_count,
        "gaps": len(found.gaps),
    }


def by_api(event: dict[str, Any]) -> dict[str, Any]:
    """Read the same push with one call per commit and one per version, and scan each."""
    app, push = _app(), parse_push(event)
    api, repository = app.codecommit, push.repository
    began = time.monotonic()
    waiting, commits, seen, findings = [str(push.new)], 0, set[str](), 0
    while waiting:
        (commit,) = api.commits(repository, waiting[:1])
        waiting = waiting[1:] + [each for each in commit.parents if each != push.old]
        commits += 1
        parent = commit.parents[0] if commit.parents else None
        for change in api.differences(repository, parent, commit.commit_id):
            if change.after_blob and change.after_blob not in seen:
                seen.add(change.after_blob)
                data = api.blob(repository, change.after_blob)
                findings += len(app.scanner.scan(data, path=change.path).matches)
    took = time.monotonic() - began
    return {"seconds": took, "mb": peak_mb(), "commits": commits, "findings": findings, "gaps": 0}


def _app() -> App:
    app = App.from_environment()
    app.scanner.scan(b"")  # loading the rules is another figure's: see cold_start
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--way", choices=("git", "api"), help="used by the benchmark itself")
    options = parser.parse_args()
    if options.way:
        measure = by_git if options.way == "git" else by_api
        json.dump(measure(json.load(sys.stdin)), sys.stdout)
        return
    commits: int = options.commits
    with running(medium_policy()) as (service, admin):
        clean = admin.commit({"README.md": "# Bench\n"}, "Begin")
        admin.git("push", "--quiet", "origin", "HEAD:main")
        service.wait_idle()
        per_commit = 10
        fill(
            admin.folder / ".git",
            commits=commits - 1,
            per_commit=per_commit,
            files=FILES,
            blob_bytes=BLOB_BYTES,
            parent=clean,
        )
        admin.git("reset", "--quiet", "--hard", "main")
        admin.commit({"settings.txt": made_up_key(1)}, "Add settings")
        service.codecommit.events.hold()
        admin.git("push", "--quiet", "origin", "HEAD:main")
        event = dict(service.codecommit.events.held[-1])
        service.codecommit.latency_ms = LATENCY_MS
        print(f"{commits} commits, {per_commit * (commits - 1)} versions of {FILES} files of {BLOB_BYTES} bytes")
        results = {}
        # The API first: scanning moves the frontier, and a second scan would find nothing left to do.
        for way in ("api", "git"):
            service.codecommit.requests.clear()
            results[way] = apart(service, SCAN, "bench.big_push", ("--way", way), event)
            results[way]["requests"] = Counter(
                each.operation
                for each in service.codecommit.requests.of(repository=REPOSITORY)
                if "pushwarden-scan" in str(each.principal_arn)
            )
        for way, each in results.items():
            print(
                f"{way:<4} {each['seconds']:>6.1f} s  peak {each['mb']:>4.0f} MB  {each['requests'].total():>6} requests"
                f"  {each['commits']} commits, findings {each['findings']}, gaps {each['gaps']}"
            )
            print(f"     {', '.join(f'{name} {count}' for name, count in sorted(each['requests'].items()))}")
        print(f"git is {results['api']['seconds'] / results['git']['seconds']:.1f} times as fast")


if __name__ == "__main__":
    main()
