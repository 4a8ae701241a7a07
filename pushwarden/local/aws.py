"""moto's server behind the gate, with the resources that the stack would create, wired from the topology."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Self, cast

import boto3
from moto.core.config import default_user_config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.sqs.models import sqs_backends
from werkzeug.serving import BaseWSGIServer, make_server

from pushwarden.backfill_machine import PREFIX, definition
from pushwarden.local.calls import Reader
from pushwarden.local.codecommit import Principal
from pushwarden.local.gate import Gate
from pushwarden.settings import Policy, Settings
from pushwarden.topology import SUBSCRIBERS, WORKERS, Bus, Grant, Resource, Subscriber

REGION: Final = "eu-central-1"
ACCOUNT: Final = DEFAULT_ACCOUNT_ID
PLUMBING_KEY: Final = "local-plumbing"
"""The access key of the service's own wiring, which may do everything."""
_MACHINE_KEY: Final = "ak"
"""The access key that moto's state machines call other services with."""
_VISIBILITY_S: Final = 30


class LocalAws:
    """EventBridge, SQS, SNS, DynamoDB, S3 and KMS on one port of 127.0.0.1."""

    def __init__(self) -> None:
        # moto logs each request otherwise; what happens is shown by the service itself.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.gate = Gate(DomainDispatcherApplication(create_backend_app), Reader(ACCOUNT, _user_of_key))
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self.gate, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws", daemon=True)
        # moto runs a state machine only when told to, and reaches S3 and Lambda through the port that this variable
        # names: one per process, so state machines belong to the service that was started last.
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        os.environ["MOTO_PORT"] = str(self._server.server_port)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def free_name(self, wanted: str) -> str:
        """Return ``wanted``, or something like it if a stack of that name is there: moto has one account per process."""
        names = {each["Name"] for each in self.client("s3").list_buckets()["Buckets"]}
        return wanted if f"{wanted}-backups" not in names else f"{wanted}-{secrets.token_hex(3)}"

    def client(self, service: Any) -> Any:
        """Return a client with the plumbing's rights."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=PLUMBING_KEY,
            aws_secret_access_key=PLUMBING_KEY,
        )


def _user_of_key(key_id: str) -> str | None:
    """Return the user whose access key this is, as far as moto's IAM knows."""
    backend = iam_backends[ACCOUNT]["aws"]
    return next(
        (name for name, user in backend.users.items() if any(k.access_key_id == key_id for k in user.access_keys)), None
    )


class _Quiet(MotoRequestHandler):
    def log(self, *_: Any) -> None:
        """Say nothing."""


class Stack:
    """What ``cdk deploy`` would create, on the local AWS."""

    def __init__(self, aws: LocalAws, name: str, policy: Policy, git_url: str) -> None:
        self.aws = aws
        self.name = name
        self._rules: set[str] = set()
        kms = aws.client("kms").create_key(Description=name)["KeyMetadata"]["Arn"]
        self._sqs, self._events, self._sns = aws.client("sqs"), aws.client("events"), aws.client("sns")
        bucket, table = f"{name}-backups", f"{name}-state"
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        aws.client("dynamodb").create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        self._events.create_event_bus(Name=f"{name}-security")
        self.settings = Settings(
            region=REGION,
            table=table,
            security_bus=f"{name}-security",
            key_id=kms,
            mail_topic=self._sns.create_topic(Name=f"{name}-mail")["TopicArn"],
            chat_topic=self._sns.create_topic(Name=f"{name}-chat")["TopicArn"],
            backup_bucket=bucket,
            git_url=git_url,
            policy=policy,
        )
        self.subscribers = tuple(each for each in SUBSCRIBERS if each.option is None or policy.thresholds[each.option])
        self.queues = {name: url for each in self.subscribers for name, url in self._subscribe(each).items()}
        self.settings = replace(
            self.settings,
            scan_queue=self.queues["scan"],
            late_queue=self.queues["scan-late"],
            backfill_machine=self._machine(aws.client("stepfunctions")),
        )
        self._encrypt()
        self._let_the_machine_in()
        self.mail_queue = self._mailbox("mails", self.settings.mail_topic)
        self.chat_queue = self._mailbox("chats", self.settings.chat_topic)
        self.watch_queue = self._watch()

    def dead_letters(self, subscriber: str) -> int:
        """Return how many events of a function ended in its dead-letter queue."""
        url = self._sqs.get_queue_url(QueueName=f"{self.name}-{subscriber}-dead")["QueueUrl"]
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def waiting(self, subscriber: str) -> int:
        """Return how many events wait for a function or are being worked on."""
        # Asked of moto itself: whoever waits until all is done asks often, and a request takes a hundred times as long.
        queue = sqs_backends[ACCOUNT][REGION].get_queue(self.queues[subscriber].rpartition("/")[2])
        return len(queue._messages)  # noqa: SLF001 - moto has a number for each kind, and messages change kind meanwhile

    def send(self, subscriber: str, body: str) -> None:
        """Put a message straight on a function's queue, whatever it says."""
        self._sqs.send_message(QueueUrl=self.queues[subscriber], MessageBody=body)

    def deliver(self, envelope: Mapping[str, Any]) -> None:
        """Put an event on the default bus as AWS itself would: with the id, time and source that it has."""
        # PutEvents would give it an id of its own, and a second delivery of the same event must keep the first one's.
        # moto counts time in seconds inside, and writes it out as AWS does.
        seconds = datetime.fromisoformat(envelope["time"]).timestamp()
        bus = events_backends[ACCOUNT][REGION].describe_event_bus("default")
        for rule in bus.rules.values():
            if rule.name in self._rules:
                rule.send_to_targets(cast("Any", {**envelope, "time": seconds}), transform_input=False)

    def principal(self, subscriber: Subscriber, endpoint_account: str = ACCOUNT) -> Principal:
        """Return a function's own identity: its role, with what the topology grants it."""
        return Principal(
            arn=f"arn:aws:sts::{endpoint_account}:assumed-role/{self.name}-{subscriber.name}/{subscriber.name}",
            access_key_id=f"ASIALOCAL{self.name}{subscriber.name}".upper().replace("-", ""),
            secret_access_key=f"local-{self.name}-{subscriber.name}-not-a-secret",
            session_token=f"local-session-{subscriber.name}",
            policies=(self.policy(subscriber.grants),),
        )

    def policy(self, grants: Iterable[Grant]) -> dict[str, Any]:
        """Return the policy document that allows what the topology grants, on this stack's resources."""
        statements = [
            {"Effect": "Allow", "Action": list(grant.actions), "Resource": self._arns(grant.resource)}
            for grant in grants
        ]
        return {"Version": "2012-10-17", "Statement": statements}

    def _encrypt(self) -> None:
        """Tell the gate what the stack's key encrypts."""
        queues = (Resource.QUEUE_SCAN, Resource.QUEUE_SCAN_LATE)
        places = (Resource.TABLE, Resource.MAIL_TOPIC, Resource.CHAT_TOPIC, *queues)
        encrypted = [arn for each in places for arn in self._arns(each)]
        encrypted.append(f"arn:aws:s3:::{self.settings.backup_bucket}")
        self.aws.gate.keys |= dict.fromkeys(encrypted, self.settings.key_id)

    def _let_the_machine_in(self) -> None:
        """Give the state machine the rights that it needs for what moto does in its name, and no others."""
        functions = [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}-{each.name}" for each in WORKERS]
        lists = f"arn:aws:s3:::{self.settings.backup_bucket}/{PREFIX}*"
        granted = [
            (["lambda:InvokeFunction"], functions),
            (["s3:GetObject", "s3:PutObject"], [lists]),
            (["kms:Decrypt", "kms:GenerateDataKey"], [self.settings.key_id]),
        ]
        statements = [{"Effect": "Allow", "Action": actions, "Resource": where} for actions, where in granted]
        self.machine_role = f"arn:aws:iam::{ACCOUNT}:role/{self.name}-backfill"
        self.aws.gate.principals[_MACHINE_KEY] = Principal(
            f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.name}-backfill/run",
            _MACHINE_KEY,
            _MACHINE_KEY,
            policies=({"Version": "2012-10-17", "Statement": statements},),
        )

    def _arns(self, resource: Resource) -> list[str]:
        settings = self.settings
        return {
            Resource.REPOSITORIES: [f"arn:aws:codecommit:{REGION}:{ACCOUNT}:*"],
            Resource.TABLE: [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{settings.table}"],
            Resource.BACKUPS: [f"arn:aws:s3:::{settings.backup_bucket}/*"],
            Resource.SECURITY_BUS: [f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{settings.security_bus}"],
            Resource.MAIL_TOPIC: [settings.mail_topic],
            Resource.CHAT_TOPIC: [settings.chat_topic],
            Resource.KEY: [settings.key_id],
            Resource.QUEUE_SCAN: [self._arn(settings.scan_queue)],
            Resource.QUEUE_SCAN_LATE: [self._arn(settings.late_queue)],
            Resource.BACKFILL: [settings.backfill_machine],
            Resource.BACKFILL_RUNS: [f"{settings.backfill_machine.replace(':stateMachine:', ':execution:')}:*"],
            Resource.BUCKET: [f"arn:aws:s3:::{settings.backup_bucket}"],
            Resource.QUEUES: [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}-*"],
            Resource.RULES: [
                f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{each}"
                for each in (f"{self.name}-*", f"{settings.security_bus}/{self.name}-*")
            ],
            Resource.STACK: [f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}/*"],
            Resource.IAM_USERS: [f"arn:aws:iam::{ACCOUNT}:user/*"],
            Resource.SECURITY_HUB: [f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"],
            Resource.ANY: ["*"],
        }[resource]

    def _subscribe(self, subscriber: Subscriber) -> dict[str, str]:
        if subscriber.bus is None:
            return {}
        dead = self._sqs.create_queue(QueueName=f"{self.name}-{subscriber.name}-dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": self._arn(dead), "maxReceiveCount": subscriber.max_receives}
        attributes = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": str(_VISIBILITY_S)}
        urls: dict[str, str] = {
            each: self._sqs.create_queue(QueueName=f"{self.name}-{each}", Attributes=attributes)["QueueUrl"]
            for each in subscriber.queue_names
        }
        bus = "default" if subscriber.bus is Bus.DEFAULT else self.settings.security_bus
        self._rule(subscriber.name, bus, subscriber.pattern, urls[subscriber.name])
        return urls

    def _machine(self, states: Any) -> str:
        name = f"{self.name}-backfill"
        what = definition(
            plan_function=f"{self.name}-backfill-plan",
            scan_function=f"{self.name}-backfill-scan",
            bucket=self.settings.backup_bucket,
        )
        role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        arn: str = states.create_state_machine(name=name, definition=json.dumps(what), roleArn=role)["stateMachineArn"]
        return arn

    def _watch(self) -> str:
        url: str = self._sqs.create_queue(QueueName=f"{self.name}-watch")["QueueUrl"]
        self._rule("watch", self.settings.security_bus, {"source": ["pushwarden"]}, url)
        return url

    def _rule(self, name: str, bus: str, pattern: Mapping[str, Any], queue_url: str) -> None:
        rule = f"{self.name}-{name}"
        self._rules.add(rule)
        self._events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps(pattern))
        self._events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": name, "Arn": self._arn(queue_url)}])

    def _mailbox(self, name: str, topic: str) -> str:
        url: str = self._sqs.create_queue(QueueName=f"{self.name}-{name}")["QueueUrl"]
        self._sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self._arn(url))
        return url

    def _arn(self, queue_url: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_url.rpartition('/')[2]}"
