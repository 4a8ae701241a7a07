"""The local service for a benchmark: one repository, an administrator with a clone, functions run apart and measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pushwarden.local.person import Person
from pushwarden.local.service import LocalService, administrator
from pushwarden.settings import Policy
from pushwarden.topology import Subscriber

REPOSITORY = "bench"


@contextmanager
def running(policy: Policy, *, tags: Mapping[str, str] | None = None) -> Iterator[tuple[LocalService, Person]]:
    """Start the service with one repository that the administrator, whom no lock binds, has cloned."""
    with (
        tempfile.TemporaryDirectory(prefix="pushwarden-bench-") as folder,
        LocalService(Path(folder) / "service", policy=policy) as service,
    ):
        service.client("codecommit").create_repository(
            repositoryName=REPOSITORY, tags=dict(tags or {"RepoState": "ok"})
        )
        admin = Person(service, administrator(), "Admin", REPOSITORY, Path(folder) / "clone")
        admin.clone()
        yield service, admin


def unlock(service: LocalService) -> None:
    """Lift the lock, without accepting anything."""
    api = service.client("codecommit")
    arn = api.get_repository(repositoryName=REPOSITORY)["repositoryMetadata"]["Arn"]
    api.tag_resource(resourceArn=arn, tags={"RepoState": "ok"})


def apart(service: LocalService, subscriber: Subscriber, module: str, arguments: Sequence[str], given: Any) -> Any:
    """Run a module as a function would run: own process, own role, own environment; JSON in and out."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=json.dumps(given).encode(),
        env={**kept, **service.environment(subscriber), "POWERTOOLS_TRACE_DISABLED": "true"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def peak_mb() -> float:
    """Return the largest resident memory that this process has had, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("peak memory is read from /proc, which only Linux has")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below or at which ``share`` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
