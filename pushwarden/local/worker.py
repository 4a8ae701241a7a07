"""One function in a process of its own, as Lambda would run it: its environment, its credentials, its handler.

Started by :mod:`pushwarden.local.starter`; everything comes from the environment. Receives from the function's queue,
calls the handler, and deletes what the handler did not report as failed:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

Handler = Callable[[Mapping[str, Any], Any], Any]
RETRY_DELAY_S: Final = 1
HANDLER: Final = "LOCAL_HANDLER"
QUEUES: Final = "LOCAL_QUEUE_URLS"
TIMEOUT: Final = "LOCAL_TIMEOUT_S"
SQS_URL: Final = "LOCAL_SQS_URL"
PLUMBING: Final = "LOCAL_PLUMBING_KEY"
LEAVE: Final = signal.SIGHUP
"""Tells a process to end before it asks for events again."""


class Context:
    """The part of Lambda's context object that handlers use."""

    def __init__(self, name: str, timeout_s: float) -> None:
        self.function_name = name
        self.memory_limit_in_mb = "1024"
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{name}"
        self.aws_request_id = f"local-{time.time_ns()}"
        self._end = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function would be ended."""
        return max(0, int((self._end - time.monotonic()) * 1000))


def load(path: str) -> Handler:
    """Import a handler by ``module.function``."""
    module, _, name = path.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), name)
    return handler


def receive_once(sqs: Any, queue: str, handler: Handler, *, timeout_s: float, wait_s: int = 1) -> int:
    """Receive one message, call the handler, delete the message unless it failed; return how many were received."""
    got = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=1, WaitTimeSeconds=wait_s, VisibilityTimeout=int(timeout_s)
    ).get("Messages", [])
    for message in got:
        record = {"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"}
        failed = True
        try:
            answer = handler({"Records": [record]}, Context("local", timeout_s))
            failed = any(
                each["itemIdentifier"] == message["MessageId"] for each in (answer or {}).get("batchItemFailures", ())
            )
        except Exception:  # noqa: BLE001 - as Lambda: whatever a function raises ends this one invocation, not the service
            traceback.print_exc()
        if failed:
            sqs.change_message_visibility(
                QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=RETRY_DELAY_S
            )
        else:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return len(got)


def main() -> None:
    """Receive until the process is told to stop."""
    environment = os.environ
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops us in order
    handler = load(environment[HANDLER])
    key = environment[PLUMBING]
    sqs = boto3.client(
        "sqs",
        region_name=environment["AWS_REGION"],
        endpoint_url=environment[SQS_URL],
        aws_access_key_id=key,
        aws_secret_access_key=key,
    )
    timeout_s = float(environment[TIMEOUT])
    # Waiting is for the first queue only: the others are looked into in between.
    queues = [(url, 0 if number else 1) for number, url in enumerate(environment[QUEUES].split())]
    parent = os.getppid()
    leaving: list[int] = []
    signal.signal(LEAVE, lambda number, _: leaving.append(number))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while os.getppid() == parent and not leaving:  # nobody is left to work for otherwise
        try:
            for url, wait_s in queues:
                receive_once(sqs, url, handler, timeout_s=timeout_s, wait_s=wait_s)
        except (ClientError, BotoCoreError):
            time.sleep(0.5)
