"""Say, beside a construct, why a finding of the template's checks is accepted."""

from __future__ import annotations

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
