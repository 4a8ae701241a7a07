"""What the machine is made of: apps whose requests it sees, and what moto keeps."""

from __future__ import annotations

import functools
import importlib
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import boto3
from moto.core.config import default_user_config
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.securityhub.models import securityhub_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.models import stepfunctions_backends

from handlers.runtime import logger
from pushwarden.aws.githttp import GitEndpoint
from pushwarden.aws.retry import Pace, RetryPolicy
from pushwarden.detect import Scanner, load_scanner
from pushwarden.history.introduced import introduced as really_introduced
from pushwarden.local.aws import ACCOUNT, REGION
from pushwarden.local.service import medium_policy
from pushwarden.model import Confidence
from pushwarden.service.app import App
from pushwarden.settings import Policy, Settings
from pushwarden.topology import Subscriber
from tests.simulation.wire import WatchedPool

if TYPE_CHECKING:
    from tests.simulation.machine import Machine

PATTERNS: Final = Path(__file__).parents[2] / "patterns"


@dataclass(slots=True)
class Message:
    """An event in a function's queue."""

    number: int
    function: str
    body: str
    visible_at: float
    receives: int = 0


class SimulatedApp(App):
    """An app whose every request passes the wire, and which never really sleeps."""

    def __init__(self, machine: Machine, clients: dict[str, Any], session: boto3.Session) -> None:
        super().__init__(
            machine.stack.settings,
            session=session,
            wall_clock=machine.now,
            retry=RetryPolicy(sleep=machine.sleep, jitter=machine.random.random, pace=Pace(clock=machine.now)),
            endpoint_url=machine.endpoint,
        )
        self._machine = machine
        self._clients = clients
        self.__dict__["scanner"] = machine.scanner
        pool = cast("Any", WatchedPool(machine.wire, machine.direct))
        self.__dict__["git"] = GitEndpoint(machine.codecommit.url, REGION, self._git_credentials, pool)

    def _client(self, service: Any, retries: dict[str, Any] | None = None) -> Any:
        # Clients hold nothing of an invocation, and making one takes longer than using it: the next process gets the same.
        if service not in self._clients:
            client = super()._client(service, retries)
            machine = self._machine
            machine.wire.watch(client, machine.direct if service == "codecommit" else machine.aws_direct)
            self._clients[service] = client
        return self._clients[service]


class Replaced:
    """Parts of modules that a machine replaces while it runs, and the loggers that it listens to."""

    def __init__(self, log: io.StringIO) -> None:
        self._ours = logging.StreamHandler(log)
        self._ours.setFormatter(logger.registered_formatter)  # as in Lambda: whatever is logged beside the message, too
        self._theirs = list(logger._logger.handlers)
        self._kept: list[tuple[Any, str, Any]] = []
        self._parts: list[tuple[Any, str, Any]] = []

    def add(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute."""
        self._kept.append((owner, name, getattr(owner, name)))
        self._parts.append((owner, name, value))
        setattr(owner, name, value)

    def apply(self) -> None:
        """Replace everything once more, and hear what is logged."""
        for owner, name, value in self._parts:
            setattr(owner, name, value)
        logger._logger.handlers[:] = [self._ours]
        logging.getLogger("pushwarden").addHandler(self._ours)

    def undo(self) -> None:
        """Give everything back."""
        logging.getLogger("pushwarden").removeHandler(self._ours)
        logger._logger.handlers[:] = self._theirs
        for owner, name, value in reversed(self._kept):
            setattr(owner, name, value)


@functools.cache
def aws_scanner() -> Scanner:
    """Return a scanner with the rules for AWS alone."""
    return load_scanner(rules=[PATTERNS / "aws.toml"], default_rules=False)


def full_policy() -> Policy:
    """Return a policy with every response, on every repository."""
    on = {"revoke": Confidence.HIGH, "comment": Confidence.LOW, "securityhub": Confidence.LOW}
    return Policy(reset_repositories=("*",), thresholds={**medium_policy().thresholds, **on})


def handler_of(subscriber: Subscriber) -> tuple[Any, str]:
    """Return the module of a function, and the name of the handler in it."""
    module, _, function = subscriber.handler.rpartition(".")
    return importlib.import_module(module), function


def taken(queue_url: str) -> list[tuple[str, float]]:
    """Take every message out of a queue, as a consumer would receive and delete, without the requests.

    With each comes the number of seconds after which it would have become visible.
    """
    queue = sqs_backends[ACCOUNT][REGION].queues[queue_url.rpartition("/")[2]]
    found, queue._messages = queue._messages, []
    return [
        (each.body, round((each.delayed_until - _sent_ms(each)) / 1000) if each.delayed_until else 0.0)
        for each in found
    ]


def hub_findings() -> list[dict[str, Any]]:
    """Return what Security Hub holds."""
    return [each.as_dict() for each in securityhub_backends[ACCOUNT][REGION].findings]


def _sent_ms(message: Any) -> float:
    return float(message.sent_timestamp)


def executions(settings: Settings) -> list[Any]:
    """Return the executions of the backfill's state machine that run now."""
    return [each for each in _state_machine(settings).executions if each.status == "RUNNING"]


def _state_machine(settings: Settings) -> Any:
    machines = stepfunctions_backends[ACCOUNT][REGION].state_machines
    return next(each for each in machines if each.arn == settings.backfill_machine)


def wipe(settings: Settings) -> None:
    """Empty the bucket, Security Hub and the table, but for its settings: what moto holds makes it slow."""
    items = dynamodb_backends[ACCOUNT][REGION].tables[settings.table].items
    for key in [each for each in items if each.value != "settings"]:
        del items[key]
    s3_backends[ACCOUNT]["aws"].buckets[settings.backup_bucket].keys.clear()
    securityhub_backends[ACCOUNT][REGION].findings.clear()
    _state_machine(settings).executions.clear()


@contextmanager
def kept_surroundings() -> Iterator[None]:
    """Give moto's settings back at the end: they belong to the process, and so perhaps to another service."""
    kept, port = default_user_config.get("stepfunctions"), os.environ.get("MOTO_PORT")
    try:
        yield
    finally:
        cast("Any", default_user_config)["stepfunctions"] = kept or {"execute_state_machine": False}
        if port is not None:
            os.environ["MOTO_PORT"] = port


__all__ = [
    "PATTERNS",
    "Message",
    "Replaced",
    "SimulatedApp",
    "aws_scanner",
    "executions",
    "full_policy",
    "handler_of",
    "hub_findings",
    "kept_surroundings",
    "really_introduced",
    "taken",
    "wipe",
]
