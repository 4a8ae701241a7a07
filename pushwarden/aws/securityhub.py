"""Security Hub, and the memory of what was reported there and is still open.

https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from pushwarden.aws.state import DAY_S
from pushwarden.errors import PushwardenError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_securityhub import SecurityHubClient

FINDINGS_PER_CALL: Final = 100
_TTL_DAYS: Final = 400
_FOR_GOOD: Final = frozenset({"InvalidAccessException", "AccessDeniedException", "InvalidInputException"})

Asff = dict[str, Any]
"""A finding in the AWS Security Finding Format."""


class SecurityHubError(PushwardenError):
    """Security Hub did not take findings."""


@dataclass(frozen=True, slots=True)
class SecurityHub:
    """Security Hub of one account and Region."""

    client: SecurityHubClient

    def put(self, findings: Sequence[Asff]) -> None:
        """Create findings, or update those whose ids are there.

        Raises:
            SecurityHubError: it is not enabled here, or it refused some; the message says which.
        """
        for i in range(0, len(findings), FINDINGS_PER_CALL):
            batch: Any = list(findings[i : i + FINDINGS_PER_CALL])
            try:
                answer = self.client.batch_import_findings(Findings=batch)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "unknown error")
                if code in _FOR_GOOD:
                    raise SecurityHubError(
                        f"Security Hub took nothing ({code}); enable it in this Region, and check the role's permissions"
                    ) from None
                raise
            if answer["FailedCount"]:
                codes = sorted({each.get("ErrorCode", "?") for each in answer.get("FailedFindings", [])})
                raise SecurityHubError(f"Security Hub refused {answer['FailedCount']} findings ({', '.join(codes)})")


@dataclass(frozen=True, slots=True)
class OpenReports:
    """What was reported of each repository, until it is resolved: rows ``hub#<repository id>``, ``<incident id>``."""

    client: DynamoDBClient
    table: str

    def save(self, repository_id: str, incident_id: str, findings: Sequence[Asff], *, now_s: float) -> None:
        """Remember the findings of an incident; a second time replaces the first."""
        packed = zlib.compress(json.dumps(findings).encode())
        item: dict[str, Any] = {
            **_key(repository_id, incident_id),
            "findings": {"B": packed},
            "expires_at": {"N": str(int(now_s) + _TTL_DAYS * DAY_S)},
        }
        self.client.put_item(TableName=self.table, Item=item)

    def of(self, repository_id: str) -> Mapping[str, list[Asff]]:
        """Return the open findings of a repository by incident."""
        found: dict[str, list[Asff]] = {}
        arguments: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": _key(repository_id, "")["pk"]},
            "ConsistentRead": True,
        }
        while True:
            page = self.client.query(**arguments)
            for item in page["Items"]:
                found[item["sk"]["S"]] = json.loads(zlib.decompress(bytes(item["findings"]["B"])))
            if "LastEvaluatedKey" not in page:
                return found
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def forget(self, repository_id: str, incident_id: str) -> None:
        """Forget an incident's findings; forgetting twice is no error."""
        self.client.delete_item(TableName=self.table, Key=_key(repository_id, incident_id))


def _key(repository_id: str, incident_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"hub#{repository_id}"}, "sk": {"S": incident_id}}
