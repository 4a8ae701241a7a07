from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from pushwarden.settings import Policy, Settings
from pushwarden.topology import SUBSCRIBERS, WORKERS
from tests.cdk.concrete import ACCOUNT, REGION, Deployed
from tests.cdk.looking import function, policies


@pytest.fixture(scope="session")
def other(template_of: Callable[[str], dict[str, Any]]) -> Deployed:
    return Deployed(template_of("other"))


def test_opt_in_functions_are_there_only_when_asked_for(template: dict[str, Any]) -> None:
    found = {each["FunctionName"] for each in Deployed(template).of_type("AWS::Lambda::Function").values()}
    assert found == {f"pushwarden-{each.name}" for each in (*SUBSCRIBERS, *WORKERS) if each.option is None}


def test_options_reach_the_resources(other: Deployed) -> None:
    scan = function(other, SUBSCRIBERS[0], "watch-two")
    assert scan["Architectures"] == ["arm64"]
    assert "TracingConfig" not in scan
    settings = Settings.from_environment({"AWS_REGION": REGION, **scan["Environment"]["Variables"]})
    assert settings.policy == Policy.parse(
        {"watch": ["team-*", "Payments"], "ignore": ["team-sandbox"], "resetRepositories": ["Payments"], "lock": "high"}
    )
    assert settings.lock_tag_key == "Guard"
    work = policies(other, SUBSCRIBERS[0], "watch-two")["work"]["Statement"]
    here = f"arn:aws:codecommit:{REGION}:{ACCOUNT}"
    assert set(work[0]["Resource"]) == {f"{here}:team-*", f"{here}:Payments"}
    assert "xray" not in json.dumps(policies(other, SUBSCRIBERS[0], "watch-two"))
    source = other.one(
        "AWS::Lambda::EventSourceMapping", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:watch-two-scan"
    )
    assert source["ScalingConfig"] == {"MaximumConcurrency": 4}
    assert other.one("AWS::Logs::LogGroup", LogGroupName="/aws/lambda/watch-two-scan")["RetentionInDays"] == 30
    assert other.one("AWS::Events::Archive")["RetentionDays"] == 90
    (lifecycle,) = other.one("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert lifecycle["ExpirationInDays"] == 800
    assert len(other.of_type("AWS::SNS::Subscription")) == 2
    lock = other.one("AWS::IAM::ManagedPolicy", ManagedPolicyName=f"watch-two-lock-{REGION}")
    assert lock["Groups"] == ["Developers", "Contractors"]
    assert "aws:ResourceTag/Guard" in json.dumps(lock["PolicyDocument"])


def test_two_stacks_share_no_name(deployed: Deployed, other: Deployed) -> None:
    named = re.compile(r"(?:^|:)(?:Name|.*Name)$")

    def names(stack: Deployed) -> set[tuple[str, str]]:
        return {
            (kind, value)
            for kind in {each["Type"] for each in stack.template["Resources"].values()}
            for properties in stack.of_type(kind).values()
            for key, value in properties.items()
            if named.search(key) and key not in {"MetricName", "AttributeName", "EventBusName", "DisplayName"}
            if isinstance(value, str)
        }

    assert {kind for kind, _ in names(deployed)} > {"AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::Events::Rule"}
    assert names(deployed) & names(other) == set()


def test_the_sample_has_a_repository_in_good_order_and_users_who_are_bound(other: Deployed) -> None:
    repository = other.one("AWS::CodeCommit::Repository")
    assert repository["RepositoryName"] == "TestRepository"
    tags = {each["Key"]: each["Value"] for each in repository["Tags"]}
    assert (tags["Guard"], tags["PushwardenReset"]) == ("ok", "allow")
    lock = f"arn:aws:iam::{ACCOUNT}:policy/watch-two-lock-{REGION}"
    assert other.one("AWS::IAM::Group", GroupName="CodeCommitUsers")["ManagedPolicyArns"] == [lock]
    operators = f"arn:aws:iam::{ACCOUNT}:policy/watch-two-operators-{REGION}"
    assert other.one("AWS::IAM::Group", GroupName="CodeCommitSuperUsers")["ManagedPolicyArns"] == [operators]


def test_the_lock_can_be_a_tag_alone(template_of: Callable[[str], dict[str, Any]]) -> None:
    template = template_of("tagonly")
    policies = Deployed(template).of_type("AWS::IAM::ManagedPolicy").values()
    assert [each["ManagedPolicyName"] for each in policies] == [f"pushwarden-operators-{REGION}"]
    assert "LockPolicy" not in template["Outputs"]
