"""The stack: every row of the topology, and what the rows share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import grants
from cdk.assets import asset_code
from cdk.config import Config
from cdk.constructs.alarms import Alarms
from cdk.constructs.backfill import Backfill
from cdk.constructs.data import Data
from cdk.constructs.encryption import EncryptionKey
from cdk.constructs.lock import Lock
from cdk.constructs.messages import Messages
from cdk.constructs.monitoring import Monitoring
from cdk.constructs.operators import Operators
from cdk.constructs.sample import Sample
from cdk.constructs.subscriber import Shared, SubscriberConstruct
from cdk.packaging import RULE_DATABASE
from pushwarden.cli.deployed import OUTPUT_KEY
from pushwarden.detect.load import DATABASE_VARIABLE
from pushwarden.settings import Settings
from pushwarden.topology import BACKFILL_PLAN, BACKFILL_SCAN, WORKERS, Asset

TASK_ROOT: Final = "/var/task"
"""Where Lambda unpacks a function's package:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
_ARCHITECTURES: Final = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


class PushwardenStack(cdk.Stack):
    """Pushwarden in one account and Region."""

    def __init__(self, scope: Construct, config: Config, *, root: Path) -> None:
        """Build the stack.

        Args:
            scope: the app.
            config: the deployment's configuration.
            root: the work tree, for the functions' packages.

        Raises:
            PushwardenError: a package cannot be built.
        """
        super().__init__(
            scope,
            config.name,
            stack_name=config.name,
            description="Pushwarden: scans every push to CodeCommit for secrets and answers a leak by itself",
            env=cdk.Environment(account=config.account, region=config.region),
        )
        cdk.Tags.of(self).add("Application", config.name)
        self.config = config
        subscribers = config.subscribers()
        self.key = EncryptionKey(self, "Encryption", name=config.name, subscribers=subscribers)
        self.data = Data(self, "Data", key=self.key.key, backup_days=config.backup_days)
        self.messages = Messages(
            self,
            "Messages",
            name=config.name,
            key=self.key.key,
            email=config.email,
            archive_days=config.archive_days,
        )
        self.settings = self._settings()
        alarms = Alarms(name=config.name, topic=self.messages.mail)
        shared = self._shared(alarms)
        code = {asset: asset_code(asset, config, root) for asset in Asset}
        self.subscribers = [
            SubscriberConstruct(
                self,
                "".join(part.capitalize() for part in each.name.split("-")),
                subscriber=each,
                shared=shared,
                code=code[each.asset],
                concurrency=config.max_concurrency(each),
                environment={DATABASE_VARIABLE: f"{TASK_ROOT}/{RULE_DATABASE}"} if each.asset is Asset.SCAN else {},
            )
            for each in (*subscribers, *WORKERS)
        ]
        self._backfill()
        Monitoring(self, "Monitoring", name=config.name, subscribers=self.subscribers, alarms=alarms)
        lock = self._lock()
        operators = Operators(self, "Operators", name=config.name, arns=shared.arns)
        if config.sample:
            Sample(
                self,
                "Sample",
                tag_key=config.lock_tag_key,
                lock=lock.policy.ref if lock else None,
                operators=operators.policy.ref,
            )
        self._outputs(lock, operators)

    def _settings(self) -> Settings:
        return Settings(
            region=self.region,
            table=self.data.table.table_name,
            security_bus=self.messages.bus.event_bus_name,
            key_id=self.key.key.key_arn,
            mail_topic=self.messages.mail.topic_arn,
            chat_topic=self.messages.chat.topic_arn,
            backup_bucket=self.data.bucket.bucket_name,
            # By name: the queues themselves are made later, by the subscriber that listens to them.
            scan_queue=self._queue_url("scan"),
            late_queue=self._queue_url("scan-late"),
            backfill_machine=grants.machine_arn(self, self.config.name),
            lock_tag_key=self.config.lock_tag_key,
            policy=self.config.policy,
        )

    def _queue_url(self, end: str) -> str:
        return f"https://sqs.{self.region}.{self.url_suffix}/{self.account}/{grants.queue_name(self.config.name, end)}"

    def _shared(self, alarms: Alarms) -> Shared:
        arns = grants.resource_arns(
            self,
            name=self.config.name,
            key=self.key,
            data=self.data,
            messages=self.messages,
            repositories=self.config.policy.watch,
        )
        return Shared(
            name=self.config.name,
            bus=self.messages.bus.event_bus_name,
            key=self.key.key,
            arns=arns,
            alarms=alarms,
            environment=self.settings.to_environment(),
            architecture=_ARCHITECTURES[self.config.architecture],
            log_days=self.config.log_days,
            tracing=self.config.tracing,
        )

    def _backfill(self) -> None:
        by_name = {each.subscriber.name: each.function for each in self.subscribers}
        Backfill(
            self,
            "Backfill",
            name=self.config.name,
            plan=by_name[BACKFILL_PLAN.name],
            scan=by_name[BACKFILL_SCAN.name],
            bucket=self.data.bucket,
            key=self.key.key,
            log_days=self.config.log_days,
            tracing=self.config.tracing,
        )

    def _lock(self) -> Lock | None:
        if self.config.lock_mode == "tag":
            return None
        return Lock(
            self,
            "LockEnforcement",
            name=self.config.name,
            tag_key=self.config.lock_tag_key,
            spared=[each.role.role_arn for each in self.subscribers],
            groups=self.config.lock_groups,
        )

    def _outputs(self, lock: Lock | None, operators: Operators) -> None:
        # What `pushwarden unlock`, `restore` and `doctor` read.
        cdk.CfnOutput(self, OUTPUT_KEY, value=self.to_json_string(self.settings.to_environment()))
        cdk.CfnOutput(self, "MailTopic", value=self.messages.mail.topic_arn)
        cdk.CfnOutput(self, "ChatTopic", value=self.messages.chat.topic_arn)
        cdk.CfnOutput(self, "SecurityBus", value=self.messages.bus.event_bus_arn)
        cdk.CfnOutput(self, "BackupBucket", value=self.data.bucket.bucket_name)
        cdk.CfnOutput(self, "OperatorsPolicy", value=operators.policy.ref)
        if lock is not None:
            cdk.CfnOutput(self, "LockPolicy", value=lock.policy.ref)
