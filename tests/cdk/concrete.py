"""A template as CloudFormation would deploy it: references replaced by names and ARNs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"
_PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "pushwarden",
    "AWS::URLSuffix": "amazonaws.com",
}
_NAMES: Final = {
    "AWS::CodeCommit::Repository": "RepositoryName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}


@dataclass(frozen=True)
class Deployed:
    """A template with every reference replaced."""

    template: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of every resource of a type, by logical id."""
        found = {name: each for name, each in self.template["Resources"].items() if each["Type"] == kind}
        return {name: self(each.get("Properties", {})) for name, each in found.items()}

    def one(self, kind: str, **properties: Any) -> dict[str, Any]:
        """Return the properties of the one resource of a type that has these."""
        found = [
            each
            for each in self.of_type(kind).values()
            if all(each.get(key) == value for key, value in properties.items())
        ]
        assert len(found) == 1, f"{len(found)} resources of type {kind} have {properties}"
        return found[0]

    def output(self, name: str) -> Any:
        return self(self.template["Outputs"][name]["Value"])

    def __call__(self, value: Any) -> Any:
        """Return a value of the template with its references replaced."""
        if isinstance(value, list):
            return [self(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, inner),) = value.items()
            if key in self._functions:
                return self._functions[key](inner)
            assert not key.startswith("Fn::"), value
        return {key: self(each) for key, each in value.items()}

    @property
    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": lambda inner: self._attribute(*inner),
            "Fn::Join": lambda inner: inner[0].join(self(part) for part in inner[1]),
            "Fn::Sub": lambda inner: re.sub(r"\$\{([^}]+)\}", lambda match: self._ref(match[1]), inner),
        }

    def name(self, logical_id: str) -> str:
        resource = self.template["Resources"][logical_id]
        key = _NAMES.get(resource["Type"])
        named = self(resource.get("Properties", {}).get(key)) if key else None
        return named or logical_id.lower()

    def _ref(self, name: str) -> str:
        if name in _PSEUDO:
            return _PSEUDO[name]
        kind = self.template["Resources"][name]["Type"]
        if kind in {"AWS::SNS::Topic", "AWS::IAM::ManagedPolicy"}:
            return self._arn(name)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.name(name)}"
        return self.name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        if attribute == "Arn":
            return self._arn(name)
        if attribute == "CloneUrlHttp":
            return f"https://git-codecommit.{REGION}.amazonaws.com/v1/repos/{self.name(name)}"
        assert attribute in {"QueueName", "TopicName", "Name"}, attribute
        return self.name(name)

    def _arn(self, logical_id: str) -> str:
        kind, name = self.template["Resources"][logical_id]["Type"], self.name(logical_id)
        here = f"{REGION}:{ACCOUNT}"
        return {
            "AWS::CodeCommit::Repository": f"arn:aws:codecommit:{here}:{name}",
            "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{here}:table/{name}",
            "AWS::Events::EventBus": f"arn:aws:events:{here}:event-bus/{name}",
            "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/{name}",
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
            "AWS::KMS::Key": f"arn:aws:kms:{here}:key/{name}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{here}:function:{name}",
            "AWS::Logs::LogGroup": f"arn:aws:logs:{here}:log-group:{name}:*",
            "AWS::S3::Bucket": f"arn:aws:s3:::{name}",
            "AWS::SNS::Topic": f"arn:aws:sns:{here}:{name}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{here}:{name}",
        }[kind]
