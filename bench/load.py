"""A burst of pushes over many repositories, with CodeCommit answering only so many requests a second: ``python -m bench.load``.

Real time, real queues, real threads: every function runs as often at once as the topology allows, against the emulator with a
limit on its requests. The burst's events all wait at the beginning; while they drain, and after, fresh leaks are pushed to
other repositories. Scale it with the options; the figures say what was run.
"""

from __future__ import annotations

import argparse
import json
import logging
import queue
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import boto3

from handlers.runtime import each_record, logger
from pushwarden.aws.githttp import GitUnavailableError
from pushwarden.detect import load_scanner
from pushwarden.events import parse_push
from pushwarden.local.aws import ACCOUNT, REGION
from pushwarden.service.app import App
from pushwarden.service.scan import scan_push
from pushwarden.topology import SCAN
from tests.conftest import aws_secret
from tests.simulation.machine import PATTERNS, Machine
from tests.simulation.people import Clone

MAIN = "refs/heads/main"


def main() -> int:
    """Run the burst and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--repositories", type=int, default=500)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second that CodeCommit answers")
    parser.add_argument("--fresh", type=int, default=20, help="leaking pushes to other repositories while it drains")
    options = parser.parse_args()
    logger._logger.handlers[:] = [logging.NullHandler()]  # noqa: SLF001 - Powertools has no other way
    with tempfile.TemporaryDirectory() as folder, Machine(Path(folder)) as machine:
        print(json.dumps(_Burst(machine, options).run(), indent=2))
    return 0


class _Burst:
    def __init__(self, machine: Machine, options: argparse.Namespace) -> None:
        self.machine, self.options = machine, options
        self.waiting: queue.Queue[tuple[dict[str, Any], int]] = queue.Queue()
        self.done: Counter[str] = Counter()
        self.finished: dict[str, float] = {}
        self.lock = threading.Lock()
        self.over = threading.Event()

    def run(self) -> dict[str, Any]:
        """Return the figures."""
        machine, options = self.machine, self.options
        events = self._prepare()
        machine.codecommit.requests.clear()
        machine.codecommit.rate_limit_per_s = options.rate
        for event in events:
            self.waiting.put((event, 1))
        begin = time.monotonic()
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(SCAN.concurrency)]
        for each in workers:
            each.start()
        fresh = self._fresh(begin)
        self.waiting.join()
        drained = time.monotonic() - begin
        self.over.set()
        requests = machine.codecommit.requests.all()
        refused = sum(1 for each in requests if each.status in {400, 429})
        waits = sorted(fresh)
        return {
            "events": len(events),
            "repositories": options.repositories,
            "requests a second allowed": options.rate,
            "functions at once": SCAN.concurrency,
            "seconds until drained": round(drained, 1),
            "events a second": round(len(events) / drained, 1),
            "requests answered": len(requests) - refused,
            "requests throttled": refused,
            "requests answered for each event": round((len(requests) - refused) / max(1, len(events)), 2),
            "tries": self.done["tries"],
            "lost": len(events) + options.fresh - self.done["done"] - self.done["dead"],
            "dead": self.done["dead"],
            "fresh leaks: seconds to the security event, median": round(waits[len(waits) // 2], 2) if waits else None,
            "fresh leaks: 99th percentile": round(waits[-1 - len(waits) // 100], 2) if waits else None,
        }

    def _prepare(self) -> list[dict[str, Any]]:
        machine, options = self.machine, self.options
        machine.post = lambda _event: []
        machine.codecommit.events.listener = machine.pushed.append
        clones = [Clone(machine, f"burst-{number}") for number in range(options.repositories)]
        self.others = [Clone(machine, f"fresh-{number}") for number in range(options.fresh)]
        events: list[dict[str, Any]] = []
        for clone in (*clones, *self.others):
            clone.create()
            assert clone.push(MAIN, None, clone.commit({"README.md": b"# Hello\n"}, "Begin"))
        for number in range(max(0, options.events - options.repositories)):
            clone = clones[number % len(clones)]
            tip = list(clone.snapshots)[-1]
            clone.commit({f"src/{number % 7}.txt": f"text {uuid.uuid4()}\n".encode()}, "Work", tip)
        machine.codecommit.events.wait_idle()
        for clone in clones:
            # All at once to git, one event for each commit to the queue: as if every commit had been a push of its own.
            ids = list(clone.snapshots)
            if len(ids) > 1:
                assert clone.push(MAIN, ids[0], ids[-1])
            events += [_event(clone, old, new) for old, new in zip([None, *ids], ids, strict=False)]
        machine.codecommit.events.wait_idle()
        return events

    def _fresh(self, begin: float) -> list[float]:
        """Push a leak to a repository of its own now and then; return how long each took to become a security event."""
        times: dict[str, float] = {}
        for clone in self.others:
            first = next(iter(clone.snapshots))
            bad = clone.commit({"key.txt": aws_secret(clone.name).encode()}, "Leak", first)
            while not self._pushed(clone, first, bad):
                time.sleep(0.2)
            times[clone.name] = time.monotonic()
            self.waiting.put((_event(clone, first, bad), 1))
            time.sleep(1.0)
        while len(self.finished) < len(times) and time.monotonic() - begin < 3600:
            time.sleep(0.2)
        return [self.finished[name] - at for name, at in times.items() if name in self.finished]

    def _pushed(self, clone: Clone, first: str, bad: str) -> bool:
        try:
            return clone.push(MAIN, first, bad, "administrator")
        except GitUnavailableError:
            return False  # people are throttled, too, and try again

    def _work(self) -> None:
        app = self._app()

        def work(envelope: Any) -> dict[str, Any]:
            push = parse_push(envelope)
            found = scan_push(app, push)
            if found is not None:
                with self.lock:
                    self.finished[push.repository] = time.monotonic()
            return {}

        while not self.over.is_set():
            try:
                event, receives = self.waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            answer = each_record({"Records": [{"messageId": "1", "body": json.dumps(event)}]}, work)
            with self.lock:
                self.done["tries"] += 1
                if not answer["batchItemFailures"]:
                    self.done["done"] += 1
                elif receives >= SCAN.max_receives:
                    self.done["dead"] += 1
                else:
                    self.waiting.put((event, receives + 1))
            self.waiting.task_done()

    def _app(self) -> App:
        machine, who = self.machine, self.machine.stack.principal(SCAN)
        session = boto3.Session(
            region_name=REGION,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
            aws_session_token=who.session_token,
        )
        app = App(machine.stack.settings, session=session, endpoint_url=machine.endpoint)
        app.__dict__["scanner"] = load_scanner(rules=[PATTERNS / "aws.toml"], default_rules=False)
        return app


def _event(clone: Clone, old: str | None, new: str) -> dict[str, Any]:
    kind = "referenceUpdated" if old else "referenceCreated"
    arn = f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{clone.name}"
    detail = {"event": kind, "repositoryName": clone.name, "repositoryId": clone.repository_id, "commitId": new}
    detail |= {"referenceFullName": MAIN} | ({"oldCommitId": old} if old else {})
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "id": str(uuid.uuid4()),
        "source": "aws.codecommit",
        "account": ACCOUNT,
        "region": REGION,
        "time": now,
        "resources": [arn],
        "detail": detail,
    }


if __name__ == "__main__":
    sys.exit(main())
