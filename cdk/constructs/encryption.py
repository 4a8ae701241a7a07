"""The one customer-managed key, and which services may use it for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from pushwarden.topology import Bus, Subscriber


class EncryptionKey(Construct):
    """The key of queues, topics, table and bucket."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, subscribers: Sequence[Subscriber]) -> None:
        """Make the key.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            name: how the names of the stack's resources begin.
            subscribers: the functions, whose rules put events on encrypted queues.
        """
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description=f"{name}: queues, topics, state and backups",
            enable_key_rotation=True,
            # Backups that stay need the key that opens them.
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        kms.Alias(self, "Alias", alias_name=f"alias/{name}", target_key=self.key)
        rules = [rule_arn(self, name, each) for each in subscribers if each.bus is not None]
        self._allow("EventBridgeToQueues", "events.amazonaws.com", rules)
        alarms = cdk.Stack.of(self).format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=f"{name}-*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        self._allow("AlarmsToTopic", "cloudwatch.amazonaws.com", [alarms])

    def _allow(self, sid: str, service: str, sources: list[str]) -> None:
        """Let a service use the key on behalf of this stack's own rules or alarms, and of nobody else's.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html and
        https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
        """
        conditions: dict[str, Any] = {
            "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
            "ArnLike": {"aws:SourceArn": sources},
        }
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                principals=[iam.ServicePrincipal(service)],
                # In a key's policy, * is this key.
                resources=["*"],
                conditions=conditions,
            )
        )


def rule_name(name: str, subscriber: Subscriber) -> str:
    """Return the name of the rule that feeds a subscriber."""
    return f"{name}-{subscriber.name}"


def bus_name(name: str) -> str:
    """Return the name of the security bus."""
    return f"{name}-security"


def rule_arn(scope: Construct, name: str, subscriber: Subscriber) -> str:
    """Return the ARN of a subscriber's rule, from names alone: key and queues name the rule before it exists.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    path = rule_name(name, subscriber)
    if subscriber.bus is Bus.SECURITY:
        path = f"{bus_name(name)}/{path}"
    return cdk.Stack.of(scope).format_arn(service="events", resource="rule", resource_name=path)
