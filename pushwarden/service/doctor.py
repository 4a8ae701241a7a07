"""Look at a deployed Pushwarden: is everything there, switched on and empty, and may the caller use it? Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from pushwarden.settings import Settings
from pushwarden.topology import SUBSCRIBERS, Bus, Subscriber

_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
)
_PENDING: Final = "PendingConfirmation"
"""What SNS gives instead of an ARN: https://docs.aws.amazon.com/sns/latest/api/API_Subscription.html"""
_BUS_SUFFIX: Final = "-security"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is well, and what to do if it is not."""

    what: str
    well: bool
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Doctor:
    """Makes the checks, with the caller's own credentials."""

    settings: Settings
    client: Callable[[str], Any]
    """Makes a client for a service, in the deployment's Region."""

    def checks(self) -> Iterator[Check]:
        """Yield every check as soon as it is made."""
        yield self._look("CodeCommit in this Region", "codecommit:ListRepositories", self._codecommit)
        yield self._look("mail subscription", "sns:ListSubscriptionsByTopic", self._subscription)
        for each in self._subscribers():
            yield self._look(f"rule {self._name(each)}", "events:DescribeRule", partial(self._rule, each))
        for each in self._subscribers():
            for end in each.queue_names:
                queue = f"{self._stack}-{end}"
                yield self._look(f"queue {queue}", "sqs:GetQueueAttributes", partial(self._queue, queue))
            dead = f"{self._name(each)}-dead"
            yield self._look(f"queue {dead}", "sqs:GetQueueAttributes", partial(self._dead, dead))
        yield self._look("state table", "dynamodb:DescribeTable", self._table)
        yield self._look("rows of the state table", "dynamodb:GetItem and kms:Decrypt", self._rows)
        yield self._look("backup bucket", "s3:GetBucketVersioning", self._bucket)
        yield self._look("backups", "s3:ListBucket", self._backups)
        yield self._look("key", "kms:DescribeKey", self._key)
        yield self._look("security bus", "events:PutEvents", self._bus)

    def _look(self, what: str, right: str, check: Callable[[], str]) -> Check:
        """Make one check; ``check`` returns advice, or nothing if all is well."""
        try:
            advice = check()
        except EndpointConnectionError:
            advice = f"{self.settings.region} has no such service, or the network does not reach it"
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown error")
            if code in _DENIED:
                advice = f"your credentials lack {right}; ask for it, or use others"
            else:
                advice = f"AWS says {code}; is the stack deployed, here and in this version?"
        except BotoCoreError as error:
            advice = f"AWS cannot be asked ({type(error).__name__}); check your credentials and your network"
        return Check(what, not advice, advice)

    def _subscribers(self) -> list[Subscriber]:
        on = self.settings.policy.thresholds
        return [each for each in SUBSCRIBERS if each.bus is not None and (each.option is None or on.get(each.option))]

    @property
    def _stack(self) -> str:
        """How the names of the stack's resources begin."""
        return self.settings.security_bus.removesuffix(_BUS_SUFFIX)

    def _name(self, subscriber: Subscriber) -> str:
        return f"{self._stack}-{subscriber.name}"

    def _codecommit(self) -> str:
        self.client("codecommit").list_repositories()
        return ""

    def _subscription(self) -> str:
        pages = self.client("sns").get_paginator("list_subscriptions_by_topic")
        found = [
            each["SubscriptionArn"]
            for page in pages.paginate(TopicArn=self.settings.mail_topic)
            for each in page["Subscriptions"]
        ]
        if not found:
            return "nobody is told; deploy with -c email=..."
        waiting = found.count(_PENDING)
        if waiting:
            return f"{waiting} of {len(found)} not confirmed; follow the link in the mail from AWS Notifications"
        return ""

    def _rule(self, subscriber: Subscriber) -> str:
        bus = {} if subscriber.bus is Bus.DEFAULT else {"EventBusName": self.settings.security_bus}
        rule = self.client("events").describe_rule(Name=self._name(subscriber), **bus)
        return "" if rule["State"] == "ENABLED" else f"it is {rule['State']}; enable it, or no event gets through"

    def _queue(self, name: str) -> str:
        waiting = self._messages(name, "ApproximateNumberOfMessages")
        return f"{waiting} events wait; look into the function's log if that lasts" if waiting else ""

    def _dead(self, name: str) -> str:
        waiting = self._messages(name, "ApproximateNumberOfMessages")
        return (
            f"{waiting} events failed for good; read the function's log, mend it, redrive the queue" if waiting else ""
        )

    def _messages(self, queue: str, attribute: str) -> int:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])["Attributes"][attribute])

    def _table(self) -> str:
        status = self.client("dynamodb").describe_table(TableName=self.settings.table)["Table"]["TableStatus"]
        return "" if status == "ACTIVE" else f"it is {status}"

    def _rows(self) -> str:
        key = {"pk": {"S": "settings"}, "sk": {"S": "installed-at"}}
        self.client("dynamodb").get_item(TableName=self.settings.table, Key=key)
        return ""

    def _bucket(self) -> str:
        versions = self.client("s3").get_bucket_versioning(Bucket=self.settings.backup_bucket).get("Status")
        return "" if versions == "Enabled" else "it keeps no versions; switch versioning on again"

    def _backups(self) -> str:
        self.client("s3").list_objects_v2(Bucket=self.settings.backup_bucket, MaxKeys=1)
        return ""

    def _key(self) -> str:
        state = self.client("kms").describe_key(KeyId=self.settings.key_id)["KeyMetadata"]["KeyState"]
        return "" if state == "Enabled" else f"it is {state}; without it nothing can be read or told"

    def _bus(self) -> str:
        # What is no JSON never becomes an event: whoever may put one there is told so, and nothing is put.
        # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
        nothing = {"Source": "pushwarden.doctor", "DetailType": "nothing", "Detail": "no event"}
        answer = self.client("events").put_events(Entries=[{**nothing, "EventBusName": self.settings.security_bus}])
        return "" if answer["FailedEntryCount"] == 1 else "it takes what is no event; is it an event bus?"
