"""Requests to CodeCommit for one push, by function, for 1 to 1,000 commits.

The reset's own push is counted by itself: its event is held back while the leak is counted.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bench._history import fill, made_up_key
from bench._service import REPOSITORY, running, unlock
from pushwarden.local.person import Person
from pushwarden.local.service import LocalService, medium_policy
from pushwarden.policies import RESET_ALLOWED, RESET_TAG_KEY
from pushwarden.settings import Policy

COMMITS = (1, 10, 100, 1000)
MAIN = "refs/heads/main"


def requests(service: LocalService) -> dict[str, Counter[str]]:
    """Return the requests since the log was cleared: function to operation to count."""
    found: dict[str, Counter[str]] = {}
    for each in service.codecommit.requests.of(repository=REPOSITORY):
        role = str(each.principal_arn).rpartition("/")[2]
        if "assumed-role" in str(each.principal_arn):
            found.setdefault(role, Counter())[each.operation] += 1
    return found


class Pushes:
    """Pushes one history after another and counts what each costs."""

    def __init__(self, service: LocalService, admin: Person) -> None:
        self.service, self.admin = service, admin
        self._numbers = itertools.count(1)

    def clean(self, commits: int = 1) -> dict[str, Counter[str]]:
        return self.push(commits, {f"notes-{next(self._numbers)}.txt": "nothing to see\n"})

    def leak(self, commits: int = 1, edits: int = 0) -> dict[str, Counter[str]]:
        """Push a key in a new file, or in the first of ``edits`` files that were there and change with it."""
        number = next(self._numbers)
        names = [f"old-{i}.txt" for i in range(edits)] or [f"settings-{number}.txt"]
        files = dict.fromkeys(names, f"# changed {number}\n")
        before = str(self.admin.remote_tip(MAIN))
        self.service.codecommit.events.drop = _by_reset
        cost = self.push(commits, files | {names[0]: made_up_key(number)})
        if self.admin.remote_tip(MAIN) != before:
            raise SystemExit("the branch is not back: this run measures nothing")
        self.service.codecommit.events.drop = 0
        unlock(self.service)
        self.admin.git("reset", "--quiet", "--hard", before)
        return cost

    def own(self) -> dict[str, Counter[str]]:
        """Deliver the event of the last reset."""
        event = [each for each in self.service.codecommit.events.sent if _by_reset(each)][-1]
        self.service.codecommit.requests.clear()
        self.service.stack.deliver(event)
        self.service.wait_idle()
        return requests(self.service)

    def push(self, commits: int, files: Mapping[str, str]) -> dict[str, Counter[str]]:
        admin, parent = self.admin, self.admin.remote_tip(MAIN)
        if commits > 1:
            fill(admin.folder / ".git", commits=commits - 1, per_commit=5, files=500, blob_bytes=4000, parent=parent)
            admin.git("reset", "--quiet", "--hard", "main")
        admin.commit(files, "Settings")
        self.service.codecommit.requests.clear()
        admin.git("push", "--quiet", "--force", "origin", "HEAD:main")
        self.service.wait_idle()
        return requests(self.service)


def _by_reset(event: Mapping[str, Any]) -> bool:
    return str(event["detail"].get("callerUserArn")).endswith("/reset")


def show(what: str, cost: dict[str, Counter[str]]) -> None:
    if not cost:
        print(f"{what:<44} none    0")
    for role, operations in sorted(cost.items(), reverse=True):
        listed = ", ".join(f"{name} {count}" if count > 1 else name for name, count in sorted(operations.items()))
        print(f"{what:<44} {role:<6} {operations.total():>2}  {listed}")


def by_tag() -> None:
    """Measure with the default policy, where a repository's tags say whether it may be reset, in fresh processes."""
    with running(Policy(), tags={"RepoState": "ok", RESET_TAG_KEY: RESET_ALLOWED}) as (service, admin):
        pushes = Pushes(service, admin)
        pushes.clean()
        pushes.push(1, {f"old-{i}.txt": f"# old {i}\n" for i in range(20)})
        pushes.leak(edits=1)
        pushes.own()
        for function in ("scan", "reset", "lock"):
            service.restart(function)
        show("by tag, cold: leak in a changed file", pushes.leak(edits=1))
        show("by tag: leak in a new file", pushes.leak())


def main() -> None:
    with running(medium_policy()) as (service, admin):
        pushes = Pushes(service, admin)
        show("first push to a repository, clean", pushes.clean())
        show("clean, 1 commit", pushes.clean())
        show("leak in a new file, cold functions", pushes.leak())
        show("the reset's own event", pushes.own())
        for commits in COMMITS:
            show(f"leak in a new file, commits: {commits}", pushes.leak(commits))
        pushes.push(1, {f"old-{i}.txt": f"# old {i}\n" for i in range(20)})
        for edits in (1, 20):
            show(f"leak among changed files: {edits}", pushes.leak(edits=edits))
        show("clean, 1000 commits", pushes.clean(1000))
    by_tag()


if __name__ == "__main__":
    main()
