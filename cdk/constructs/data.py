"""What outlives a request: the table of frontiers and incidents, and the bucket of removed commits."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.nag import acknowledge

TTL_ATTRIBUTE = "expires_at"
"""What :mod:`pushwarden.aws.state` writes."""


class Data(Construct):
    """Table and bucket. Both hold evidence, so both stay when the stack is deleted."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey, backup_days: int) -> None:
        """Make them.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            key: encrypts both.
            backup_days: days after which a backup expires.
        """
        super().__init__(scope, construct_id)
        # No names of their own: what stays behind must not stand in the way of the next deployment.
        self.table = dynamodb.Table(
            self,
            "State",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=TTL_ATTRIBUTE,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.bucket = s3.Bucket(
            self,
            "Backups",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire",
                    expiration=cdk.Duration.days(backup_days),
                    noncurrent_version_expiration=cdk.Duration.days(30),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
        )
        acknowledge(
            self.bucket,
            "AwsSolutions-S1",
            "Access logs would need a second bucket in every deployment. Who reads a backup is in CloudTrail, as data"
            " events, where an organisation that wants them has them switched on for all buckets.",
        )
