"""The lock's IAM policy: what a locked repository refuses, and to whom.

CodeCommit has no resource policies, so the lock is an explicit *Deny* on a tag, attached to people's users, groups, roles
or permission sets. A Deny beats every Allow, whatever else a person was given:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

LOCK_TAG_KEY: Final = "RepoState"
LOCKED: Final = "locked"
INCIDENT_TAG_KEY: Final = "PushwardenIncident"
RESET_TAG_KEY: Final = "PushwardenReset"
RESET_ALLOWED: Final = "allow"

# Reading is denied too: while the secret is in the repository, nobody should pull it onto more machines. CodeCommit
# authorises GitPull and GitPush apart from the API, so both families stand here.
_LOCKED_ACTIONS: Final = (
    "codecommit:BatchDescribeMergeConflicts",  # answers with the files' text
    "codecommit:BatchGet*",
    "codecommit:Create*",
    "codecommit:Delete*",
    "codecommit:DescribeMergeConflicts",
    "codecommit:GetBlob*",
    "codecommit:GetDifferences",
    "codecommit:GetFile",
    "codecommit:GetFolder",
    "codecommit:GetMerge*",
    "codecommit:GetTree",
    "codecommit:Git*",
    "codecommit:Merge*",
    "codecommit:Post*",
    "codecommit:Put*",
    "codecommit:Update*",
    "codecommit:UploadArchive",  # how a pipeline takes the sources
)


def lock_policy(
    *, tag_key: str = LOCK_TAG_KEY, exempt_principals: Sequence[str] = (), resource: str = "*"
) -> dict[str, Any]:
    """Return the policy document that enforces the lock on whoever it is attached to.

    Args:
        tag_key: the tag whose value ``locked`` locks a repository.
        exempt_principals: ARN patterns that the Deny spares although it is attached to them: Pushwarden's roles, say.
        resource: ARN pattern of the repositories.
    """
    spared: dict[str, Any] = {"ArnNotLike": {"aws:PrincipalArn": list(exempt_principals)}} if exempt_principals else {}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyLockedRepositories",
                "Effect": "Deny",
                "Action": list(_LOCKED_ACTIONS),
                "Resource": resource,
                "Condition": {"StringEquals": {f"aws:ResourceTag/{tag_key}": LOCKED}, **spared},
            },
            {
                # Not only while locked: who may write the tag could also lift the lock, or lock others out.
                "Sid": "DenyTamperingWithTheLock",
                "Effect": "Deny",
                "Action": ["codecommit:TagResource", "codecommit:UntagResource"],
                "Resource": resource,
                "Condition": {
                    "ForAnyValue:StringEquals": {"aws:TagKeys": [tag_key, INCIDENT_TAG_KEY, RESET_TAG_KEY]},
                    **spared,
                },
            },
        ],
    }
