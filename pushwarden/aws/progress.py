"""How far the sweeps over every repository have come: what reconciliation has seen, and where it goes on.

Items of the same table as :mod:`pushwarden.aws.state`, under keys of their own:

- ``reconcile``, ``repo#<repository id>``: a :class:`Sighting`; of more refs than an item holds, the first part. The others
  are ``repo#<repository id>#<number>``.
- ``reconcile``, ``cursor``: the last repository that the unfinished run looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pushwarden.aws.parts import pack, unpack
from pushwarden.aws.state import DAY_S

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_RECONCILE: Final = "reconcile"
_CURSOR: Final = "cursor"
_GONE_TTL_DAYS: Final = 35


@dataclass(frozen=True, slots=True)
class Unscanned:
    """A ref that stands where no scan has been."""

    tip: str | None
    """The commit that it stands at; None: the ref is gone, and the frontier does not know it."""
    first_seen_s: int
    """When reconciliation saw this first, in seconds since 1970."""
    sent_s: int = 0
    """When the scan was asked for; 0: not yet."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the last run saw of a repository."""

    name: str
    unscanned: Mapping[str, Unscanned] = field(default_factory=dict)
    """By full ref name."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The table, as the sweeps use it."""

    client: DynamoDBClient
    table: str

    def sightings(self) -> dict[str, Sighting]:
        """Return what was seen of every repository, by repository id; those that are gone are left out."""
        items = {item["sk"]["S"].removeprefix("repo#"): item for item in self.items(_RECONCILE, "repo#")}
        return {
            key: _sighting(key, items) for key, item in items.items() if "#" not in key and not item["gone"]["BOOL"]
        }

    def save_sighting(self, repository_id: str, sighting: Sighting) -> None:
        """Remember what was seen of a repository."""
        refs = {ref: [each.tip, each.first_seen_s, each.sent_s] for ref, each in sorted(sighting.unscanned.items())}
        first, *more = pack(refs)
        # What stands in one part has nothing to do with the others: a run that dies between them forgets some first
        # sightings, and sees these refs anew. Parts beyond ``parts`` are old ones.
        for number, part in enumerate(more, 1):
            self._put(f"repo#{repository_id}#{number}", refs={"B": part})
        count = {"parts": {"N": str(len(more))}} if more else {}
        self._put(f"repo#{repository_id}", name={"S": sighting.name}, refs={"B": first}, gone={"BOOL": False}, **count)

    def forget(self, repository_id: str, name: str, *, now_s: float) -> None:
        """Remember that a repository was deleted, for as long as its refs are."""
        self._put(
            f"repo#{repository_id}",
            name={"S": name},
            gone={"BOOL": True},
            expires_at={"N": str(int(now_s) + _GONE_TTL_DAYS * DAY_S)},
        )

    def cursor(self) -> str:
        """Return the name after which the next run goes on; empty: it starts at the first."""
        key = {"pk": {"S": _RECONCILE}, "sk": {"S": _CURSOR}}
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return item["name"]["S"] if item else ""

    def save_cursor(self, name: str) -> None:
        """Write down how far the run came; empty: to the end."""
        self._put(_CURSOR, name={"S": name})

    def items(self, pk: str, prefix: str) -> list[Mapping[str, Any]]:
        """Return every item of a partition whose sort key starts with ``prefix``."""
        found: list[Mapping[str, Any]] = []
        arguments: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":prefix": {"S": prefix}},
            "ConsistentRead": True,
        }
        while True:
            page = self.client.query(**arguments)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _put(self, sk: str, **values: Any) -> None:
        self.client.put_item(TableName=self.table, Item={"pk": {"S": _RECONCILE}, "sk": {"S": sk}, **values})


def _sighting(key: str, items: Mapping[str, Mapping[str, Any]]) -> Sighting:
    item = items[key]
    more = [items[f"{key}#{number}"] for number in range(1, int(item.get("parts", {"N": 0})["N"]) + 1)]
    refs = unpack(bytes(each["refs"]["B"]) for each in (item, *more))
    return Sighting(item["name"]["S"], {ref: Unscanned(*values) for ref, values in refs.items()})
