"""Which scan has a ref for itself, and what it is about to tell of it.

One item of the same table as :mod:`pushwarden.aws.state` for a ref: ``claim#<repository id>``, ``ref#<full ref name>``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from pushwarden.aws.parts import ref_key
from pushwarden.aws.state import DAY_S

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_FOR_ANYBODY: Final = 0.0


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody's claim of a ref."""

    owner: str
    until_s: float
    """When it ends, in seconds since 1970."""
    telling: Mapping[str, Any] | None = None
    """The security event (its detail) that is being published; None once the frontier has moved past it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The table, as scans use it that take turns."""

    client: DynamoDBClient
    table: str

    def take(self, repository_id: str, ref: str, claim: Claim, *, now_s: float) -> Claim | None:
        """Claim a ref; return None if somebody else has it, otherwise the claim as it stands now.

        What the one before was telling and did not come to an end with stays written down, and is in what is returned.
        """
        try:
            self.client.put_item(
                TableName=self.table,
                Item=_item(repository_id, ref, claim, now_s),
                ConditionExpression="attribute_not_exists(pk) OR "
                "((claimed_until <= :now OR claimed_by = :owner) AND attribute_not_exists(telling))",
                ExpressionAttributeValues={":now": {"N": str(now_s)}, ":owner": {"S": claim.owner}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            found = _refused(error)
            if found.owner != claim.owner and found.until_s > now_s:
                return None
            return self._take_over(repository_id, ref, claim, found, now_s=now_s)
        return claim

    def _take_over(self, repository_id: str, ref: str, claim: Claim, found: Claim, *, now_s: float) -> Claim | None:
        taken = Claim(claim.owner, claim.until_s, found.telling)
        return taken if self.change(repository_id, ref, taken, found, now_s=now_s) else None

    def change(self, repository_id: str, ref: str, claim: Claim, before: Claim, *, now_s: float) -> bool:
        """Write a claim down if it still is what it was before; tell whether it was."""
        try:
            self.client.put_item(
                TableName=self.table,
                Item=_item(repository_id, ref, claim, now_s),
                ConditionExpression="claimed_by = :owner AND claimed_until = :until",
                ExpressionAttributeValues={":owner": {"S": before.owner}, ":until": {"N": str(before.until_s)}},
            )
        except ClientError as error:
            _refused(error)
            return False
        return True

    def release(self, repository_id: str, ref: str, claim: Claim, *, now_s: float) -> None:
        """Let others have a ref again, if it is still claimed so; what is not yet told to the end stays written down."""
        self.change(repository_id, ref, Claim(claim.owner, _FOR_ANYBODY, claim.telling), claim, now_s=now_s)


def _refused(error: ClientError) -> Claim:
    """Return the claim that stood in the way; raise every other error."""
    if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise error
    item: Mapping[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
    telling = json.loads(zlib.decompress(bytes(item["telling"]["B"]))) if "telling" in item else None
    return Claim(item.get("claimed_by", {"S": ""})["S"], float(item.get("claimed_until", {"N": 0})["N"]), telling)


def _item(repository_id: str, ref: str, claim: Claim, now_s: float) -> dict[str, Any]:
    item: dict[str, Any] = {
        "pk": {"S": f"claim#{repository_id}"},
        "sk": {"S": f"ref#{ref_key(ref)}"},
        "claimed_by": {"S": claim.owner},
        "claimed_until": {"N": str(claim.until_s)},
        "expires_at": {"N": str(int(now_s) + DAY_S)},
    }
    if claim.telling is not None:
        item["telling"] = {"B": zlib.compress(json.dumps(claim.telling).encode())}
    return item
