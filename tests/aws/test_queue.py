"""A queue that takes only a part of what it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from pushwarden.aws.queue import Queue, QueueError


class Client:
    """The one call of SQS that sending takes."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.batches: list[list[str]] = []

    def send_message_batch(self, **call: Any) -> dict[str, Any]:
        bodies = [each["MessageBody"] for each in call["Entries"]]
        self.batches.append(bodies)
        return {"Failed": [{"Code": "InternalError"} for each in bodies if each in self.refused]}


def test_messages_go_ten_at_a_time() -> None:
    client: Any = Client()

    Queue(client, "url").send([str(i) for i in range(23)])

    assert [len(each) for each in client.batches] == [10, 10, 3]


def test_a_message_that_is_not_taken_is_an_error() -> None:
    client: Any = Client("11")

    with pytest.raises(QueueError, match=r"did not take 1 messages \(InternalError\)"):
        Queue(client, "url").send([str(i) for i in range(23)])
