"""The whole service in one process, on a clock of its own: its functions run only when a step of the simulation says so."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import random
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self

import boto3
import botocore.endpoint
from botocore.exceptions import BotoCoreError, ClientError
from moto.core.config import default_user_config

import handlers.reconcile as reconcile_handler
import pushwarden.service.backfill_scan as slice_module
import pushwarden.service.scan as scan_module
from pushwarden.backfill_machine import definition
from pushwarden.detect import Scanner
from pushwarden.errors import PushwardenError
from pushwarden.history.introduced import Introduced
from pushwarden.history.pack import Limits
from pushwarden.local.aws import ACCOUNT, REGION, LocalAws, Stack
from pushwarden.local.codecommit import CodeCommitServer, Principal
from pushwarden.local.service import administrator, developer, medium_policy
from pushwarden.respond.notify import SENDING_S
from pushwarden.service import backfill_plan
from pushwarden.service.app import App
from pushwarden.service.reconcile import Pace, Reconciled, reconcile
from pushwarden.settings import Policy
from pushwarden.topology import SUBSCRIBERS, WORKERS, Subscriber
from tests.simulation.parts import (
    Message,
    Replaced,
    SimulatedApp,
    aws_scanner,
    executions,
    handler_of,
    kept_surroundings,
    really_introduced,
    taken,
    wipe,
)
from tests.simulation.shortcuts import direct, direct_wsgi, dynamodb_first, fast_moto
from tests.simulation.stepfunctions import Interpreter, TaskFailedError
from tests.simulation.wire import Fault, Invocation, KilledError, Wire

START_S: Final = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC).timestamp()
FUNCTIONS: Final = {each.name: each for each in (*SUBSCRIBERS, *WORKERS)}
_TICK_S: Final = 0.001
SLICE_COMMITS: Final = 4
"""A history of a few commits shall make several slices."""


class Machine:
    """CodeCommit, AWS, the stack and its functions; a context manager.

    Args:
        root: an empty folder.
        policy: by default lock and reset from medium, everywhere, and no opt-in response.
        scanner: by default one with the rules for AWS alone, which load at once.
        limits: of what scan takes on; what exceeds them is left to the backfill.
        seed: of the retries' jitter.
    """

    def __init__(
        self,
        root: Path,
        *,
        policy: Policy | None = None,
        scanner: Scanner | None = None,
        limits: Limits | None = None,
        seed: int = 0,
    ) -> None:
        self.root = root
        self.policy = policy or medium_policy()
        self.random = random.Random(seed)
        self.clock_s = START_S
        self.wire = Wire()
        self.scanner = scanner or aws_scanner()
        self.limits = limits or Limits()
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
        self.record: list[Invocation] = []
        """Every run of a function."""
        self.current: Message | None = None
        """The message that was taken last."""
        self.unsure = 0
        """How often nobody could know whether a mail was out, so that it may have been sent again, marked as a repeat."""
        self.post: Callable[[dict[str, Any]], list[float]] = lambda _event: [0.0]
        """Says after how many seconds an event arrives; more than once, or never."""
        self.trouble: Callable[[Invocation], Fault | None] = lambda _invocation: None
        """Says what goes wrong in an invocation, unless whoever starts it does."""
        self.scanned: dict[str, set[str]] = {}
        """By repository name: every commit that was really scanned to its end."""
        self.invocations = 0
        self.repositories_per_run = float("inf")
        """After how many repositories a reconciliation runs out of time."""
        self._numbers = itertools.count()
        self.calm: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        """Kept for those who try one history again and again: which calls it takes when nothing goes wrong."""
        self._clients: dict[str, dict[str, Any]] = {}
        self._plumbing: dict[str, Any] = {}
        self._exit = ExitStack()
        self._replaced = Replaced(self.log)

    def __enter__(self) -> Self:
        with ExitStack() as exit_:
            exit_.enter_context(kept_surroundings())
            exit_.callback(self._replaced.undo)
            exit_.enter_context(fast_moto())
            self.aws = exit_.enter_context(LocalAws())
            self.aws.gate.inner = dynamodb_first(self.aws.gate.inner)
            self.aws_direct = direct_wsgi(self.aws.gate)
            # Executions are only noted: this machine runs them, task by task.
            default_user_config["stepfunctions"] = {"execute_state_machine": False}
            server = CodeCommitServer(self.root, ACCOUNT, REGION, (developer(), administrator()), self._on_event)
            self.codecommit = server.start()
            exit_.callback(self.codecommit.stop)
            self.direct = direct(self.codecommit)
            self.aws.gate.tags = self.codecommit.tags
            self.stack = Stack(self.aws, self.aws.free_name("pushwarden"), self.policy, self.codecommit.url)
            self.enabled: dict[str, Subscriber] = {each.name: each for each in (*self.stack.subscribers, *WORKERS)}
            self._handlers = {name: handler_of(each) for name, each in self.enabled.items()}
            self._replace_parts()
            self.apps: dict[str, App] = {}
            for name, subscriber in self.enabled.items():
                self._let_in(subscriber)
                self.restart(name)
            state = self.plain_app("administrator").state
            state.save_setting_once("installed-at", b"0")
            state.save_setting_once("first-backfill", b"there is no history yet")
            self._exit = exit_.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _replace_parts(self) -> None:
        replace = self._replaced.add
        replace(botocore.endpoint, "time", SimpleNamespace(sleep=self.sleep))
        for module, _ in self._handlers.values():
            replace(module, "app", lambda: self.apps[self.wire.running[-1].function])
        replace(reconcile_handler, "reconcile", self._reconciled)
        replace(scan_module, "introduced", self._noting)
        replace(slice_module, "introduced", self._noting)
        replace(scan_module, "Limits", lambda: self.limits)
        replace(backfill_plan, "SLICE_COMMITS", SLICE_COMMITS)

    def _noting(self, content: Any, *arguments: Any, **more: Any) -> Introduced:
        found: Introduced = really_introduced(content, *arguments, **more)
        if not any(gap.code in scan_module.UNFINISHED for gap in found.gaps):
            self.scanned.setdefault(content.repository, set()).update(each.commit_id for each in content.commits)
            self.scanned[content.repository].update(each.tag_id for each in content.tags)
        return found

    def _reconciled(self, app: App, *, deadline: float) -> Reconciled:
        """Reconcile without waiting; time runs out by repositories instead of seconds."""
        del deadline
        looks = itertools.count()
        pace = Pace(clock=self.now, sleep=self.sleep)
        return reconcile(app, deadline=self.repositories_per_run, clock=lambda: next(looks), pace=pace)

    def forget(self) -> None:
        """Begin anew: no repositories, empty boxes, and of the table only the settings."""
        self._replaced.apply()  # another machine may have been made meanwhile
        self.post = lambda _event: []
        api = self.plain_app("administrator").codecommit.client
        for each in api.list_repositories()["repositories"]:
            api.delete_repository(repositoryName=each["repositoryName"])
        self.codecommit.events.wait_idle()
        for box in (self.queue, self.dead, self.bus, self.mails, self.chats, self.pushed, self.heard, self.errors):
            box.clear()
        self.record.clear()
        self.scanned.clear()
        self.unsure = 0
        self.log.seek(0)
        self.log.truncate()
        self.codecommit.requests.clear()
        self.codecommit.events.clear()
        wipe(self.stack.settings)
        self.post = lambda _event: [0.0]
        self.trouble = lambda _invocation: None
        self.repositories_per_run = float("inf")
        for name in self.enabled:
            self.restart(name)

    # Time

    def now(self) -> float:
        self.clock_s += _TICK_S  # no two things happen at the same time
        return self.clock_s

    def sleep(self, seconds: float) -> None:
        self.clock_s += seconds

    # Processes

    def client(self, service: str) -> Any:
        """Return a client of the local AWS with every right."""
        if service not in self._plumbing:
            self._plumbing[service] = self.aws.client(service)
            self.wire.watch(self._plumbing[service], self.aws_direct)
        return self._plumbing[service]

    def endpoint(self, service: str) -> str:
        return self.codecommit.url if service == "codecommit" else self.aws.url

    def plain_app(self, who: str) -> SimulatedApp:
        """Return an app of a person in charge; nothing breaks its calls."""
        person = {"administrator": administrator(), "developer": developer()}[who]
        return self._app(who, person)

    def restart(self, name: str) -> None:
        """Begin a new process for a function: what the last one knew is gone."""
        self.apps[name] = self._app(name, self.stack.principal(self.enabled[name]))

    def _app(self, name: str, person: Principal) -> SimulatedApp:
        if name not in self._clients:
            session = boto3.Session(
                region_name=REGION,
                aws_access_key_id=person.access_key_id,
                aws_secret_access_key=person.secret_access_key,
                aws_session_token=person.session_token,
            )
            self._clients[name] = {"session": session}
        return SimulatedApp(self, self._clients[name], self._clients[name]["session"])

    def _let_in(self, subscriber: Subscriber) -> None:
        principal = self.stack.principal(subscriber)
        self.codecommit.add_principal(principal)
        self.aws.gate.principals[principal.access_key_id] = principal

    # Queues

    def _on_event(self, event: dict[str, Any]) -> None:
        event["time"] = dt.datetime.fromtimestamp(self.clock_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fates = self.post(event)
        if "referenceFullName" in event["detail"]:  # pull requests and comments have events of their own
            self.pushed.append(event)
            self.heard += [event] if fates else []
        for delay_s in fates:
            self.deliver(event, delay_s)

    def deliver(self, event: Mapping[str, Any], delay_s: float = 0.0) -> None:
        """Put an event on the default bus, to arrive after a while."""
        self.stack.deliver(event)
        self.collect(delay_s)

    def collect(self, delay_s: float = 0.0) -> None:
        """Take over what AWS has put on the queues."""
        fed = {queue: each.name for each in self.enabled.values() for queue in each.queue_names}
        for name, url in self.stack.queues.items():
            for body, wait_s in taken(url):
                visible_at = self.clock_s + delay_s + wait_s
                self.queue.append(Message(next(self._numbers), fed[name], body, visible_at))
        self.bus += [json.loads(body) for body, _ in taken(self.stack.watch_queue)]
        self.mails += [json.loads(body) for body, _ in taken(self.stack.mail_queue)]
        self.chats += [json.loads(body) for body, _ in taken(self.stack.chat_queue)]

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
        self.current = message
        if message.receives > subscriber.max_receives:
            self.dead.append(message)
            return Invocation(message.function)
        record = {"messageId": str(message.number), "body": message.body, "eventSource": "aws:sqs"}
        invocation, answer = self._run(message.function, {"Records": [record]}, fault, message.number)
        invocation.done = answer is not None and not answer["batchItemFailures"]
        self.collect()
        if not invocation.done and not keep:
            message.visible_at = self.clock_s + subscriber.timeout_s
            self.queue.append(message)
        return invocation

    def invoke(self, name: str, payload: Any = None, fault: Fault | None = None) -> Any:
        """Invoke a function that has no queue, and return its answer.

        Raises:
            TaskFailedError: it did not come to its end.
        """
        invocation, answer = self._run(name, payload or {}, fault, None)
        invocation.done = answer is not None
        self.collect()
        if answer is None:
            raise TaskFailedError(name)
        return answer

    def backfill(self) -> int:
        """Run every execution of the state machine that was started; return how many there were."""
        name = self.stack.name
        what = definition(plan_function="backfill-plan", scan_function="backfill-scan", bucket=name)
        interpreter = Interpreter(self.invoke, self._object, self.sleep)
        waiting = executions(self.stack.settings)
        for execution in waiting:
            try:
                interpreter.run(what, json.loads(execution.execution_input))
                execution.status = "SUCCEEDED"
            except TaskFailedError:
                execution.status = "FAILED"
        return len(waiting)

    def _object(self, key: str) -> bytes:
        into = io.BytesIO()
        self.plain_app("administrator").backups.get(key, into)
        return into.getvalue()

    def _run(self, name: str, payload: Any, fault: Fault | None, message: int | None) -> tuple[Invocation, Any]:
        invocation = Invocation(name, fault, number=len(self.record), message=message)
        if fault is None:
            invocation.fault = self.trouble(invocation)
        self.record.append(invocation)
        self.invocations += 1
        begun_s = self.clock_s
        answer = None
        limit_s = self.enabled[name].timeout_s
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: limit_s * 1000)
        module, function = self._handlers[name]
        with self._invocation(invocation):
            try:
                answer = getattr(module, function)(payload, context)
            except KilledError:
                self.restart(name)
            except (PushwardenError, ClientError, BotoCoreError):
                # Lambda writes it into the log and calls again: for functions without a queue that is as it should be.
                self.log.write(traceback.format_exc())
                if self.enabled[name].bus is not None:
                    self.errors.append(f"{name}: {traceback.format_exc()}")
            except Exception:  # noqa: BLE001 - as Lambda: it ends this invocation; and it is an error of ours
                self.errors.append(f"{name}: {traceback.format_exc()}")
                self.restart(name)
        self.codecommit.events.wait_idle()
        self._note_unsure(invocation, answer, took_s=self.clock_s - begun_s)
        return invocation, answer

    def _note_unsure(self, invocation: Invocation, answer: Any, *, took_s: float) -> None:
        fault = invocation.fault
        if invocation.function != "notify" or fault is None or not fault.hit:
            return
        failed = answer is None or answer["batchItemFailures"]
        # A function that takes longer than its limit would be dead: meanwhile somebody else may have taken its place.
        self.unsure += bool(failed and "dynamodb:PutItem" in invocation.calls) or took_s >= SENDING_S

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
