"""Send messages to a queue, ten at a time, and notice when SQS takes only some of them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pushwarden.errors import PushwardenError

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

_BATCH: Final = 10


class QueueError(PushwardenError):
    """SQS answered, but did not take a message; it must be sent again."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue."""

    client: SQSClient
    url: str

    def send(self, bodies: Sequence[str], *, delay_s: int = 0) -> None:
        """Send messages. Each may arrive more than once, and in any order.

        Args:
            bodies: what the messages say.
            delay_s: seconds after which they become visible, at most 900.

        Raises:
            QueueError: SQS did not take all of them.
        """
        for start in range(0, len(bodies), _BATCH):
            batch = bodies[start : start + _BATCH]
            entries = [{"Id": str(i), "MessageBody": body, "DelaySeconds": delay_s} for i, body in enumerate(batch)]
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type]
            if answer.get("Failed"):
                code = answer["Failed"][0].get("Code", "unknown error")
                raise QueueError(f"the queue did not take {len(answer['Failed'])} messages ({code}); send them again")
