"""How long the real zips take from an empty process to ready and through their first event, and how much memory.

Each function starts from its unpacked package alone, behind Lambda's runtime client: with compiled modules, as they are
deployed, and without, as ``-c bytecode=false`` deploys them. A busy machine stretches the time, not the processor time.
Targets: scan 0.8 s, responders 0.5 s, a small scan under 200 MB.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from pushwarden.local.person import Person
from pushwarden.local.service import developer, medium_policy
from pushwarden.topology import LOCK, NOTIFY, RESET, SCAN, Asset, Subscriber
from tests.cdk.conftest import build_here
from tests.cdk.runtime_api import ServedFunction, install_client, unpack
from tests.cdk.zipped import ZippedService

ROUNDS = 7
TARGETS = {"scan": 0.8, "notify": 0.5, "lock": 0.5, "reset": 0.5}
MEASURED = (SCAN, NOTIFY, LOCK, RESET)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = {}
        for asset in Asset:
            built = build_here(asset, folder / f"{asset.value}.zip")
            tasks[asset] = unpack(built.path, folder / asset.value)
            print(
                f"{asset.value} package: {built.zipped_bytes / 1e6:.1f} MB zipped, {built.unzipped_bytes / 1e6:.1f} MB"
                f" unzipped (with compiled modules)"
            )
        client = install_client(folder / "runtime")
        starts(folder, tasks, client, "with compiled modules")
        first_events(folder, tasks, client)
        for task in tasks.values():
            for cache in list(task.rglob("__pycache__")):
                shutil.rmtree(cache)
        starts(folder, tasks, client, "without compiled modules")


def starts(folder: Path, tasks: dict[Asset, Path], client: Path, how: str) -> None:
    print(f"\nfrom an empty process to ready, {how}; {ROUNDS} starts each")
    print(f"{'function':10} {'fastest':>8} {'median':>8} {'processor, median':>18} {'target':>7}")
    for subscriber in MEASURED:
        wall, cpu = zip(*(start(folder, tasks, client, subscriber) for _ in range(ROUNDS)), strict=True)
        print(
            f"{subscriber.name:10} {min(wall):6.2f} s {statistics.median(wall):6.2f} s {statistics.median(cpu):16.2f} s"
            f" {TARGETS[subscriber.name]:5.1f} s"
        )


def start(folder: Path, tasks: dict[Asset, Path], client: Path, subscriber: Subscriber) -> tuple[float, float]:
    with ServedFunction(
        task=tasks[subscriber.asset],
        client=client,
        handler=subscriber.handler,
        environment={},
        log=folder / "start.log",
    ) as function:
        return function.ready_s, function.ready_cpu_s


def first_events(folder: Path, tasks: dict[Asset, Path], client: Path) -> None:
    print("\nthe first event of a process (a push of one commit, then a leak), and the peak of its memory")
    with ZippedService(folder / "service", tasks=tasks, client=client, policy=medium_policy()) as service:
        service.client("codecommit").create_repository(repositoryName="bench", tags={"RepoState": "ok"})
        alice = Person(service, developer(), "Alice", "bench", folder / "alice")
        alice.clone()
        for text in ("hello\n", "secret=k3Jd8sLq2ZxV7bNm4PtR9wYc6HfG1aQe\n"):
            alice.commit({"settings.txt": text}, "Change the settings")
            alice.git("push", "origin", "HEAD:main")
            service.wait_idle()
        for subscriber in MEASURED:
            function = service.functions[subscriber.name]
            print(f"{subscriber.name:10} {function.first_s:6.2f} s {function.peak_bytes() / 1e6:6.0f} MB")


if __name__ == "__main__":
    main()
