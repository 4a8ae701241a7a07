"""From a push to the last response, one commit at a time: median and 95th percentile."""

from __future__ import annotations

import argparse
import statistics
import time

from bench._history import made_up_key
from bench._service import REPOSITORY, percentile, running, unlock
from pushwarden.local.service import medium_policy

_MAILS_PER_LEAK = 3  # the leak, the lock, the reset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pushes", type=int, default=40)
    pushes: int = parser.parse_args().pushes
    whole: list[float] = []
    answer: list[float] = []
    with running(medium_policy()) as (service, admin):
        clean = admin.commit({"README.md": "# Bench\n"}, "Begin")
        admin.git("push", "--quiet", "origin", "HEAD:main")
        service.wait_idle()
        for number in range(pushes + 1):
            admin.commit({f"settings-{number}.txt": made_up_key(number)}, "Add settings")
            began = time.monotonic()
            admin.git("push", "--quiet", "origin", "HEAD:main")
            pushed = time.monotonic()
            mails = 0
            while mails < _MAILS_PER_LEAK:
                mails += len(service.mailbox.collect())
                time.sleep(0.005)
            ended = time.monotonic()
            if service.tip(REPOSITORY, "refs/heads/main") != clean:
                raise SystemExit("the branch is not back: this run measures nothing")
            if number:  # the first push warms every function up
                whole.append(ended - began)
                answer.append(ended - pushed)
            service.wait_idle()
            unlock(service)
            admin.git("reset", "--quiet", "--hard", clean)
    for name, values in (("git push and answer", whole), ("answer after the push returned", answer)):
        print(f"{name:<32} median {statistics.median(values):.2f} s   p95 {percentile(values, 0.95):.2f} s")
    print(f"{pushes} leaking pushes of one commit; each was told, locked and reset")


if __name__ == "__main__":
    main()
