"""AWS access keys: whose they are, when they were used last, and how to switch one off.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from pushwarden.errors import PushwardenError

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_sts import STSClient

_UNKNOWN: Final = frozenset({"NoSuchEntity", "NoSuchEntityException", "ValidationError", "InvalidClientTokenId"})
_REFUSED: Final = frozenset({"AccessDenied", "AccessDeniedException"})


class AccessKeyError(PushwardenError):
    """IAM or STS refused a call, for good."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What IAM knows of a key."""

    user: str
    """Name of the IAM user; empty for a key of the root user."""
    last_used: str
    """ISO 8601; empty if the key was never used, or not since IAM has recorded it."""
    service: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """The three calls that revocation takes."""

    iam: IAMClient
    sts: STSClient

    def account(self, key_id: str) -> str | None:
        """Return the account that a key belongs to, or None where AWS knows no such key.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html

        Raises:
            AccessKeyError: the call was refused.
        """
        try:
            return self.sts.get_access_key_info(AccessKeyId=key_id)["Account"]
        except ClientError as error:
            if _code(error) in _UNKNOWN:
                return None
            raise _translated(error, "sts:GetAccessKeyInfo") from None

    def use(self, key_id: str) -> KeyUse | None:
        """Return whose key of this account it is and when it was used last, or None where there is none of that id.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html

        Raises:
            AccessKeyError: the call was refused.
        """
        try:
            answer = self.iam.get_access_key_last_used(AccessKeyId=key_id)
        except ClientError as error:
            if _code(error) in _UNKNOWN:
                return None
            raise _translated(error, "iam:GetAccessKeyLastUsed") from None
        used = answer.get("AccessKeyLastUsed", {})
        when = used.get("LastUsedDate")
        return KeyUse(
            user=answer.get("UserName", ""),
            last_used=when.isoformat(timespec="minutes") if when else "",
            service=used.get("ServiceName", ""),
            region=used.get("Region", ""),
        )

    def deactivate(self, user: str, key_id: str) -> None:
        """Set a key Inactive; one that is inactive stays so. Nothing is deleted: IAM can set it Active again.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html

        Raises:
            AccessKeyError: the call was refused.
        """
        try:
            self.iam.update_access_key(UserName=user, AccessKeyId=key_id, Status="Inactive")
        except ClientError as error:
            raise _translated(error, "iam:UpdateAccessKey") from None


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "unknown error")


def _translated(error: ClientError, action: str) -> Exception:
    # What is not a refusal may pass: it is raised as it came, and the queue brings the event again.
    code = _code(error)
    if code in _REFUSED or code in _UNKNOWN:
        return AccessKeyError(f"{action} was refused ({code}); check the role's permissions")
    return error
