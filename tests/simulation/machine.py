"""The whole service in one process, on a clock of its own: its functions run only when a step of the simulation says so."""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import io
import itertools
import json
import logging
import random
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self, cast

import boto3
import botocore.endpoint
import jsonpath_ng.ext
from moto.sqs.models import sqs_backends

import pushwarden.service.scan as scan_module
from handlers.runtime import logger
from pushwarden.aws.githttp import GitEndpoint
from pushwarden.aws.retry import RetryPolicy
from pushwarden.detect import Scanner, load_scanner
from pushwarden.history.introduced import Introduced
from pushwarden.local.aws import ACCOUNT, REGION, LocalAws, Stack
from pushwarden.local.codecommit import CodeCommitServer, Principal
from pushwarden.local.service import administrator, developer, medium_policy
from pushwarden.service.app import App
from pushwarden.settings import Policy
from pushwarden.topology import SUBSCRIBERS, Subscriber
from tests.simulation.wire import Fault, Invocation, KilledError, WatchedPool, Wire

PATTERNS: Final = Path(__file__).parents[2] / "patterns"
START_S: Final = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC).timestamp()
FUNCTIONS: Final = {each.name: each for each in SUBSCRIBERS if each.bus is not None and each.option is None}


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
            retry=RetryPolicy(sleep=machine.sleep, jitter=machine.random.random),
            endpoint_url=machine.endpoint,
        )
        self._machine = machine
        self._clients = clients
        self.__dict__["scanner"] = machine.scanner
        pool = cast("Any", WatchedPool(machine.wire))
        self.__dict__["git"] = GitEndpoint(machine.codecommit.url, REGION, self._git_credentials, pool)

    def _client(self, service: Any, retries: dict[str, Any] | None = None) -> Any:
        # Clients hold nothing of an invocation, and making one takes longer than using it: the next process gets the same.
        if service not in self._clients:
            client = super()._client(service, retries)
            self._machine.wire.watch(client, None if service == "codecommit" else self._machine.aws.gate)
            self._clients[service] = client
        return self._clients[service]


class Machine:
    """CodeCommit, AWS, the stack and its functions; a context manager."""

    def __init__(self, root: Path, *, policy: Policy | None = None, seed: int = 0) -> None:
        self.root = root
        self.policy = policy or medium_policy()
        self.random = random.Random(seed)
        self.clock_s = START_S
        self.wire = Wire()
        self.aws = LocalAws()
        self.scanner: Scanner = load_scanner(rules=[PATTERNS / "aws.toml"], default_rules=False)
        self.log = io.StringIO()
        self.queue: list[Message] = []
        self.dead: list[Message] = []
        self.bus: list[dict[str, Any]] = []
        self.mails: list[dict[str, Any]] = []
        self.chats: list[dict[str, Any]] = []
        self.pushed: list[dict[str, Any]] = []
        """The CodeCommit events that were sent, whether or not they arrive."""
        self.heard: list[dict[str, Any]] = []
        """Those of them that do."""
        self.errors: list[str] = []
        """Tracebacks of what no function should ever raise."""
        self.post: Callable[[dict[str, Any]], list[float]] = lambda _event: [0.0]
        """Says after how many seconds an event arrives; more than once, or never."""
        self.scanned: dict[str, set[str]] = {}
        """By repository name: every commit that was really scanned to its end."""
        self.invocations = 0
        self._numbers = itertools.count()
        self.calm: dict[str, list[tuple[str, list[str]]]] = {}
        """Kept for those who try one history again and again: which calls it takes when nothing goes wrong."""
        self._clients: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self.aws.__enter__()
        server = CodeCommitServer(self.root, ACCOUNT, REGION, (developer(), administrator()), self._on_event)
        self.codecommit = server.start()
        self.stack = Stack(self.aws, self.aws.free_name("pushwarden"), self.policy, self.codecommit.url)
        self._sleep = botocore.endpoint.time  # type: ignore[attr-defined]
        botocore.endpoint.time = SimpleNamespace(sleep=self.sleep)  # type: ignore[attr-defined]
        # moto compiles the same few paths for every event anew, which takes longer than all that Pushwarden does.
        parser: Any = jsonpath_ng.ext
        self._parse, parser.parse = parser.parse, functools.cache(parser.parse)
        self._handlers = {name: importlib.import_module(f"handlers.{name}") for name in FUNCTIONS}
        self._replaced = {name: module.app for name, module in self._handlers.items()}
        self.apps: dict[str, App] = {}
        for name, subscriber in FUNCTIONS.items():
            self._let_in(subscriber)
            self.restart(name)
        scanning: Any = scan_module
        self._introduced = scanning.introduced
        scanning.introduced = self._noting
        self.plain_app("administrator").state.save_setting_once("installed-at", b"0")
        self._log_handler = logging.StreamHandler(self.log)
        self._silenced = list(logger._logger.handlers)
        logger._logger.handlers[:] = [self._log_handler]
        logging.getLogger("pushwarden").addHandler(self._log_handler)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("pushwarden").removeHandler(self._log_handler)
        logger._logger.handlers[:] = self._silenced
        cast("Any", scan_module).introduced = self._introduced
        for name, module in self._handlers.items():
            module.app = self._replaced[name]  # type: ignore[attr-defined]
        botocore.endpoint.time = self._sleep  # type: ignore[attr-defined]
        cast("Any", jsonpath_ng.ext).parse = self._parse
        self.codecommit.stop()
        self.aws.__exit__(None, None, None)

    def _noting(self, content: Any, *arguments: Any, **more: Any) -> Introduced:
        found: Introduced = self._introduced(content, *arguments, **more)
        if not any(gap.code in scan_module.UNFINISHED for gap in found.gaps):
            self.scanned.setdefault(content.repository, set()).update(each.commit_id for each in content.commits)
            self.scanned[content.repository].update(each.tag_id for each in content.tags)
        return found

    def forget(self) -> None:
        """Begin with empty boxes; what the table and the repositories hold stays."""
        for each in (self.queue, self.dead, self.bus, self.mails, self.chats, self.pushed, self.heard, self.errors):
            each.clear()
        self.log.seek(0)
        self.log.truncate()
        self.codecommit.requests.clear()
        self.post = lambda _event: [0.0]
        for name in FUNCTIONS:
            self.restart(name)

    # Time

    def now(self) -> float:
        return self.clock_s

    def sleep(self, seconds: float) -> None:
        self.clock_s += seconds

    # Processes

    def endpoint(self, service: str) -> str:
        return self.codecommit.url if service == "codecommit" else self.aws.url

    def plain_app(self, who: str) -> SimulatedApp:
        """Return an app of a person in charge; nothing breaks its calls."""
        person = {"administrator": administrator(), "developer": developer()}[who]
        return self._app(who, person)

    def restart(self, name: str) -> None:
        """Begin a new process for a function: what the last one knew is gone."""
        self.apps[name] = self._app(name, self.stack.principal(FUNCTIONS[name]))
        self._handlers[name].app = lambda: self.apps[name]  # type: ignore[attr-defined]

    def _app(self, name: str, person: Principal) -> SimulatedApp:
        session = boto3.Session(
            region_name=REGION,
            aws_access_key_id=person.access_key_id,
            aws_secret_access_key=person.secret_access_key,
            aws_session_token=person.session_token,
        )
        return SimulatedApp(self, self._clients.setdefault(name, {}), session)

    def _let_in(self, subscriber: Subscriber) -> None:
        principal = self.stack.principal(subscriber)
        self.codecommit.add_principal(principal)
        self.aws.gate.principals[principal.access_key_id] = principal

    # Queues

    def _on_event(self, event: dict[str, Any]) -> None:
        event["time"] = dt.datetime.fromtimestamp(self.clock_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.pushed.append(event)
        fates = self.post(event)
        if fates:
            self.heard.append(event)
        for delay_s in fates:
            self.deliver(event, delay_s)

    def deliver(self, event: Mapping[str, Any], delay_s: float = 0.0) -> None:
        """Put an event on the default bus, to arrive after a while."""
        self.stack.deliver(event)
        self.collect(delay_s)

    def collect(self, delay_s: float = 0.0) -> None:
        """Take over what AWS has put on the queues."""
        for name, url in self.stack.queues.items():
            for body in self._taken(url):
                if name in FUNCTIONS:
                    self.queue.append(Message(next(self._numbers), name, body, self.clock_s + delay_s))
        self.bus += [json.loads(body) for body in self._taken(self.stack.watch_queue)]
        self.mails += [json.loads(body) for body in self._taken(self.stack.mail_queue)]
        self.chats += [json.loads(body) for body in self._taken(self.stack.chat_queue)]

    def _taken(self, url: str) -> list[str]:
        # As a consumer would receive and delete, without the requests.
        queue = sqs_backends[ACCOUNT][REGION].queues[url.rpartition("/")[2]]
        taken, queue._messages = [each.body for each in queue._messages], []
        return taken

    # Functions

    def next_message(self, choice: random.Random | None = None) -> Message | None:
        """Return a message that is to be worked on next: any that is visible, else the first that will be."""
        if not self.queue:
            return None
        visible = [each for each in self.queue if each.visible_at <= self.clock_s]
        if not visible:
            first = min(self.queue, key=lambda each: (each.visible_at, each.number))
            self.clock_s = first.visible_at
            return first
        return choice.choice(visible) if choice else visible[0]

    def work_on(self, message: Message, fault: Fault | None = None, *, keep: bool = False) -> Invocation:
        """Call the function with a message, as Lambda would, and deal with how it ended.

        Args:
            message: what to work on.
            fault: what goes wrong.
            keep: leave the message in the queue whatever happens: it will be delivered twice.
        """
        if message in self.queue and not keep:
            self.queue.remove(message)
        subscriber = FUNCTIONS[message.function]
        message.receives += 1
        self.invocations += 1
        if message.receives > subscriber.max_receives:
            self.dead.append(message)
            return Invocation(message.function)
        invocation = Invocation(message.function, fault)
        done = self._run(invocation, subscriber, message)
        self.collect()
        if not done and not keep:
            message.visible_at = self.clock_s + subscriber.timeout_s
            self.queue.append(message)
        return invocation

    def _run(self, invocation: Invocation, subscriber: Subscriber, message: Message) -> bool:
        record = {"messageId": str(message.number), "body": message.body, "eventSource": "aws:sqs"}
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: subscriber.timeout_s * 1000)
        with self._invocation(invocation):
            try:
                answer = self._handlers[message.function].handler({"Records": [record]}, context)
            except KilledError:
                self.restart(message.function)
                return False
            except Exception:  # noqa: BLE001 - as Lambda: it ends this invocation; and it is an error of ours
                self.errors.append(f"{message.function}: {traceback.format_exc()}")
                self.restart(message.function)
                return False
        return not answer["batchItemFailures"]

    @contextmanager
    def _invocation(self, invocation: Invocation) -> Iterator[None]:
        self.wire.running.append(invocation)
        try:
            yield
        finally:
            self.wire.running.pop()

    def settle(self, choice: random.Random | None = None, most: int = 2000) -> None:
        """Work until every queue is empty."""
        for _ in range(most):
            message = self.next_message(choice)
            if message is None:
                return
            self.work_on(message)
        raise AssertionError(f"the queues do not become empty: {self.queue[:3]}")
