"""The security bus with its archive, and the topics that tell people."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk.constructs.encryption import bus_name
from cdk.nag import acknowledge
from pushwarden.model import SOURCE


class Messages(Construct):
    """Bus, archive, mail topic and chat topic."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey, email: Sequence[str], archive_days: int
    ) -> None:
        """Make them.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            name: how the names of the stack's resources begin.
            key: encrypts the topics.
            email: addresses that the mail topic writes to, once each has confirmed.
            archive_days: days that the archive keeps an event.
        """
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(
            self, "Bus", event_bus_name=bus_name(name), description="Security events and what was done about them"
        )
        self.bus.archive(
            "Archive",
            archive_name=f"{name}-security",
            description="The audit trail; a replay delivers events again, and twice is once",
            event_pattern=events.EventPattern(source=[SOURCE]),
            retention=cdk.Duration.days(archive_days),
        )
        self.mail = self._topic("Mail", f"{name}-mail", "Pushwarden", key)
        self.chat = self._topic("Chat", f"{name}-chat", "Pushwarden chat", key)
        self.mail.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsTellPeople",
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[self.mail.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
                    "ArnLike": {
                        "aws:SourceArn": cdk.Stack.of(self).format_arn(
                            service="cloudwatch",
                            resource="alarm",
                            resource_name=f"{name}-*",
                            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                        )
                    },
                },
            )
        )
        for address in email:
            self.mail.add_subscription(subscriptions.EmailSubscription(address))
        acknowledge(
            self.mail,
            "Serverless-SNSRedrivePolicy",
            "Mail only. SNS tries for hours; that a mail did not arrive is seen in the topic's metric, and what it said"
            " is in the archive of the security bus, which can be replayed.",
        )

    def _topic(self, construct_id: str, name: str, display: str, key: kms.IKey) -> sns.Topic:
        return sns.Topic(self, construct_id, topic_name=name, display_name=display, master_key=key, enforce_ssl=True)
