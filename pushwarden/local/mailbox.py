"""Mails as a person gets them: SNS messages become ``.eml`` files in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """One mail."""

    subject: str
    text: str
    path: Path


@dataclass(slots=True)
class Mailbox:
    """Takes messages from a queue behind a topic and writes them down."""

    sqs: Any
    queue: str
    folder: Path
    count: int = 0

    def collect(self) -> list[Received]:
        """Write every waiting mail to the folder and return them, oldest first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        mails: list[Received] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                mails.append(self._write(json.loads(message["Body"])))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return mails

    def _write(self, notification: dict[str, Any]) -> Received:
        self.count += 1
        mail = EmailMessage()
        mail["From"] = "AWS Notifications <no-reply@sns.amazonaws.com>"
        mail["To"] = "administrators"
        mail["Subject"] = notification.get("Subject") or "AWS Notification Message"
        mail["Date"] = datetime.now(UTC)
        mail.set_content(notification["Message"])
        path = self.folder / f"{self.count:04d}.eml"
        path.write_bytes(bytes(mail))
        return Received(mail["Subject"], notification["Message"], path)
