"""Thousands of pushes to many repositories at once, and the scan function working them off: queues, lanes, limits.

CodeCommit and DynamoDB are the ones of the local service, and so are the role and its rights. The queues are in memory and
keep what SQS promises: at least once, roughly in order, again after the visibility timeout, dead after so many receives.
"""

from __future__ import annotations

import heapq
import io
import itertools
import random
import subprocess
import threading
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import boto3
from botocore.awsrequest import AWSResponse
from werkzeug.test import Client

from bench._history import made_up_key
from pushwarden.aws.retry import RetryPolicy
from pushwarden.detect import Scanner, load_scanner
from pushwarden.events import SecurityEvent
from pushwarden.local.aws import ACCOUNT, REGION, LocalAws, Stack
from pushwarden.local.codecommit import CodeCommitServer, Principal
from pushwarden.local.service import administrator, medium_policy
from pushwarden.service.app import App
from pushwarden.topology import SCAN
from tests.simulation.shortcuts import dynamodb_first, fast_moto

MAIN: Final = "refs/heads/main"
PATTERNS: Final = Path(__file__).parents[1] / "patterns"
VISIBLE_AGAIN_S: Final = SCAN.timeout_s + 30
"""As the stack sets it."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with a history, each commit of which is to be a push."""

    name: str
    repository_id: str
    commits: tuple[str, ...]
    leaks: tuple[int, ...]
    """Which commits hold a secret."""


@dataclass(order=True, slots=True)
class Message:
    """An event in a queue."""

    visible_at: float
    number: int
    body: str = field(compare=False)
    receives: int = field(default=0, compare=False)


class MemoryQueue:
    """A queue of SQS's kind, as far as the function and its event source use it."""

    def __init__(self) -> None:
        self._waiting: list[Message] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._out = 0
        self.dead: list[Message] = []
        self.failures = 0

    def send(self, bodies: Sequence[str], *, delay_s: int = 0) -> None:
        with self._changed:
            for body in bodies:
                heapq.heappush(self._waiting, Message(time.monotonic() + delay_s, next(self._numbers), body))
            self._changed.notify(len(bodies))

    def receive(self, wait_s: float) -> Message | None:
        """Take the first message that is visible, or None."""
        end = time.monotonic() + wait_s
        with self._changed:
            while not self._waiting or self._waiting[0].visible_at > time.monotonic():
                left = end - time.monotonic()
                if left <= 0:
                    return None
                first = self._waiting[0].visible_at - time.monotonic() if self._waiting else left
                self._changed.wait(max(0.001, min(left, first)))
            self._out += 1
            message = heapq.heappop(self._waiting)
            message.receives += 1
            return message

    def done(self, message: Message, *, failed: bool) -> None:
        """Delete a message, or let it come again."""
        with self._changed:
            self._out -= 1
            self.failures += failed
            if failed and message.receives >= SCAN.max_receives:
                self.dead.append(message)
            elif failed:
                message.visible_at = time.monotonic() + VISIBLE_AGAIN_S
                heapq.heappush(self._waiting, message)

    def __len__(self) -> int:
        with self._changed:
            return len(self._waiting) + self._out


class ScanApp(App):
    """The app of one running scan function; it notes what is told, and when."""

    def __init__(
        self,
        world: World,
        told: list[tuple[float, SecurityEvent]],
        *,
        retry: RetryPolicy | None = None,
        scanner: Scanner | None = None,
    ) -> None:
        who = world.stack.principal(SCAN)
        session = boto3.Session(
            region_name=REGION,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
            aws_session_token=who.session_token,
        )
        super().__init__(world.stack.settings, session=session, retry=retry, endpoint_url=world.endpoint)
        self._world, self._noted = world, told
        # One of its own: functions that run beside each other cannot share a scanner.
        self.__dict__["scanner"] = scanner or load_scanner(rules=[PATTERNS / "aws.toml"], default_rules=False)
        self.__dict__["late_queue"] = world.late

    def publish_event(self, event: SecurityEvent) -> None:
        super().publish_event(event)
        self._noted.append((time.monotonic(), event))

    def _client(self, service: Any, retries: dict[str, Any] | None = None) -> Any:
        client = super()._client(service, retries)
        if service != "codecommit":
            # Straight into the server, without a socket: a benchmark of queues is none of HTTP.
            direct = Client(self._world.aws.gate)
            client.meta.events.register("before-send", lambda request, **_: self._world.call(direct, request))
        return client


class World:
    """CodeCommit, AWS, and the two queues of the scan function; a context manager."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fresh, self.late = MemoryQueue(), MemoryQueue()
        self._one_at_a_time = threading.Lock()
        self.scanner = load_scanner(rules=[PATTERNS / "aws.toml"], default_rules=False)

    def __enter__(self) -> Self:
        with ExitStack() as exit_:
            # What is measured shall not be moto.
            exit_.enter_context(fast_moto())
            self.aws = exit_.enter_context(LocalAws())
            self.aws.gate.inner = dynamodb_first(self.aws.gate.inner)
            people: tuple[Principal, ...] = (administrator(),)
            self.codecommit = exit_.enter_context(CodeCommitServer(self.root, ACCOUNT, REGION, people))
            self.aws.gate.tags = self.codecommit.tags
            self.stack = Stack(self.aws, self.aws.free_name("pushwarden"), medium_policy(), self.codecommit.url)
            scan = self.stack.principal(SCAN)
            self.codecommit.add_principal(scan)
            self.aws.gate.principals[scan.access_key_id] = scan
            item = {"pk": {"S": "settings"}, "sk": {"S": "installed-at"}, "value": {"B": b"0"}}
            self.aws.client("dynamodb").put_item(TableName=self.stack.settings.table, Item=item)
            self._exit = exit_.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def call(self, direct: Client, request: Any) -> AWSResponse:
        """Call moto, whose tables are not made for many threads."""
        with self._one_at_a_time:
            return _called(direct, request)

    def endpoint(self, service: str) -> str:
        return self.codecommit.url if service == "codecommit" else self.aws.url

    def repository(self, name: str, commits: int, leaks: Sequence[int] = ()) -> Repository:
        """Create a repository whose main branch has so many commits; those in ``leaks`` hold a secret each."""
        who = administrator()
        api = boto3.client(
            "codecommit",
            region_name=REGION,
            endpoint_url=self.codecommit.url,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
        )
        made = api.create_repository(repositoryName=name)["repositoryMetadata"]
        secrets = {number: self._secret(f"{name} {number}") for number in leaks}
        ids = _history(self.codecommit.repository_path(name), name, commits, secrets)
        return Repository(name, made["repositoryId"], ids, tuple(leaks))

    def _secret(self, seed: str) -> str:
        """Return a secret that the scanner knows as one: now and then random characters look like nothing."""
        for number in itertools.count():
            text = made_up_key(zlib.crc32(f"{seed} {number}".encode()))
            if self.scanner.scan(text.encode()).matches:
                return text
        raise AssertionError


def push_event(repository: Repository, number: int, at_s: float) -> dict[str, Any]:
    """Return the event of the push that brought in a repository's commit, which happened at ``at_s`` (since 1970)."""
    kind = "referenceUpdated" if number else "referenceCreated"
    arn = f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{repository.name}"
    detail = {
        "event": kind,
        "repositoryName": repository.name,
        "repositoryId": repository.repository_id,
        "referenceFullName": MAIN,
        "commitId": repository.commits[number],
        "callerUserArn": f"arn:aws:iam::{ACCOUNT}:user/person-{number % 7}",
    }
    if number:
        detail["oldCommitId"] = repository.commits[number - 1]
    return {
        "id": str(uuid.uuid4()),
        "source": "aws.codecommit",
        "account": ACCOUNT,
        "region": REGION,
        "time": datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resources": [arn],
        "detail": detail,
    }


def interleaved(repositories: Sequence[Repository], source: random.Random) -> list[tuple[Repository, int]]:
    """Return every push of every repository in a random order that keeps the order of each repository."""
    turns = [each for each in repositories for _ in each.commits]
    source.shuffle(turns)
    next_of = {each.name: itertools.count() for each in repositories}
    return [(each, next(next_of[each.name])) for each in turns]


def _history(git_dir: Path, name: str, commits: int, leaks: Mapping[int, str]) -> tuple[str, ...]:
    stream = io.BytesIO()
    for number in range(commits):
        text = f"{name} {number}\n" + leaks.get(number, "")
        path = f"src/{number % 7}.txt" if number not in leaks else f"conf/{number}.env"
        who = f"Dev <dev@example.com> {1_700_000_000 + number} +0000"
        stream.write(f"commit {MAIN}\nmark :{number + 1}\nauthor {who}\ncommitter {who}\ndata 4\nWork\n".encode())
        stream.write(f"M 100644 inline {path}\ndata {len(text)}\n{text}\n".encode())
    marks = git_dir / "marks"
    command = ["git", f"--git-dir={git_dir}", "fast-import", "--quiet", "--force", f"--export-marks={marks}"]
    subprocess.run(command, input=stream.getvalue(), check=True)
    found = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    return tuple(found[f":{number + 1}"] for number in range(commits))


def _called(direct: Client, request: Any) -> AWSResponse:
    host, path = request.url.split("://", 1)[1].split("/", 1)
    body = request.body.read() if hasattr(request.body, "read") else request.body
    headers = {key: each.decode() if isinstance(each, bytes) else each for key, each in request.headers.items()}
    answer = direct.open(
        "/" + path.partition("?")[0],
        method=request.method,
        query_string=path.partition("?")[2],
        base_url=f"http://{host}",
        headers=headers,
        data=body,
    )
    return AWSResponse(request.url, answer.status_code, dict(answer.headers), _Raw(answer.get_data()))  # type: ignore[arg-type]


class _Raw(io.BytesIO):
    def stream(self, amount: int = 1 << 16, **_: Any) -> Any:
        while chunk := self.read(amount):
            yield chunk
