"""Something to try it on, as in AWS's own walk-through: a repository, users who are bound by the lock, and users who are not."""

from __future__ import annotations

from typing import Final

from aws_cdk import CfnOutput, CfnTag
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.nag import acknowledge
from pushwarden.policies import RESET_ALLOWED, RESET_TAG_KEY

REPOSITORY: Final = "TestRepository"
USERS: Final = "CodeCommitUsers"
SUPER_USERS: Final = "CodeCommitSuperUsers"


class Sample(Construct):
    """A repository in good order that allows reset, and two groups that may use it."""

    def __init__(self, scope: Construct, construct_id: str, *, tag_key: str, lock: str | None, operators: str) -> None:
        """Make them.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            tag_key: the lock's tag.
            lock: ARN of the lock's policy, for the users who are bound by it.
            operators: ARN of the policy of those in charge, for the others.
        """
        super().__init__(scope, construct_id)
        tags = [CfnTag(key=tag_key, value="ok"), CfnTag(key=RESET_TAG_KEY, value=RESET_ALLOWED)]
        repository = codecommit.CfnRepository(
            self,
            "Repository",
            repository_name=REPOSITORY,
            repository_description="To try Pushwarden on; nothing in it is worth keeping",
            tags=tags,
        )
        for name, attached in ((USERS, lock), (SUPER_USERS, operators)):
            group = iam.CfnGroup(
                self,
                name,
                group_name=name,
                managed_policy_arns=[attached] if attached else None,
                policies=[
                    iam.CfnGroup.PolicyProperty(
                        policy_name="use-test-repository",
                        policy_document=iam.PolicyDocument(
                            statements=[
                                iam.PolicyStatement(actions=["codecommit:*"], resources=[repository.attr_arn]),
                                iam.PolicyStatement(actions=["codecommit:ListRepositories"], resources=["*"]),
                            ]
                        ),
                    )
                ],
            )
            acknowledge(group, "AwsSolutions-IAM5[Action::codecommit:*]", "Full use of one repository made for trying.")
            acknowledge(group, "AwsSolutions-IAM5[Resource::*]", "ListRepositories knows no resource.")
        output = CfnOutput(self, "CloneUrl", value=repository.attr_clone_url_http)
        output.override_logical_id("SampleCloneUrl")
