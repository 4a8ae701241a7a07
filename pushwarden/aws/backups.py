"""The bucket that removed commits go to before a ref is moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from pushwarden.errors import PushwardenError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_SINGLE_PUT_BYTES: Final = 4 << 30
"""One PutObject takes 5 GB: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""


class BackupError(PushwardenError):
    """A backup could not be written or read."""


@dataclass(frozen=True, slots=True)
class Backups:
    """The backup bucket: encrypted and versioned."""

    client: S3Client
    bucket: str
    key_id: str

    def put(self, key: str, body: IO[bytes], size_bytes: int, *, metadata: Mapping[str, str]) -> str:
        """Store a bundle under ``key`` and return its version id.

        Raises:
            BackupError: it is too large for one object.
        """
        if size_bytes > _SINGLE_PUT_BYTES:
            raise BackupError(f"the backup of {size_bytes:,} bytes is too large; nothing was reset")
        answer = self.client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ContentLength=size_bytes,
            Metadata=dict(metadata),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.key_id,
            ChecksumAlgorithm="SHA256",
        )
        return answer.get("VersionId", "")

    def get(self, key: str, into: IO[bytes]) -> None:
        """Read a bundle back.

        Raises:
            BackupError: there is none.
        """
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown error")
            raise BackupError(f"the backup s3://{self.bucket}/{key} cannot be read ({code})") from None
        for chunk in answer["Body"].iter_chunks(1 << 20):
            into.write(chunk)

    def names(self, prefix: str) -> list[str]:
        """Return the keys of every bundle whose key starts with ``prefix``, sorted."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(each["Key"] for page in pages for each in page.get("Contents", []))
