"""The backfill's state machine: it scans the history that was there before Pushwarden was."""

from __future__ import annotations

import json
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from cdk.grants import machine_arn
from cdk.nag import acknowledge, spelled
from pushwarden.backfill_machine import PREFIX, definition

# None of these knows a resource: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
_LOG_DELIVERY: Final = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
# Read the items, write where the results are: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
_LISTS: Final = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
_TRACES: Final = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")


class Backfill(Construct):
    """The machine, its role and its log."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        plan: lambda_.IFunction,
        scan: lambda_.IFunction,
        bucket: s3.IBucket,
        key: kms.IKey,
        log_days: int,
        tracing: bool,
    ) -> None:
        """Make them.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            name: how the names of the stack's resources begin.
            plan: the function ``backfill-plan``.
            scan: the function ``backfill-scan``.
            bucket: the backup bucket, which holds the lists that the maps read.
            key: encrypts the bucket.
            log_days: days that the log is kept.
            tracing: whether runs are traced.
        """
        super().__init__(scope, construct_id)
        log = logs.CfnLogGroup(
            self, "Logs", log_group_name=f"/aws/vendedlogs/states/{name}-backfill", retention_in_days=log_days
        )
        log.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        self._arn = machine_arn(cdk.Stack.of(self), name)
        lists = bucket.arn_for_objects(f"{PREFIX}*")
        role = self._role([plan.function_arn, scan.function_arn], lists, key, tracing=tracing)
        machine = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=f"{name}-backfill",
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            # As text, because the CDK drops the nulls of an object, and in this language null means something.
            definition_string=json.dumps(
                definition(plan_function=plan.function_arn, scan_function=scan.function_arn, bucket=bucket.bucket_name)
            ),
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                # Of what goes through the machine, only that something did: it names repositories and commits.
                level="ALL",
                include_execution_data=False,
                destinations=[
                    stepfunctions.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=log.attr_arn
                        )
                    )
                ],
            ),
            tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(enabled=tracing),
        )
        if not tracing:
            for finding in ("AwsSolutions-SF2", "Serverless-StepFunctionStateMachineXray"):
                acknowledge(machine, finding, "The deployment's configuration switches traces off.")

    def _role(self, functions: list[str], lists: str, key: kms.IKey, *, tracing: bool) -> iam.Role:
        """Return the machine's role: https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html ."""
        runs = f"{self._arn.replace(':stateMachine:', ':execution:')}/*"
        statements = [
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=functions),
            iam.PolicyStatement(actions=list(_LISTS), resources=[lists]),
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn]),
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[self._arn]),
            iam.PolicyStatement(actions=["states:DescribeExecution", "states:StopExecution"], resources=[runs]),
            iam.PolicyStatement(actions=[*_LOG_DELIVERY, *(_TRACES if tracing else ())], resources=["*"]),
        ]
        source = {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}, "ArnLike": {"aws:SourceArn": self._arn}}
        role = iam.Role(
            self,
            "Role",
            description="The backfill's state machine: calls its two functions, reads its own lists",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com", conditions=source),
            inline_policies={"work": iam.PolicyDocument(statements=statements)},
        )
        acknowledge(role, "AwsSolutions-IAM5[Resource::*]", "Log deliveries and traces know no resource.")
        acknowledge(role, f"AwsSolutions-IAM5[Resource::{spelled(self, lists)}]", "The backfill's own lists.")
        acknowledge(role, f"AwsSolutions-IAM5[Resource::{spelled(self, runs)}]", "The machine's own map runs.")
        return role
