from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from pushwarden.local.aws import REGION, LocalAws
from pushwarden.local.codecommit import Principal

ROLE = "arn:aws:sts::123456789012:assumed-role/x/x"
ROLE_ARN = "arn:aws:iam::123456789012:role/x"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as running:
        yield running


def client(aws: LocalAws, service: Any, *statements: dict[str, Any]) -> Any:
    key = f"ASIA{service}".upper()
    aws.gate.principals[key] = Principal(
        ROLE, key, "made-up", None, ({"Version": "2012-10-17", "Statement": list(statements)},)
    )
    return boto3.client(
        service, region_name=REGION, endpoint_url=aws.url, aws_access_key_id=key, aws_secret_access_key="made-up"
    )


def allow(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_call_that_is_granted_goes_through(aws: LocalAws) -> None:
    events = client(aws, "events", allow("events:PutEvents", f"arn:aws:events:{REGION}:123456789012:event-bus/default"))
    entry = {"Source": "x", "DetailType": "x", "Detail": "{}"}

    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    (call,) = aws.gate.calls.of(ROLE_ARN)
    assert call.action == "events:PutEvents"
    assert dict(call.context) == {"events:source": ("x",), "events:detail-type": ("x",)}


@pytest.mark.parametrize("service", ["dynamodb", "kms", "sns", "s3", "events"])
def test_a_call_that_is_not_granted_is_refused_as_aws_refuses_it(aws: LocalAws, service: str) -> None:
    caller = client(aws, service)
    calls = {
        "dynamodb": lambda: caller.get_item(TableName="t", Key={"pk": {"S": "a"}}),
        "kms": lambda: caller.decrypt(CiphertextBlob=b"x", KeyId="k"),
        "sns": lambda: caller.publish(TopicArn="arn:aws:sns:eu-central-1:123456789012:t", Message="x"),
        "s3": lambda: caller.put_object(Bucket="b", Key="k", Body=b""),
        "events": lambda: caller.put_events(Entries=[{"Source": "x", "DetailType": "x", "Detail": "{}"}]),
    }
    with pytest.raises(ClientError) as error:
        calls[service]()
    assert code(error) in {"AccessDenied", "AccessDeniedException"}


def test_a_grant_on_one_resource_does_not_cover_another(aws: LocalAws) -> None:
    table = client(aws, "dynamodb", allow("dynamodb:*", f"arn:aws:dynamodb:{REGION}:123456789012:table/mine"))
    with pytest.raises(ClientError) as error:
        table.get_item(TableName="yours", Key={"pk": {"S": "a"}})
    assert code(error) == "AccessDeniedException"
