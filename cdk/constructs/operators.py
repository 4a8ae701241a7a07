"""The managed policy of those in charge: what the commands ``unlock``, ``restore``, ``backfill`` and ``doctor`` do."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.grants import Arns, statements
from cdk.nag import acknowledge, spelled
from pushwarden.topology import OPERATOR


class Operators(Construct):
    """A policy that allows; nobody has it until somebody attaches it."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, arns: Arns) -> None:
        """Make the policy.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            name: how the names of the stack's resources begin.
            arns: the ARNs behind each kind of resource.
        """
        super().__init__(scope, construct_id)
        self.policy = iam.CfnManagedPolicy(
            self,
            "Policy",
            managed_policy_name=f"{name}-operators-{cdk.Aws.REGION}",
            description="Lifts locks, restores commits, runs the backfill and checks the deployment of Pushwarden",
            policy_document=iam.PolicyDocument(statements=statements(OPERATOR, arns)),
        )
        reason = (
            "Whoever is in charge of this stack deals with all of its repositories, queues, rules, backups and runs."
        )
        for grant in OPERATOR:
            for arn in arns[grant.resource]:
                if "*" in arn:
                    acknowledge(self.policy, f"AwsSolutions-IAM5[Resource::{spelled(self, arn)}]", reason)
