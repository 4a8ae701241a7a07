"""Ways to look at a deployed template that several tests share."""

from __future__ import annotations

from typing import Any

from pushwarden.topology import Resource, Subscriber
from tests.cdk.concrete import ACCOUNT, REGION, Deployed


def function(deployed: Deployed, subscriber: Subscriber, name: str = "pushwarden") -> dict[str, Any]:
    return deployed.one("AWS::Lambda::Function", FunctionName=f"{name}-{subscriber.name}")


def policies(deployed: Deployed, subscriber: Subscriber, name: str = "pushwarden") -> dict[str, Any]:
    arn = function(deployed, subscriber, name)["Role"]
    roles = deployed.of_type("AWS::IAM::Role")
    role = next(each for logical_id, each in roles.items() if arn.endswith(f"/{logical_id.lower()}"))
    return {each["PolicyName"]: each["PolicyDocument"] for each in role["Policies"]}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def arns(deployed: Deployed) -> dict[Resource, str]:
    """What each resource of the topology is, read from the template by type, not from the code that made it."""
    table, bucket, key = (
        next(iter(deployed.of_type(kind))).lower()
        for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key")
    )
    here = f"{REGION}:{ACCOUNT}"
    return {
        Resource.REPOSITORIES: f"arn:aws:codecommit:{here}:*",
        Resource.TABLE: f"arn:aws:dynamodb:{here}:table/{table}",
        Resource.BACKUPS: f"arn:aws:s3:::{bucket}/*",
        Resource.SECURITY_BUS: f"arn:aws:events:{here}:event-bus/pushwarden-security",
        Resource.MAIL_TOPIC: f"arn:aws:sns:{here}:pushwarden-mail",
        Resource.CHAT_TOPIC: f"arn:aws:sns:{here}:pushwarden-chat",
        Resource.KEY: f"arn:aws:kms:{here}:key/{key}",
        Resource.QUEUE_SCAN: f"arn:aws:sqs:{here}:pushwarden-scan",
        Resource.QUEUE_SCAN_LATE: f"arn:aws:sqs:{here}:pushwarden-scan-late",
        Resource.BACKFILL: f"arn:aws:states:{here}:stateMachine:pushwarden-backfill",
        Resource.BACKFILL_RUNS: f"arn:aws:states:{here}:execution:pushwarden-backfill:*",
        Resource.BUCKET: f"arn:aws:s3:::{bucket}",
        Resource.QUEUES: f"arn:aws:sqs:{here}:pushwarden-*",
        Resource.STACK: f"arn:aws:cloudformation:{here}:stack/pushwarden/*",
        Resource.IAM_USERS: f"arn:aws:iam::{ACCOUNT}:user/*",
        Resource.SECURITY_HUB: f"arn:aws:securityhub:{here}:product/{ACCOUNT}/default",
        Resource.ANY: "*",
    }
