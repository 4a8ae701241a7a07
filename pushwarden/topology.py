"""Who listens to what, with which rights: the one table that both the cloud and the local service are built from.

``cdk/`` turns each row into a rule, a queue with a dead-letter queue, a function, a role and alarms; ``pushwarden.local``
wires the same rows on one machine and holds each function to the same rights. There is no second list anywhere.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pushwarden.model import BACKFILL_REPORT, SECURITY_EVENT, SECURITY_RESOLUTION, SECURITY_RESPONSE, SOURCE


class Bus(enum.Enum):
    """An event bus."""

    DEFAULT = "default"
    """The account's own, where CodeCommit's events arrive."""
    SECURITY = "security"
    """Pushwarden's, with archive and replay."""


class Resource(enum.Enum):
    """What a grant is about."""

    REPOSITORIES = "repositories"
    """Every CodeCommit repository of the account and Region that the stack watches."""
    TABLE = "table"
    BACKUPS = "backups"
    """The objects of the backup bucket."""
    SECURITY_BUS = "security-bus"
    MAIL_TOPIC = "mail-topic"
    CHAT_TOPIC = "chat-topic"
    KEY = "key"
    """The customer-managed KMS key."""
    IAM_USERS = "iam-users"
    SECURITY_HUB = "security-hub"
    """The account's default Security Hub product."""
    QUEUE_SCAN = "queue-scan"
    QUEUE_SCAN_LATE = "queue-scan-late"
    BACKFILL = "backfill"
    """The backfill's state machine."""
    BACKFILL_RUNS = "backfill-runs"
    BUCKET = "bucket"
    """The backup bucket itself."""
    QUEUES = "queues"
    """Every queue of the stack."""
    RULES = "rules"
    """Every rule of the stack."""
    STACK = "stack"
    """The CloudFormation stack."""
    ANY = "*"
    """For the few actions that know no resource."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions that a function, or a person, may take on a resource."""

    actions: tuple[str, ...]
    resource: Resource


class Asset(enum.Enum):
    """Which code package a function runs from."""

    SCAN = "scan"
    """With the rules and hyperscan."""
    RESPOND = "respond"
    """Small: everything else."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A function and the events that reach it, through a queue of its own."""

    name: str
    purpose: str
    handler: str
    asset: Asset
    grants: tuple[Grant, ...]
    bus: Bus | None
    """None: started by a schedule, not by events."""
    pattern: Mapping[str, Any]
    timeout_s: int
    memory_mb: int
    concurrency: int
    """How many may run at once: CodeCommit's request limits are shared by the whole account."""
    late_concurrency: int = 0
    """How many more may run at once on events that have waited for long. They come through a second queue, so that a
    fresh event never stands behind them; 0: there is none."""
    batch_size: int = 1
    max_receives: int = 5
    """How often an event is tried before it goes to the dead-letter queue."""
    ephemeral_storage_mb: int = 512
    schedule: str | None = None
    """An EventBridge Scheduler expression, for functions without a bus."""
    option: str | None = None
    """The configuration key that switches an opt-in function on; None: always there."""

    @property
    def queue_names(self) -> tuple[str, ...]:
        """The queues that feed it, by the end of their names; the first is the one that its rule fills."""
        if self.bus is None:
            return ()
        return (self.name, f"{self.name}-late") if self.late_concurrency else (self.name,)


def _responses(action: str) -> Mapping[str, Any]:
    return {"source": [SOURCE], "detail-type": [SECURITY_EVENT], "detail": {"actions": [action]}}


_STEPS: Final = Grant(("dynamodb:GetItem", "dynamodb:PutItem"), Resource.TABLE)
_READ_KEY: Final = Grant(("kms:Decrypt",), Resource.KEY)
"""For the table, and for the key that seals security events."""
_USE_KEY: Final = Grant(("kms:Decrypt", "kms:GenerateDataKey"), Resource.KEY)
"""For who sends to an encrypted topic or queue or writes to the bucket as well: these services ask KMS in its name."""
_MAKE_KEY: Final = Grant((*_USE_KEY.actions, "kms:GenerateDataKeyWithoutPlaintext"), Resource.KEY)
"""For who may be the first in a deployment to find or to report something, and then makes the key of fingerprints and seals."""
_PUBLISH: Final = Grant(("events:PutEvents",), Resource.SECURITY_BUS)

SCAN: Final = Subscriber(
    name="scan",
    purpose="Scans what a push brought in and publishes one security event",
    handler="handlers.scan.handler",
    asset=Asset.SCAN,
    bus=Bus.DEFAULT,
    pattern={
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "detail": {"event": ["referenceCreated", "referenceUpdated", "referenceDeleted"]},
    },
    grants=(
        Grant(
            (
                "codecommit:BatchGetCommits",
                "codecommit:GetBlob",
                "codecommit:GetDifferences",
                "codecommit:GetRepository",
                "codecommit:GitPull",
            ),
            Resource.REPOSITORIES,
        ),
        Grant(("tag:GetResources",), Resource.ANY),
        Grant(("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), Resource.TABLE),
        _MAKE_KEY,
        Grant(("sqs:SendMessage",), Resource.QUEUE_SCAN_LATE),
        _PUBLISH,
    ),
    timeout_s=600,
    memory_mb=1769,  # one whole vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    concurrency=10,
    late_concurrency=5,
    ephemeral_storage_mb=2048,
)

NOTIFY: Final = Subscriber(
    name="notify",
    purpose="Turns security events and responses into mails and chat messages",
    handler="handlers.notify.handler",
    asset=Asset.RESPOND,
    bus=Bus.SECURITY,
    pattern={"source": [SOURCE], "detail-type": [SECURITY_EVENT, SECURITY_RESPONSE, BACKFILL_REPORT]},
    grants=(
        _STEPS,
        _USE_KEY,
        Grant(("sns:Publish",), Resource.MAIL_TOPIC),
        Grant(("sns:Publish",), Resource.CHAT_TOPIC),
    ),
    timeout_s=60,
    memory_mb=512,
    concurrency=5,
)

LOCK: Final = Subscriber(
    name="lock",
    purpose="Locks the repository with a tag that the lock's policy enforces",
    handler="handlers.lock.handler",
    asset=Asset.RESPOND,
    bus=Bus.SECURITY,
    pattern=_responses("lock"),
    grants=(
        Grant(("codecommit:ListTagsForResource", "codecommit:TagResource"), Resource.REPOSITORIES),
        _STEPS,
        _READ_KEY,
        _PUBLISH,
    ),
    timeout_s=120,
    memory_mb=512,
    concurrency=5,
)

RESET: Final = Subscriber(
    name="reset",
    purpose="Moves the ref back to the last accepted commit, after a backup",
    handler="handlers.reset.handler",
    asset=Asset.RESPOND,
    bus=Bus.SECURITY,
    pattern=_responses("reset"),
    grants=(
        Grant(
            ("codecommit:GetBranch", "codecommit:GetRepository", "codecommit:GitPull", "codecommit:GitPush"),
            Resource.REPOSITORIES,
        ),
        Grant(("s3:PutObject",), Resource.BACKUPS),
        Grant(("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), Resource.TABLE),
        _USE_KEY,
        _PUBLISH,
    ),
    timeout_s=600,
    memory_mb=1024,
    concurrency=5,
    ephemeral_storage_mb=4096,
)

RECONCILE: Final = Subscriber(
    name="reconcile",
    purpose="Finds pushes whose event never came and asks for their scan",
    handler="handlers.reconcile.handler",
    asset=Asset.RESPOND,
    bus=None,
    schedule="rate(1 hour)",
    pattern={},
    grants=(
        Grant(("codecommit:ListRepositories",), Resource.ANY),
        Grant(("codecommit:GetRepository", "codecommit:GitPull"), Resource.REPOSITORIES),
        Grant(("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), Resource.TABLE),
        Grant(("sqs:SendMessage",), Resource.QUEUE_SCAN),
        Grant(("states:ListExecutions", "states:StartExecution"), Resource.BACKFILL),
        _USE_KEY,
    ),
    timeout_s=900,
    memory_mb=512,
    concurrency=1,
)

REVOKE: Final = Subscriber(
    name="revoke",
    purpose="Switches an AWS access key of this account off that was pushed",
    handler="handlers.revoke.handler",
    asset=Asset.RESPOND,
    bus=Bus.SECURITY,
    pattern=_responses("revoke"),
    grants=(
        Grant(("iam:GetAccessKeyLastUsed", "iam:UpdateAccessKey"), Resource.IAM_USERS),
        Grant(("sts:GetAccessKeyInfo",), Resource.ANY),
        _STEPS,
        _READ_KEY,
        _PUBLISH,
    ),
    timeout_s=120,
    memory_mb=512,
    concurrency=2,
    option="revoke",
)

COMMENT: Final = Subscriber(
    name="comment",
    purpose="Comments at the line, in the commit that brought the secret in",
    handler="handlers.comment.handler",
    asset=Asset.RESPOND,
    bus=Bus.SECURITY,
    pattern=_responses("comment"),
    grants=(
        Grant(("codecommit:BatchGetCommits", "codecommit:PostCommentForComparedCommit"), Resource.REPOSITORIES),
        _STEPS,
        _READ_KEY,
        _PUBLISH,
    ),
    timeout_s=120,
    memory_mb=512,
    concurrency=2,
    option="comment",
)

SECURITYHUB: Final = Subscriber(
    name="securityhub",
    purpose="Keeps findings in Security Hub, and archives them when the incident is resolved",
    handler="handlers.securityhub.handler",
    asset=Asset.RESPOND,
    bus=Bus.SECURITY,
    # One rule for both: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-complex-example-or
    pattern={
        "source": [SOURCE],
        "$or": [
            {"detail-type": [SECURITY_EVENT], "detail": {"actions": ["securityhub"]}},
            {"detail-type": [SECURITY_RESOLUTION]},
        ],
    },
    grants=(
        Grant(("securityhub:BatchImportFindings",), Resource.SECURITY_HUB),
        Grant(("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), Resource.TABLE),
        _READ_KEY,
        _PUBLISH,
    ),
    timeout_s=120,
    memory_mb=512,
    concurrency=2,
    option="securityhub",
)

SUBSCRIBERS: Final = (SCAN, NOTIFY, LOCK, RESET, REVOKE, COMMENT, SECURITYHUB, RECONCILE)
"""Every function, in the order in which a leak meets them."""

BACKFILL_PLAN: Final = Subscriber(
    name="backfill-plan",
    purpose="Cuts the history into slices, and reports what was found in them",
    handler="handlers.backfill.plan_handler",
    asset=Asset.RESPOND,
    bus=None,
    pattern={},
    grants=(
        Grant(("codecommit:ListRepositories",), Resource.ANY),
        Grant(("codecommit:GitPull", "codecommit:ListTagsForResource"), Resource.REPOSITORIES),
        Grant(("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), Resource.TABLE),
        Grant(("s3:GetObject", "s3:PutObject"), Resource.BACKUPS),
        _MAKE_KEY,
        _PUBLISH,
    ),
    timeout_s=900,
    memory_mb=2048,
    concurrency=2,
)

BACKFILL_SCAN: Final = Subscriber(
    name="backfill-scan",
    purpose="Scans one slice of a repository's history",
    handler="handlers.backfill.scan_handler",
    asset=Asset.SCAN,
    bus=None,
    pattern={},
    grants=(
        Grant(("codecommit:GetBlob", "codecommit:GetDifferences", "codecommit:GitPull"), Resource.REPOSITORIES),
        Grant(("dynamodb:GetItem", "dynamodb:PutItem"), Resource.TABLE),
        Grant(("s3:GetObject", "s3:PutObject"), Resource.BACKUPS),
        _MAKE_KEY,
    ),
    timeout_s=900,
    memory_mb=1769,
    concurrency=5,
    ephemeral_storage_mb=2048,
)

WORKERS: Final = (BACKFILL_PLAN, BACKFILL_SCAN)
"""The functions of the backfill's state machine (:mod:`pushwarden.backfill_machine`): nothing else invokes them."""

OPERATOR: Final = (
    Grant(("codecommit:ListRepositories",), Resource.ANY),
    Grant(
        (
            "codecommit:BatchGetCommits",
            "codecommit:GetRepository",
            "codecommit:GitPull",
            "codecommit:GitPush",
            "codecommit:ListTagsForResource",
            "codecommit:TagResource",
            "codecommit:UntagResource",
        ),
        Resource.REPOSITORIES,
    ),
    Grant(("dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), Resource.TABLE),
    Grant(("kms:Decrypt", "kms:DescribeKey"), Resource.KEY),
    Grant(("s3:GetObject",), Resource.BACKUPS),
    Grant(("s3:GetBucketVersioning", "s3:ListBucket"), Resource.BUCKET),
    _PUBLISH,
    Grant(("events:DescribeRule",), Resource.RULES),
    Grant(("sns:ListSubscriptionsByTopic",), Resource.MAIL_TOPIC),
    Grant(("sqs:GetQueueAttributes", "sqs:GetQueueUrl"), Resource.QUEUES),
    Grant(("states:ListExecutions", "states:StartExecution"), Resource.BACKFILL),
    Grant(("states:StopExecution",), Resource.BACKFILL_RUNS),
    Grant(("cloudformation:DescribeStacks",), Resource.STACK),
)
"""What ``pushwarden unlock``, ``restore``, ``backfill`` and ``doctor`` do in the name of whoever is in charge."""
