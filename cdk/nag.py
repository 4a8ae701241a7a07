"""Say, beside a construct, why a finding of the template's checks is accepted."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Acknowledge one finding of cdk-nag on a construct and what is inside it.

    Args:
        construct: where the finding is.
        finding: the finding's full id, such as ``AwsSolutions-IAM5[Resource::*]``.
        reason: why it is right as it is.
    """
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))


def spelled(scope: IConstruct, value: str) -> str:
    """Return a value with tokens as cdk-nag spells it in the id of a finding: ``<Logical.Arn>/*``."""
    return _flat(cdk.Stack.of(scope).resolve(value))


def _flat(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if "Ref" in value:
        return f"<{value['Ref']}>"
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    separator, parts = value["Fn::Join"]
    return str(separator).join(_flat(part) for part in parts)
