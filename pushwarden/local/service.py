"""Everything together: CodeCommit, AWS, the stack, one process per function; and the people who push."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import boto3
import git

from pushwarden.detect.load import DATABASE_VARIABLE
from pushwarden.errors import PushwardenError
from pushwarden.local.aws import ACCOUNT, PLUMBING_KEY, REGION, LocalAws, Stack
from pushwarden.local.calls import Call, CallLog
from pushwarden.local.codecommit import CodeCommitServer, Principal
from pushwarden.local.codecommit.iam import AccessRequest, Decision
from pushwarden.local.invoked import Invoked
from pushwarden.local.mailbox import Mailbox
from pushwarden.local.starter import Starter
from pushwarden.local.worker import HANDLER, LEAVE, PLUMBING, QUEUES, SQS_URL, TIMEOUT
from pushwarden.model import Confidence
from pushwarden.policies import lock_policy
from pushwarden.service.app import App
from pushwarden.settings import Policy
from pushwarden.topology import SUBSCRIBERS, WORKERS, Subscriber

_ALLOW_ALL: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_START_S: Final = 60.0
STACK: Final = "pushwarden"
_SURROUNDINGS: Final = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")


def developer() -> Principal:
    """Return an ordinary user: may do everything with CodeCommit, and has the lock's policy attached."""
    return Principal(
        arn=f"arn:aws:iam::{ACCOUNT}:user/developer",
        access_key_id="AKIALOCALDEVELOPER00",
        secret_access_key="local-developer-not-a-secret",  # noqa: S106 - opens nothing but this process
        policies=(_ALLOW_ALL, lock_policy()),
    )


def administrator() -> Principal:
    """Return a super user: the lock does not bind him."""
    return Principal(
        arn=f"arn:aws:iam::{ACCOUNT}:user/administrator",
        access_key_id="AKIALOCALADMIN000000",
        secret_access_key="local-administrator-not-a-secret",  # noqa: S106 - opens nothing but this process
        policies=(_ALLOW_ALL,),
    )


class LocalService:
    """The whole service on one machine; a context manager.

    Args:
        root: a folder for repositories, mails and logs.
        policy: the default one if there is none.
        codecommit_port: of 127.0.0.1; any that is free by default.
        rules: the compiled default rules, as a deployed function has them; by default each process compiles its own.
    """

    def __init__(
        self,
        root: Path,
        *,
        policy: Policy | None = None,
        codecommit_port: int = 0,
        rules: Path | None = None,
    ) -> None:
        self.root = root
        self.policy = policy or Policy()
        self.rules = rules
        self._port = codecommit_port
        self._exit = ExitStack()
        self._starter: Starter | None = None
        self._workers: dict[str, int] = {}
        """By name: the number of its process."""
        self._invoked: dict[str, Invoked] = {}
        self.aws = LocalAws()
        self.codecommit: CodeCommitServer
        self.stack: Stack
        self.mailbox: Mailbox

    def __enter__(self) -> Self:
        with ExitStack() as exit_:
            exit_.enter_context(self.aws)
            people = (developer(), administrator())
            server = CodeCommitServer(self.root / "repositories", ACCOUNT, REGION, people, self._deliver, self._port)
            self.codecommit = exit_.enter_context(server)
            server.on_decision = self._log_decision
            self.aws.gate.tags = self.codecommit.tags
            self.stack = Stack(self.aws, self.aws.free_name(STACK), self.policy, self.codecommit.url)
            sqs = self.aws.client("sqs")
            self.mailbox = Mailbox(sqs, self.stack.mail_queue, self.root / "mail")
            # As if it had been deployed now: whatever repository is made from here on is watched from its first push.
            self.app().state.save_setting_once("installed-at", str(time.time() - 1).encode())
            self.app().state.save_setting_once("first-backfill", b"there is no history yet")
            exit_.callback(self._stop_workers)
            for each in (*self.stack.subscribers, *WORKERS):
                self._start(each)
            self._await_ready()
            self._exit = exit_.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def environment(self, subscriber: Subscriber) -> dict[str, str]:
        """Return the environment variables of a function, as its deployment would set them."""
        compiled = {DATABASE_VARIABLE: str(self.rules)} if self.rules else {}
        return self._as(self.stack.principal(subscriber)) | self.stack.settings.to_environment() | compiled

    def person_environment(self, person: Principal) -> dict[str, str]:
        """Return the environment of a person at a terminal: credentials, endpoints and the stack's settings."""
        return self._as(person) | self.stack.settings.to_environment()

    def app(self, person: Principal | None = None, *, wall_clock: Callable[[], float] = time.time) -> App:
        """Return an app that acts for a person; without one, for the service's own plumbing."""
        key = person.access_key_id if person else PLUMBING_KEY
        session = boto3.Session(
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=person.secret_access_key if person else PLUMBING_KEY,
            aws_session_token=person.session_token if person else None,
        )
        return App(self.stack.settings, session=session, endpoint_url=self._endpoint, wall_clock=wall_clock)

    def function(self, name: str) -> Principal:
        """Return a function's own identity."""
        return self.stack.principal(next(each for each in (*SUBSCRIBERS, *WORKERS) if each.name == name))

    def _endpoint(self, service: str) -> str:
        return self.codecommit.url if service == "codecommit" else self.aws.url

    def client(self, service: Any, person: Principal | None = None) -> Any:
        """Return a boto3 client for a person (by default the administrator)."""
        who = person or administrator()
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.codecommit.url if service == "codecommit" else self.aws.url,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
        )

    def tip(self, repository: str, ref: str) -> str | None:
        """Return what a ref stands at, read from the repository's own folder."""
        with git.Repo(self.codecommit.repository_path(repository)) as bare:
            try:
                return bare.rev_parse(ref).hexsha
            except (git.BadName, ValueError):  # GitPython's words for a ref that is not there
                return None

    def tags(self, repository: str) -> dict[str, str]:
        """Return a repository's tags."""
        app = self.app(administrator())
        return app.codecommit.tags(app.codecommit.repository(repository).arn)

    def security_events(self) -> list[dict[str, Any]]:
        """Return the events on the security bus that nobody has asked for yet, oldest first."""
        sqs, found = self.aws.client("sqs"), []
        queue = self.stack.watch_queue
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def idle(self) -> bool:
        """Tell whether no event waits anywhere."""
        return not any(self.stack.waiting(name) for name in self.stack.queues)

    def wait_idle(self, timeout_s: float = 60.0) -> None:
        """Wait until every event has been worked on.

        Raises:
            PushwardenError: it takes longer than ``timeout_s``.
        """
        end = time.monotonic() + timeout_s
        self.codecommit.events.wait_idle(timeout_s)
        quiet = 0
        while quiet < 2:  # noqa: PLR2004 - an event may be between two queues while one looks
            quiet = quiet + 1 if self.idle() else 0
            if time.monotonic() > end:
                waiting = {name: self.stack.waiting(name) for name in self.stack.queues}
                raise PushwardenError(
                    f"events still wait after {timeout_s:.0f} s: {waiting}; look into {self.root}/logs"
                )
            time.sleep(0.02)

    def invoke(self, function: str, payload: Any = None) -> Any:
        """Invoke a function that has no queue, as its schedule would, and return its answer.

        Raises:
            FunctionFailedError: it raised.
        """
        return self._invoked[function].invoke({} if payload is None else payload)

    @property
    def calls(self) -> CallLog:
        """Who has made which calls to AWS, CodeCommit among them."""
        return self.aws.gate.calls

    def _log_decision(self, principal: Principal, request: AccessRequest, decision: Decision) -> None:
        context = {key: tuple(values) for key, values in request.context.items() if key != "aws:principalarn"}
        call = Call(request.action, request.resource, tuple(sorted(context.items())))
        self.calls.add(principal.policy_arn, call, allowed=decision is Decision.ALLOW)

    def restart(self, function: str) -> None:
        """Start a function's process anew, as a cold start would: it knows nothing of what the last one knew."""
        subscriber = next(each for each in self.stack.subscribers if each.name == function)
        worker = self._workers.pop(function)
        # Not in the middle of a request for events: moto would go on to wait for one, and give it to nobody.
        os.kill(worker, LEAVE)
        assert self._starter is not None
        if not self._starter.ended(worker, subscriber.timeout_s):
            os.kill(worker, signal.SIGKILL)
        log = self.root / "logs" / f"{function}.log"
        log.rename(log.with_suffix(f".{time.monotonic_ns()}.log"))
        self._start(subscriber)
        self._await_ready()

    def _deliver(self, event: Mapping[str, Any]) -> None:
        self.stack.deliver(event)

    def _as(self, person: Principal) -> dict[str, str]:
        variables = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": person.access_key_id,
            "AWS_SECRET_ACCESS_KEY": person.secret_access_key,
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ENDPOINT_URL_CODECOMMIT": self.codecommit.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if person.session_token:
            variables["AWS_SESSION_TOKEN"] = person.session_token
        return variables

    def _start(self, subscriber: Subscriber) -> None:
        principal = self.stack.principal(subscriber)
        self.codecommit.add_principal(principal)
        self.aws.gate.principals[principal.access_key_id] = principal
        logs = self.root / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        surroundings = {key: os.environ[key] for key in _SURROUNDINGS if key in os.environ}
        environment = {
            **surroundings,
            **self.environment(subscriber),
            "POWERTOOLS_TRACE_DISABLED": "true",
            # All that it asks is on this machine; and macOS takes it ill when a fork asks the system for its proxies.
            "no_proxy": "*",
            HANDLER: subscriber.handler,
            TIMEOUT: str(subscriber.timeout_s),
        }
        if subscriber.bus is None:
            self._invoked[subscriber.name] = Invoked(environment, logs / f"{subscriber.name}.log")
            self.aws.gate.functions[f"{self.stack.name}-{subscriber.name}"] = self._invoked[subscriber.name].invoke
            return
        queues = " ".join(self.stack.queues[each] for each in subscriber.queue_names)
        environment |= {QUEUES: queues, SQS_URL: self.aws.url, PLUMBING: PLUMBING_KEY}
        if self._starter is None:
            modules = {each.handler.rpartition(".")[0] for each in self.stack.subscribers}
            self._starter = Starter(sorted(modules), surroundings)
        self._workers[subscriber.name] = self._starter.start(environment, logs / f"{subscriber.name}.log")

    def _await_ready(self) -> None:
        end = time.monotonic() + _START_S
        for name, worker in self._workers.items():
            assert self._starter is not None
            log = self.root / "logs" / f"{name}.log"
            while not log.exists() or b"ready\n" not in log.read_bytes():
                if self._starter.ended(worker) or time.monotonic() > end:
                    raise PushwardenError(f"the function {name} did not start; {log} says why")
                time.sleep(0.02)

    def _stop_workers(self) -> None:
        for function in self._invoked.values():
            function.stop()
        if self._starter is not None:
            self._starter.stop()


def medium_policy() -> Policy:
    """Return the default policy with reset allowed everywhere: what the demo and most tests use."""
    return Policy(reset_repositories=("*",), thresholds={**Policy().thresholds, "lock": Confidence.MEDIUM})
