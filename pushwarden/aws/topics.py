"""Publish to an SNS topic.

Limits: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html .
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic."""

    client: SNSClient
    arn: str

    def publish(self, text: str, *, subject: str | None = None) -> str:
        """Publish a message and return its id. A subject has at most 99 printable ASCII characters."""
        more = {"Subject": subject} if subject else {}
        return self.client.publish(TopicArn=self.arn, Message=text, **more)["MessageId"]  # type: ignore[arg-type]
