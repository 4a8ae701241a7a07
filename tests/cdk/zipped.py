"""The local service with functions that run from their real zip files, behind Lambda's own runtime client."""

from __future__ import annotations

import contextlib
import socket
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pushwarden.detect.load import DATABASE_VARIABLE
from pushwarden.local.service import LocalService
from pushwarden.local.worker import receive_once
from pushwarden.settings import Policy
from pushwarden.topology import Asset, Subscriber
from tests.cdk.runtime_api import ServedFunction


class ZippedService(LocalService):
    """A :class:`LocalService` whose functions are the unpacked packages and nothing else."""

    def __init__(
        self,
        root: Path,
        *,
        tasks: Mapping[Asset, Path],
        client: Path,
        policy: Policy | None = None,
        sampled: bool = False,
    ) -> None:
        super().__init__(root, policy=policy)
        self._tasks, self._client = tasks, client
        self._sampled = sampled
        self._daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._daemon.bind(("127.0.0.1", 0))
        self._daemon.settimeout(0)
        self._ending = threading.Event()
        self._pumps: list[threading.Thread] = []
        self.functions: dict[str, ServedFunction] = {}

    def environment_of(self, subscriber: Subscriber) -> dict[str, str]:
        """Return what the deployment would set, with the local endpoints and credentials of the function's role."""
        environment = self.environment(subscriber)
        environment["AWS_XRAY_DAEMON_ADDRESS"] = f"127.0.0.1:{self._daemon.getsockname()[1]}"
        if subscriber.asset is Asset.SCAN:
            environment[DATABASE_VARIABLE] = str(self._tasks[Asset.SCAN] / "rules.db")
        return environment

    def traces(self) -> list[str]:
        """Return what the functions have sent to X-Ray's daemon since the last time."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._daemon.recv(65_536).decode())
        return found

    def _start(self, subscriber: Subscriber) -> None:
        principal = self.stack.principal(subscriber)
        self.codecommit.add_principal(principal)
        self.aws.gate.principals[principal.access_key_id] = principal
        logs = self.root / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        function = ServedFunction(
            task=self._tasks[subscriber.asset],
            client=self._client,
            handler=subscriber.handler,
            environment=self.environment_of(subscriber),
            log=logs / f"{subscriber.name}.log",
            sampled=self._sampled,
        )
        self.functions[subscriber.name] = function.__enter__()
        if subscriber.bus is None:
            self.aws.gate.functions[f"{self.stack.name}-{subscriber.name}"] = function.invoke
        else:
            pump = threading.Thread(target=self._pump, args=(subscriber,), daemon=True)
            self._pumps.append(pump)
            pump.start()

    def _pump(self, subscriber: Subscriber) -> None:
        """Be Lambda's event sources: receive, invoke, delete what did not fail."""
        sqs, queues = self.aws.client("sqs"), [self.stack.queues[each] for each in subscriber.queue_names]

        def invoke(event: Mapping[str, Any], context: Any) -> Any:
            del context
            records = [{**record, **_more(subscriber)} for record in event["Records"]]
            return self.functions[subscriber.name].invoke({"Records": records}, timeout_s=subscriber.timeout_s)

        while not self._ending.is_set():
            for queue in queues:
                receive_once(sqs, queue, invoke, timeout_s=subscriber.timeout_s, wait_s=1 if queue == queues[0] else 0)

    def _await_ready(self) -> None:
        """Do nothing: a served function is ready when it has started."""

    def _stop_workers(self) -> None:
        self._ending.set()
        for pump in self._pumps:
            pump.join(10)
        for function in self.functions.values():
            function.__exit__(None, None, None)
        self._daemon.close()


def _more(subscriber: Subscriber) -> dict[str, Any]:
    """Return what else a record of an SQS event has: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    return {
        "receiptHandle": uuid.uuid4().hex,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:pushwarden-{subscriber.name}",
        "awsRegion": "eu-central-1",
    }
