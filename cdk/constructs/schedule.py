"""What starts a function that listens to no bus: a schedule."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from pushwarden.topology import Subscriber

_WINDOW_MINUTES: Final = 15
_AGE_S: Final = 3_600


class Schedule(Construct):
    """An EventBridge schedule, its role, and where a run goes that could not be started or failed."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        subscriber: Subscriber,
        name: str,
        function: lambda_.Function,
        dead: sqs.Queue,
        key: kms.IKey,
    ) -> None:
        """Make them.

        Args:
            scope: the subscriber's construct.
            construct_id: id in the scope.
            subscriber: the row, with its ``schedule``.
            name: name of the schedule.
            function: what is started.
            dead: the subscriber's dead-letter queue.
            key: encrypts that queue.
        """
        super().__init__(scope, construct_id)
        role = self._role(name, function, dead, key)
        scheduler.CfnSchedule(
            self,
            "Resource",
            name=name,
            description=subscriber.purpose,
            schedule_expression=str(subscriber.schedule),
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(
                mode="FLEXIBLE", maximum_window_in_minutes=_WINDOW_MINUTES
            ),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function_arn,
                role_arn=role.role_arn,
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead.queue_arn),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=_AGE_S, maximum_retry_attempts=3
                ),
            ),
        )
        self._keep_failures(function, dead)

    def _role(self, name: str, function: lambda_.Function, dead: sqs.Queue, key: kms.IKey) -> iam.Role:
        return iam.Role(
            self,
            "Role",
            description=f"{name}: starts the function on its schedule",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
            ),
            inline_policies={
                "start": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn]),
                        iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[dead.queue_arn]),
                        iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn]),
                    ]
                )
            },
        )

    def _keep_failures(self, function: lambda_.Function, dead: sqs.Queue) -> None:
        """Let a run that was started and failed go the same way; Lambda tries it twice more before."""
        lambda_.CfnEventInvokeConfig(
            self,
            "Failures",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=_AGE_S,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=dead.queue_arn)
            ),
        )
