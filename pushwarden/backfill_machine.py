"""The backfill's state machine, as data: ``cdk/`` deploys it, the local service hands it to moto.

Amazon States Language: https://states-language.net/spec.html ; Distributed Map:
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html

1. *Begin* lists what is to be looked at: every repository, or every push that was too large for one scan.
2. *Plan* (a map over those) reads the graph of commits and cuts it into slices.
3. *Gather* lists the slices that no run has finished yet.
4. *Scan* (a map over those) scans them, each in as many calls as it takes.
5. *Finish* writes the reports and tells people once.

Each step can be repeated; an execution that was stopped is resumed by starting another one with the same input. The maps
hand on nothing but where their items are: a result of many items would exceed the 256 KiB of a state's output.
"""

from __future__ import annotations

from typing import Any, Final

PLAN_CONCURRENCY: Final = 2
"""Repositories planned at once. A plan costs CodeCommit more than a push does: it counts all objects."""
SCAN_CONCURRENCY: Final = 5
"""Slices scanned at once; what is left of CodeCommit's request limits is for people and for fresh pushes."""
ATTEMPTS: Final = 6
PREFIX: Final = "backfill/"
"""Everything that the backfill writes into the bucket stands under this."""


def definition(*, plan_function: str, scan_function: str, bucket: str) -> dict[str, Any]:
    """Return the definition.

    Args:
        plan_function: ARN or name of the function ``backfill-plan``.
        scan_function: ARN or name of the function ``backfill-scan``.
        bucket: name of the backup bucket, which holds plans, parts and reports as well.
    """
    return {
        "Comment": "Scans the whole history of every repository, in slices",
        "StartAt": "Begin",
        "States": {
            "Begin": _call(plan_function, "begin", "Plan"),
            "Plan": _map(
                "plan", _each_repository(plan_function), bucket=bucket, concurrency=PLAN_CONCURRENCY, then="Gather"
            ),
            "Gather": _call(plan_function, "gather", "Scan"),
            "Scan": _map(
                "scan", _each_slice(scan_function), bucket=bucket, concurrency=SCAN_CONCURRENCY, then="Finish"
            ),
            "Finish": {**_task(plan_function, {"step": "finish", "input.$": "$"}), "End": True},
        },
    }


def _each_repository(function: str) -> dict[str, Any]:
    one = _task(function, {"step": "plan", "input.$": "$"})
    # A repository that cannot be planned is missing from the table: *finish* counts and names it.
    return {"StartAt": "PlanOne", "States": {"PlanOne": _passing_on(one, "Planned"), "Planned": _NOTHING}}


def _each_slice(function: str) -> dict[str, Any]:
    one = _task(function, {"input.$": "$"})
    return {
        "StartAt": "ScanOne",
        "States": {
            "ScanOne": _passing_on(one, "IsThereMore"),
            "IsThereMore": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.more", "BooleanEquals": True, "Next": "ScanOne"}],
                "Default": "Scanned",
            },
            "Scanned": _NOTHING,
        },
    }


_NOTHING: Final = {"Type": "Pass", "Result": {}, "End": True}

_RETRY: Final = [
    {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 5,
        "MaxAttempts": ATTEMPTS,
        "BackoffRate": 2.0,
        "MaxDelaySeconds": 300,
        "JitterStrategy": "FULL",
    }
]


def _task(function: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload": payload},
        "OutputPath": "$.Payload",
        "Retry": _RETRY,
    }


def _call(function: str, step: str, then: str) -> dict[str, Any]:
    return {**_task(function, {"step": step, "input.$": "$"}), "Next": then}


def _passing_on(task: dict[str, Any], then: str) -> dict[str, Any]:
    # One item that fails for good must not end the run for all others.
    return {
        **task,
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": _after(then)}],
        "Next": then,
    }


def _after(then: str) -> str:
    return "Scanned" if then == "IsThereMore" else then


def _map(name: str, processor: dict[str, Any], *, bucket: str, concurrency: int, then: str) -> dict[str, Any]:
    return {
        "Type": "Map",
        "Label": name,
        "MaxConcurrency": concurrency,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket": bucket, "Key.$": "$.items"},
        },
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **processor},
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": bucket, "Prefix": f"{PREFIX}results"},
        },
        "ResultPath": None,
        "Next": then,
    }
