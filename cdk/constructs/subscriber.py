"""One subscriber of the topology: rule, queue with dead-letter queue, function, role, log group, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.alarms import FIVE_MINUTES, Alarms
from cdk.constructs.encryption import rule_arn, rule_name
from cdk.constructs.schedule import Schedule
from cdk.grants import Arns, queue_name, statements
from cdk.nag import acknowledge, spelled
from pushwarden.topology import Bus, Resource, Subscriber

_DAY_S: Final = 86_400
_KEPT: Final = cdk.Duration.days(14)
"""The longest that SQS keeps a message."""
_RETRY_GAP_S: Final = 30
_OLD_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Shared:
    """What all subscribers of a stack have in common."""

    name: str
    bus: str
    """Name of the security bus."""
    key: kms.IKey
    arns: Arns
    alarms: Alarms
    environment: Mapping[str, str]
    architecture: lambda_.Architecture
    log_days: int
    tracing: bool


class SubscriberConstruct(Construct):
    """A row of the topology in the cloud."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        subscriber: Subscriber,
        shared: Shared,
        code: lambda_.Code,
        concurrency: int,
        environment: Mapping[str, str],
    ) -> None:
        """Make everything of one subscriber.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            subscriber: the row.
            shared: what it has in common with the others.
            code: the function's package.
            concurrency: how many may run at once.
            environment: variables beside the shared ones.
        """
        super().__init__(scope, construct_id)
        self.subscriber = subscriber
        self._shared = shared
        self._name = f"{shared.name}-{subscriber.name}"
        late = subscriber.late_concurrency
        self.invoked_only = subscriber.bus is None and subscriber.schedule is None
        """A worker of the backfill: its state machine waits for the answer, and tries again by itself."""
        self.dead = None if self.invoked_only else self._dead_letters()
        self.queue = self._queue(self.dead) if self.dead and subscriber.bus is not None else None
        self.late = self._waiting("Late", subscriber.queue_names[1], self.dead) if self.dead and late else None
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{self._name}",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        resource = self.log_group.node.default_child
        if isinstance(resource, logs.CfnLogGroup):  # the higher construct takes names of periods, no days
            resource.retention_in_days = shared.log_days
        self.role = self._role()
        self.function = self._function(code, {**shared.environment, **environment})
        if self.queue is not None:
            self._subscribe("Source", self.queue, concurrency)
            if self.late is not None:
                self._subscribe("LateSource", self.late, late)
        elif self.dead is not None:
            Schedule(
                self,
                "Schedule",
                subscriber=subscriber,
                name=self._name,
                function=self.function,
                dead=self.dead,
                key=shared.key,
            )
        self._alarms()

    def _dead_letters(self) -> sqs.Queue:
        dead = sqs.Queue(
            self,
            "Dead",
            queue_name=f"{self._name}-dead",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._shared.key,
            data_key_reuse=cdk.Duration.days(1),
            enforce_ssl=True,
            retention_period=_KEPT,
        )
        reason = "This is a dead-letter queue; an alarm watches it."
        acknowledge(dead, "AwsSolutions-SQS3", reason)
        acknowledge(dead, "Serverless-SQSRedrivePolicy", reason)
        return dead

    def _waiting(self, construct_id: str, end: str, dead: sqs.Queue) -> sqs.Queue:
        subscriber = self.subscriber
        return sqs.Queue(
            self,
            construct_id,
            queue_name=queue_name(self._shared.name, end),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._shared.key,
            data_key_reuse=cdk.Duration.days(1),
            enforce_ssl=True,
            retention_period=_KEPT,
            # As long as a run may take, and no longer: a failed event comes again when this is over. AWS's advice of
            # six times the timeout is for functions that are throttled; the event source's own limit prevents that.
            visibility_timeout=cdk.Duration.seconds(subscriber.timeout_s + _RETRY_GAP_S),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=subscriber.max_receives),
        )

    def _queue(self, dead: sqs.Queue) -> sqs.Queue:
        subscriber = self.subscriber
        queue = self._waiting("Queue", subscriber.name, dead)
        rule = self._rule(queue, dead)
        for each in (queue, dead):
            each.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="FromTheRule",
                    actions=["sqs:SendMessage"],
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    resources=[each.queue_arn],
                    conditions={
                        "ArnEquals": {"aws:SourceArn": rule_arn(self, self._shared.name, subscriber)},
                        "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
                    },
                )
            )
            # An event that comes before the queue's policy would be refused.
            rule.node.add_dependency(each.node.find_child("Policy"))
        return queue

    def _rule(self, queue: sqs.Queue, dead: sqs.Queue) -> events.CfnRule:
        """Make the rule; by its CloudFormation resource, because the higher one opens the key to every rule."""
        return events.CfnRule(
            self,
            "Rule",
            name=rule_name(self._shared.name, self.subscriber),
            description=self.subscriber.purpose,
            event_bus_name=self._shared.bus if self.subscriber.bus is Bus.SECURITY else None,
            event_pattern=dict(self.subscriber.pattern),
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id=self.subscriber.name,
                    arn=queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead.queue_arn),
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=_DAY_S, maximum_retry_attempts=185
                    ),
                )
            ],
        )

    def _role(self) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            description=f"{self._name}: {self.subscriber.purpose}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={
                "work": iam.PolicyDocument(statements=statements(self.subscriber.grants, self._shared.arns)),
                "plumbing": iam.PolicyDocument(statements=self._plumbing()),
            },
        )
        self._acknowledge_wildcards(role)
        return role

    def _plumbing(self) -> list[iam.PolicyStatement]:
        """Return what Lambda itself does in the role's name: receive from the queue, write logs and traces."""
        write = ["logs:CreateLogStream", "logs:PutLogEvents"]
        found = [iam.PolicyStatement(actions=write, resources=[self.log_group.log_group_arn])]
        key: list[str] = []
        if self.queue is not None:
            key = ["kms:Decrypt"]
            actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            queues = [each.queue_arn for each in (self.queue, self.late) if each is not None]
            found.append(iam.PolicyStatement(actions=actions, resources=queues))
        elif self.dead is not None:
            key = ["kms:Decrypt", "kms:GenerateDataKey"]
            found.append(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.dead.queue_arn]))
        if key:
            found.append(iam.PolicyStatement(actions=key, resources=list(self._shared.arns[Resource.KEY])))
        if self._shared.tracing:
            trace = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
            found.append(iam.PolicyStatement(actions=trace, resources=["*"]))
        return found

    def _acknowledge_wildcards(self, role: iam.Role) -> None:
        none_narrower = "X-Ray's write actions, codecommit:ListRepositories, tag:GetResources and sts:GetAccessKeyInfo know no resource."
        acknowledge(role, "AwsSolutions-IAM5[Resource::*]", none_narrower)
        acknowledge(role, "Serverless-LambdaStarPermissions", none_narrower)
        reasons = {
            Resource.REPOSITORIES: "The repositories that the stack is asked to watch; the default is all of them.",
            Resource.BACKUPS: "The objects of the backup bucket; reset names them by incident.",
            Resource.IAM_USERS: "Whose access key leaked is known only when it has leaked.",
        }
        for grant in self.subscriber.grants:
            for arn in self._shared.arns[grant.resource]:
                if "*" in arn and grant.resource in reasons:
                    acknowledge(role, f"AwsSolutions-IAM5[Resource::{spelled(self, arn)}]", reasons[grant.resource])

    def _function(self, code: lambda_.Code, environment: Mapping[str, str]) -> lambda_.Function:
        subscriber = self.subscriber
        function = lambda_.Function(
            self,
            "Function",
            function_name=self._name,
            description=subscriber.purpose,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=self._shared.architecture,
            handler=subscriber.handler,
            code=code,
            # Without updates: what a function may do stands in the topology, and nothing adds to it on the way.
            role=self.role.without_policy_updates(),
            timeout=cdk.Duration.seconds(subscriber.timeout_s),
            memory_size=subscriber.memory_mb,
            ephemeral_storage_size=cdk.Size.mebibytes(subscriber.ephemeral_storage_mb),
            environment=dict(sorted(environment.items())),
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE if self._shared.tracing else lambda_.Tracing.DISABLED,
        )
        acknowledge(
            function,
            "Serverless-LambdaDLQ",
            "An event that fails goes to the dead-letter queue of this subscriber, from its queue or, where a schedule"
            " starts the function, as the destination of failed runs. The backfill's machine waits for the answer.",
        )
        if not self._shared.tracing:
            acknowledge(function, "Serverless-LambdaTracing", "The deployment's configuration switches traces off.")
        return function

    def _subscribe(self, construct_id: str, queue: sqs.Queue, concurrency: int) -> None:
        source = lambda_.EventSourceMapping(
            self,
            construct_id,
            target=self.function,
            event_source_arn=queue.queue_arn,
            batch_size=self.subscriber.batch_size,
            report_batch_item_failures=True,
            # Not reserved concurrency: that takes from what the whole account has, and a new account has little.
            max_concurrency=concurrency,
        )
        acknowledge(
            source,
            "Serverless-LambdaEventSourceMappingDestination",
            "For streams. With a queue, what fails stays in the queue and goes to its dead-letter queue.",
        )

    def _alarms(self) -> None:
        alarms, name = self._shared.alarms, self.subscriber.name
        if self.dead is not None:
            alarms.add(
                self,
                f"{name}-dead",
                self.dead.metric_approximate_number_of_messages_visible(statistic="Maximum", period=FIVE_MINUTES),
                description=f"Events that {name} could not work on wait in {self._name}-dead. Read the function's log, mend"
                " the cause, then redrive the queue: nothing is lost until then, for 14 days.",
            )
        alarms.add(
            self,
            f"{name}-errors",
            self.function.metric_errors(period=FIVE_MINUTES),
            description=f"The function {name} crashed or ran out of time or memory. The event comes again by itself.",
        )
        alarms.add(
            self,
            f"{name}-throttles",
            self.function.metric_throttles(period=FIVE_MINUTES),
            periods=3,
            description=f"The function {name} cannot run: the account's Lambda concurrency is used up.",
        )
        for queue, end in ((self.queue, name), (self.late, f"{name}-late")):
            if queue is not None:
                alarms.add(
                    self,
                    f"{end}-age",
                    queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES),
                    at_least=_OLD_S,
                    description=f"An event has waited for {name} for an hour.",
                )
