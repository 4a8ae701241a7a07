"""From the topology's grants to statements of a role: exactly those actions, on exactly those ARNs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam

from cdk.constructs.data import Data
from cdk.constructs.encryption import EncryptionKey
from cdk.constructs.messages import Messages
from pushwarden.topology import Grant, Resource

Arns = Mapping[Resource, Sequence[str]]


def resource_arns(
    stack: Stack, *, name: str, key: EncryptionKey, data: Data, messages: Messages, repositories: Sequence[str]
) -> dict[Resource, list[str]]:
    """Return the ARNs behind each kind of resource.

    Args:
        stack: gives partition, Region and account.
        name: how the names of the stack's resources begin.
        key: the stack's key.
        data: table and bucket.
        messages: bus and topics.
        repositories: name patterns of the repositories that are watched.
    """
    return {
        Resource.REPOSITORIES: [stack.format_arn(service="codecommit", resource=each) for each in repositories],
        Resource.TABLE: [data.table.table_arn],
        Resource.BACKUPS: [data.bucket.arn_for_objects("*")],
        Resource.SECURITY_BUS: [messages.bus.event_bus_arn],
        Resource.MAIL_TOPIC: [messages.mail.topic_arn],
        Resource.CHAT_TOPIC: [messages.chat.topic_arn],
        Resource.KEY: [key.key.key_arn],
        Resource.IAM_USERS: [stack.format_arn(service="iam", region="", resource="user", resource_name="*")],
        Resource.SECURITY_HUB: [
            stack.format_arn(service="securityhub", resource="product", resource_name=f"{stack.account}/default")
        ],
        Resource.QUEUE_SCAN: [stack.format_arn(service="sqs", resource=queue_name(name, "scan"))],
        Resource.QUEUE_SCAN_LATE: [stack.format_arn(service="sqs", resource=queue_name(name, "scan-late"))],
        Resource.BACKFILL: [machine_arn(stack, name)],
        Resource.BACKFILL_RUNS: [f"{machine_arn(stack, name).replace(':stateMachine:', ':execution:')}:*"],
        Resource.BUCKET: [data.bucket.bucket_arn],
        Resource.QUEUES: [stack.format_arn(service="sqs", resource=f"{name}-*")],
        Resource.RULES: [
            stack.format_arn(service="events", resource="rule", resource_name=each)
            for each in (f"{name}-*", f"{messages.bus.event_bus_name}/{name}-*")
        ],
        Resource.STACK: [stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{name}/*")],
        Resource.ANY: ["*"],
    }


def machine_arn(stack: Stack, name: str) -> str:
    """Return the ARN of the backfill's state machine, by its name: it is made after the functions that it calls."""
    return stack.format_arn(
        service="states",
        resource="stateMachine",
        resource_name=f"{name}-backfill",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def queue_name(name: str, subscriber: str) -> str:
    """Return the name of a subscriber's queue."""
    return f"{name}-{subscriber}"


def statements(grants: Iterable[Grant], arns: Arns) -> list[iam.PolicyStatement]:
    """Return statements, one per grant.

    Raises:
        KeyError: the topology names a resource that the stack does not have.
    """
    return [iam.PolicyStatement(actions=list(grant.actions), resources=list(arns[grant.resource])) for grant in grants]
