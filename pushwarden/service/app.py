"""What a function needs, built once per process and only as far as it is used: a cold start pays for nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import urllib3
from botocore.config import Config

from pushwarden.aws import seal
from pushwarden.aws.accesskeys import AccessKeys
from pushwarden.aws.backups import Backups
from pushwarden.aws.bus import SecurityBus
from pushwarden.aws.claims import Claims
from pushwarden.aws.codecommit import CodeCommit
from pushwarden.aws.githttp import GitEndpoint
from pushwarden.aws.gitsign import Credentials
from pushwarden.aws.keys import fingerprint_key
from pushwarden.aws.machine import Machine
from pushwarden.aws.progress import Progress
from pushwarden.aws.queue import Queue
from pushwarden.aws.retry import RetryPolicy
from pushwarden.aws.runs import Runs
from pushwarden.aws.securityhub import OpenReports, SecurityHub
from pushwarden.aws.session import LeanSession, Session
from pushwarden.aws.state import State
from pushwarden.aws.tags import ResourceTags
from pushwarden.aws.topics import Topic
from pushwarden.errors import PushwardenError
from pushwarden.events import SecurityEvent
from pushwarden.model import SECURITY_EVENT
from pushwarden.service.crowd import Crowd
from pushwarden.settings import Settings

if TYPE_CHECKING:
    from pushwarden.detect import Scanner

_CONNECT_S: Final = 5.0
_READ_S: Final = 60.0


class App:
    """The clients and tables behind a function, made from its settings at their first use."""

    def __init__(
        self,
        settings: Settings,
        *,
        session: Session | None = None,
        wall_clock: Callable[[], float] = time.time,
        retry: RetryPolicy | None = None,
        endpoint_url: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._endpoint_url = endpoint_url
        self.settings = settings
        self.wall_clock = wall_clock
        self._session = session or LeanSession(settings.region)
        self._retry = retry or RetryPolicy()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> App:
        """Build the app from environment variables.

        Raises:
            UsageError: a variable is missing or wrong.
        """
        return cls(Settings.from_environment(os.environ if environment is None else environment))

    @cached_property
    def codecommit(self) -> CodeCommit:
        """CodeCommit's API. Retries are ours alone: botocore does not see the XML throttle."""
        return CodeCommit(self._client("codecommit", retries={"total_max_attempts": 1}), self._retry)

    @cached_property
    def tags(self) -> ResourceTags:
        """Tags, from the service that knows those of every resource."""
        return ResourceTags(self._client("resourcegroupstaggingapi"))

    @cached_property
    def git(self) -> GitEndpoint:
        """CodeCommit's git server, with this function's own credentials."""
        suffix = "amazonaws.com.cn" if self.settings.region.startswith("cn-") else "amazonaws.com"
        url = self.settings.git_url or f"https://git-codecommit.{self.settings.region}.{suffix}"
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=_READ_S)
        pool = urllib3.PoolManager(timeout=timeout, retries=False)
        return GitEndpoint(url, self.settings.region, self._git_credentials, pool)

    @cached_property
    def retry(self) -> RetryPolicy:
        """The retry policy for git, which the API client shares."""
        return self._retry

    @cached_property
    def state(self) -> State:
        """The frontier and the incidents."""
        return State(self._client("dynamodb"), self.settings.table)

    @cached_property
    def claims(self) -> Claims:
        """Which scan has which ref for itself."""
        return Claims(self._client("dynamodb"), self.settings.table)

    @cached_property
    def progress(self) -> Progress:
        """How far the sweeps over every repository have come."""
        return Progress(self._client("dynamodb"), self.settings.table)

    @cached_property
    def runs(self) -> Runs:
        """What the backfill remembers."""
        return Runs(self._client("dynamodb"), self.settings.table)

    @cached_property
    def machine(self) -> Machine:
        """The backfill's state machine."""
        return Machine(self._client("stepfunctions"), self.settings.backfill_machine)

    @cached_property
    def scan_queue(self) -> Queue:
        """The queue that push events wait in."""
        return Queue(self._client("sqs"), self.settings.scan_queue)

    @cached_property
    def late_queue(self) -> Queue | None:
        """The queue of push events that have waited for long, if there is one."""
        return Queue(self._client("sqs"), self.settings.late_queue) if self.settings.late_queue else None

    @cached_property
    def crowd(self) -> Crowd:
        """The late push events that this process has met."""
        return Crowd()

    @cached_property
    def bus(self) -> SecurityBus:
        """The security bus."""
        return SecurityBus(self._client("events"), self.settings.security_bus, lambda: self.fingerprint_key)

    @cached_property
    def backups(self) -> Backups:
        """The bucket of removed commits."""
        return Backups(self._client("s3"), self.settings.backup_bucket, self.settings.key_id)

    @cached_property
    def mail(self) -> Topic:
        """The topic that mails people."""
        return Topic(self._sns, self.settings.mail_topic)

    @cached_property
    def chat(self) -> Topic | None:
        """The topic in the chat format of Amazon Q Developer, if there is one."""
        return Topic(self._sns, self.settings.chat_topic) if self.settings.chat_topic else None

    @cached_property
    def access_keys(self) -> AccessKeys:
        """IAM and STS, as far as revoking a key takes."""
        return AccessKeys(self._client("iam"), self._client("sts"))

    @cached_property
    def security_hub(self) -> SecurityHub:
        """Security Hub of this account and Region."""
        return SecurityHub(self._client("securityhub"))

    @cached_property
    def open_reports(self) -> OpenReports:
        """What was reported to Security Hub and is still open."""
        return OpenReports(self._client("dynamodb"), self.settings.table)

    @cached_property
    def fingerprint_key(self) -> bytes:
        """The deployment's key of the fingerprints."""
        return fingerprint_key(self.state, self._client("kms"), self.settings.key_id)

    def security_event(self, detail: Mapping[str, Any]) -> SecurityEvent:
        """Return a security event from the bus.

        Raises:
            MalformedEventError: it is not one of ours.
            ForgedEventError: it looks like one of ours, but its seal does not fit.
        """
        event = SecurityEvent.from_detail(detail)
        self.check_seal(SECURITY_EVENT, detail)
        return event

    def check_seal(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Let an event from the bus pass that Pushwarden itself has published.

        Raises:
            ForgedEventError: its seal does not fit.
        """
        seal.check(detail_type, detail, self.fingerprint_key)

    def publish_event(self, event: SecurityEvent) -> None:
        """Publish a security event on the security bus.

        Raises:
            PublishError: EventBridge did not take it.
        """
        self.bus.publish(SECURITY_EVENT, event.to_detail(), resources=(event.push.repository_arn,))

    @cached_property
    def scanner(self) -> Scanner:
        """Detection, with the rules of the package and those of the deployment."""
        # Late: only the scan function's package holds the detection's libraries.
        from pathlib import Path  # noqa: PLC0415

        from pushwarden.detect import load_scanner  # noqa: PLC0415

        rules = [Path(self.settings.rules)] if self.settings.rules else []
        return load_scanner(rules=rules)

    @cached_property
    def _sns(self) -> Any:
        # One try: whether a mail is out is not known after a broken one, and the next try has to say so.
        return self._client("sns", retries={"total_max_attempts": 1})

    def _client(self, service: Any, retries: dict[str, Any] | None = None) -> Any:
        config = Config(
            retries=retries or {"mode": "standard", "total_max_attempts": 5},  # type: ignore[arg-type]
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
        )
        return self._session.client(service, config=config, endpoint_url=self._endpoint_url(service))

    def _git_credentials(self) -> Credentials:
        credentials = self._session.get_credentials()
        if credentials is None:
            raise PushwardenError("there are no AWS credentials; a function has its role's, a person sets up a profile")
        frozen = credentials.get_frozen_credentials()
        if frozen.access_key is None or frozen.secret_key is None:
            raise PushwardenError("the AWS credentials have no access key; set up a profile with one")
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)
