"""The managed policy that enforces the lock on whoever it is attached to."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.nag import acknowledge
from pushwarden.policies import lock_policy


class Lock(Construct):
    """The policy of :func:`pushwarden.policies.lock_policy`, under a name that permission sets can refer to."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        tag_key: str,
        spared: Sequence[str],
        groups: Sequence[str],
    ) -> None:
        """Make the policy.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            name: how the names of the stack's resources begin.
            tag_key: the tag whose value ``locked`` locks a repository.
            spared: ARNs of Pushwarden's roles, which work on locked repositories.
            groups: names of IAM groups that exist and get the policy attached.
        """
        super().__init__(scope, construct_id)
        repositories = cdk.Stack.of(self).format_arn(service="codecommit", resource="*", region="*")
        document = lock_policy(tag_key=tag_key, exempt_principals=spared, resource=repositories)
        # IAM is one for all Regions, so the name says which Region's stack it belongs to.
        self.policy = iam.CfnManagedPolicy(
            self,
            "Policy",
            managed_policy_name=f"{name}-lock-{cdk.Aws.REGION}",
            description="Refuses work on CodeCommit repositories that Pushwarden has locked",
            policy_document=document,
            groups=list(groups) or None,
        )
        reason = "This policy only denies; what it denies, it should deny widely."
        for finding in ("Resource::arn:<AWS::Partition>:codecommit:*:<AWS::AccountId>:*",):
            acknowledge(self.policy, f"AwsSolutions-IAM5[{finding}]", reason)
