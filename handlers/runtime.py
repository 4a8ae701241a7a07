"""What every function shares: one app per process, one record at a time, structured logs without content."""

from __future__ import annotations

import functools
import json
import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from pushwarden.errors import PushwardenError
from pushwarden.events import MalformedEventError
from pushwarden.service.app import App

logger: Final = Logger(service="pushwarden")


@functools.cache
def app() -> App:
    """Return this process's app, made from the environment at the first event."""
    return App.from_environment()


def trace() -> None:
    """Trace this process's calls to AWS in X-Ray from the first sampled request on; others do not pay for the import.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    if "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", ""):
        _patch()


@functools.cache
def _patch() -> None:
    # Late: it costs a tenth of a second. Of a call, X-Ray gets its name and the names of table, queue or topic.
    from aws_lambda_powertools import Tracer  # noqa: PLC0415

    Tracer(service="pushwarden", patch_modules=["botocore"])


def each_record(event: Mapping[str, Any], work: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> dict[str, Any]:
    """Call ``work`` with the EventBridge event in each SQS record; report those that failed, so that they come again.

    ``work`` returns what is worth logging. What it raises is logged by class and message: our own messages hold no
    secret, and those of botocore only what was asked of AWS. What nobody foresaw is logged by class and place alone.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    trace()
    failures: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            logger.info("done", extra=dict(work(_envelope(record))))
        except PushwardenError as error:
            logger.error("failed", extra={"error": type(error).__name__, "reason": str(error)})  # noqa: TRY400 - no traceback
            failures.append({"itemIdentifier": record["messageId"]})
        except (ClientError, BotoCoreError) as error:
            code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
            logger.error("failed", extra={"error": type(error).__name__, "reason": code})  # noqa: TRY400 - no traceback
            failures.append({"itemIdentifier": record["messageId"]})
        except Exception as error:  # noqa: BLE001 - Lambda would log its message, and nobody foresaw what that quotes
            logger.error("failed", extra={"error": type(error).__name__, "reason": "unforeseen", "at": _place(error)})  # noqa: TRY400
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _place(error: Exception) -> list[str]:
    """Return where an error was raised, innermost last: files and lines, none of the values."""
    return [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-5:]]


def _envelope(record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        envelope = json.loads(record["body"])
    except ValueError:
        raise MalformedEventError("a queue's message is not JSON") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("detail"), dict):
        raise MalformedEventError("a queue's message is not an EventBridge event")
    return envelope
