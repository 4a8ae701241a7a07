"""A burst of pushes over many repositories, with CodeCommit answering only so many requests a second.

Real time, real threads: the scan function runs as often at once as the topology allows, for fresh events and for late ones,
against the emulator with a limit on its requests. Every commit of the burst is a push of its own; some leak. Their events
all come at once. While they drain, and after, people go on leaking in other repositories, one at a time: how long each
waits for its security event is what counts. What Lambda and SQS take themselves is not in the figures.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench._burst import MemoryQueue, Repository, ScanApp, World, interleaved, push_event
from bench._service import peak_mb, percentile
from handlers.runtime import each_record, logger
from pushwarden.events import SecurityEvent
from pushwarden.service.lanes import take
from pushwarden.topology import SCAN

PATIENCE_S = 2 * 3600.0
_AFTER = "after"
_SHOW_S = 10.0


def main() -> int:
    """Run the burst and print its figures as JSON; 1: something was lost, or told twice."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--repositories", type=int, default=25)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second that CodeCommit answers")
    parser.add_argument("--leaks", type=int, default=20, help="pushes of the burst that leak")
    parser.add_argument("--gap", type=float, default=1.0, help="seconds between fresh leaks in other repositories")
    parser.add_argument("--during", type=int, default=60, help="most fresh leaks before the burst has drained")
    parser.add_argument("--in-a-row", action="store_true", help="one repository after the other, instead of mixed")
    parser.add_argument("--after", type=int, default=20, help="fresh leaks after the burst has drained")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pushwarden-bench-") as folder, World(Path(folder)) as world:
        burst = _Burst(world, options)
        found = burst.run()
        print(json.dumps(found, indent=2))
    return (
        1
        if any(found[each] for each in ("leaks never told", "leaks told more than once", "events lost or dead"))
        else 0
    )


class _Burst:
    def __init__(self, world: World, options: argparse.Namespace) -> None:
        self.world, self.options = world, options
        self.told: list[tuple[float, SecurityEvent]] = []
        self.done: Counter[str] = Counter()
        self.pushed: dict[str, tuple[float, str]] = {}
        """When each fresh leak was pushed, and whether that was after the burst had drained."""
        self.failed: Counter[str] = Counter()
        logger._logger.handlers[:] = [_Failures(self.failed)]  # noqa: SLF001 - Powertools has no other way
        self.lock = threading.Lock()
        self.over, self.stop = threading.Event(), threading.Event()

    def run(self) -> dict[str, Any]:
        """Return the figures."""
        burst, others = self._prepare()
        server = self.world.codecommit
        server.requests.clear()
        server.rate_limit_per_s = self.options.rate
        lanes = [(self.world.fresh, "fresh")] * SCAN.concurrency + [(self.world.late, "late")] * SCAN.late_concurrency
        workers = [threading.Thread(target=self._work, args=lane, daemon=True) for lane in lanes]
        begin, now = time.monotonic(), time.time()
        order = interleaved(burst, random.Random(1))
        if self.options.in_a_row:
            order = [(repository, number) for repository in burst for number in range(len(repository.commits))]
        self.world.fresh.send([json.dumps(push_event(repository, number, now)) for repository, number in order])
        for each in workers:
            each.start()
        fresh = threading.Thread(target=self._leak_now_and_then, args=(iter(others),), daemon=True)
        fresh.start()
        drained = self._await_drain(len(order)) - begin
        burst_requests = len(server.requests)
        self.over.set()
        fresh.join()
        self.stop.set()
        for each in workers:
            each.join()
        return self._figures(burst, len(order), drained, burst_requests)

    def _prepare(self) -> tuple[list[Repository], list[Repository]]:
        options, source = self.options, random.Random(0)
        each = options.events // options.repositories
        leaking = Counter(source.randrange(options.repositories) for _ in range(options.leaks))
        burst = [
            self.world.repository(f"burst-{i}", each, sorted(source.sample(range(each), leaking[i])))
            for i in range(options.repositories)
        ]
        return burst, [self.world.repository(f"other-{i}", 1, [0]) for i in range(options.during + options.after)]

    def _await_drain(self, events: int) -> float:
        end = time.monotonic() + PATIENCE_S
        shown = time.monotonic()
        while self.done["burst"] < events and time.monotonic() < end:
            time.sleep(0.05)
            if time.monotonic() - shown > _SHOW_S:
                shown = time.monotonic()
                waiting = f"{len(self.world.fresh)} fresh and {len(self.world.late)} late events wait"
                print(f"{waiting}; {dict(self.done)}; {self.failed}", file=sys.stderr, flush=True)
        return time.monotonic()

    def _leak_now_and_then(self, others: Any) -> None:
        """Push a leak to one other repository after the other until the burst is over, and some more then."""
        left = {"during": self.options.during, _AFTER: self.options.after}
        for repository in others:
            if not left["during"]:
                self.over.wait()
            when = _AFTER if self.over.is_set() else "during"
            if not left[when]:
                break
            left[when] -= 1
            self.pushed[repository.name] = (time.monotonic(), when)
            self.world.fresh.send([json.dumps(push_event(repository, 0, time.time()))])
            time.sleep(self.options.gap)
        end = time.monotonic() + 300
        while len({event.push.repository for _, event in self.told} & self.pushed.keys()) < len(self.pushed):
            if time.monotonic() > end:
                break
            time.sleep(0.05)

    def _work(self, queue: MemoryQueue, lane: str) -> None:
        """Be one running function and its event source."""
        app = ScanApp(self.world, self.told)

        def work(envelope: Any) -> dict[str, Any]:
            taken = take(app, envelope, deadline=time.monotonic() + SCAN.timeout_s)
            of_burst = taken.push.repository.startswith("burst-")
            self._count("put off" if taken.put_off else "burst" if of_burst else "others")
            return {}

        while not self.stop.is_set():
            message = queue.receive(0.2)
            if message is None:
                continue
            answer = each_record({"Records": [{"messageId": "1", "body": message.body}]}, work)
            self._count(f"{lane} invocations")
            queue.done(message, failed=bool(answer["batchItemFailures"]))

    def _count(self, what: str) -> None:
        with self.lock:
            self.done[what] += 1

    def _figures(self, burst: list[Repository], events: int, drained: float, burst_requests: int) -> dict[str, Any]:
        requests = self.world.codecommit.requests.all()
        refused = sum(1 for each in requests[:burst_requests] if each.status in {400, 429})
        answered = burst_requests - refused
        planted = [repository.commits[number] for repository in burst for number in repository.leaks]
        incidents = {(f.commit, event.push.new, event.incident_id) for _, event in self.told for f in event.findings}
        told = Counter(commit for commit, *_ in incidents)
        by_another = sum(1 for commit, push, _ in incidents if commit != push)
        first = {event.push.repository: at for at, event in reversed(self.told)}
        waits: dict[str, list[float]] = {"during": [], _AFTER: []}
        for name, (at, when) in self.pushed.items():
            waits[when].append(first.get(name, float("inf")) - at)
        queues = (self.world.fresh, self.world.late)
        return {
            "events": events,
            "repositories": len(burst),
            "requests a second allowed": self.options.rate,
            "functions at once, fresh and late": [SCAN.concurrency, SCAN.late_concurrency],
            "seconds until drained": round(drained, 1),
            "events a second": round(events / drained, 1),
            "requests answered until then": answered,
            "requests answered a second": round(answered / drained, 1),
            "requests answered for each event": round(answered / (events + len(waits["during"])), 3),
            "requests throttled": f"{refused} ({refused / max(1, burst_requests):.0%})",
            "events put off": self.done["put off"],
            "invocations, fresh and late": [self.done["fresh invocations"], self.done["late invocations"]],
            "invocations that failed": sum(each.failures for each in queues),
            "events lost or dead": events - self.done["burst"] + sum(len(each.dead) for each in queues),
            "leaks in the burst": len(planted),
            "leaks never told": sum(1 for each in planted if not told[each]),
            "leaks told more than once": sum(1 for each in planted if told[each] > 1),
            "leaks told by the event of a later push": by_another,
            **{f"fresh leaks {when}": _spread(found) for when, found in waits.items()},
            "peak memory of everything in this process, MB": round(peak_mb()),
            "processor seconds": round(time.process_time()),
        }


class _Failures(logging.Handler):
    """Counts why invocations failed, by what they log."""

    def __init__(self, into: Counter[str]) -> None:
        super().__init__()
        self.into = into

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.into[
                f"{getattr(record, 'error', '')} {getattr(record, 'reason', '')} {getattr(record, 'at', '')}"
            ] += 1


def _spread(waits: list[float]) -> dict[str, Any]:
    if not waits:
        return {"pushes": 0}
    shares = {"median": 0.5, "99th percentile": 0.99, "longest": 1.0}
    return {"pushes": len(waits)} | {f"{name}, s": round(percentile(waits, share), 2) for name, share in shares.items()}


if __name__ == "__main__":
    sys.exit(main())
