"""What Pushwarden remembers, in one DynamoDB table: how far each ref was scanned, and what was done about each incident.

Items are ``(pk, sk)``:

- ``repo#<repository id>``, ``ref#<full ref name>``: a :class:`RefState`. The id, not the name, so that a repository
  that is deleted and made again under the same name starts afresh, and a renamed one goes on.
- ``repo#<repository id>``, ``baseline``: where each ref stood when Pushwarden first met the repository; for more refs than
  an item holds, the digest of the parts that hold them, ``baseline#<digest>#<number>``.
- ``incident#<incident id>``, ``step#<action>``: what was done, so that twice is once.
- ``settings``, ``fingerprint-key``: the key of the fingerprints, encrypted.
- ``settings``, ``offers-<git service>``: what CodeCommit's git server was seen to be capable of, and when.
"""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from pushwarden.aws.parts import pack, ref_key, unpack
from pushwarden.errors import PushwardenError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

OPEN_COMMITS_MAX: Final = 500
"""How many commits with open findings a ref's row names; beyond that, findings may be told of again."""
PAST_MAX: Final = 30
"""How many commits before the present one a ref's row remembers."""
SETTLED_MAX: Final = 400
"""How many commits a ref's row remembers that were scanned before their own event came."""
DAY_S: Final = 86_400
_BASELINE: Final = "baseline"
_ID: Final = struct.Struct("20s")
_SETTLED: Final = struct.Struct(">20sI")
_STEP_TTL_DAYS: Final = 400
_DELETED_TTL_DAYS: Final = 35


class StaleStateError(PushwardenError):
    """Somebody else changed the row since it was read; read it again."""


@dataclass(frozen=True, slots=True)
class RefState:
    """The frontier of one ref."""

    ref: str
    scanned: str | None = None
    """The commit that was scanned last."""
    accepted: str | None = None
    """The last commit without open findings: what a reset goes back to. Without ``scanned`` it is a baseline: where the
    ref stood when Pushwarden came; its history is the backfill's."""
    accepted_object: str | None = None
    """What the ref itself held then: an annotated tag's own id; otherwise the same as ``accepted``."""
    before: tuple[str, ...] = ()
    """What ``scanned`` was before, newest first: a late event that takes one of these away takes away nothing unseen."""
    past: tuple[str, ...] = ()
    """What ``accepted`` was before, newest first: a late event may build on it when no ref reaches it any more."""
    open_commits: tuple[str, ...] = ()
    """Scanned commits after ``accepted`` whose findings have been told of and are not yet dealt with."""
    settled: Mapping[str, int] = field(default_factory=dict)
    """Commits that were scanned with another push than their own, newest last: events of pushes that happened before the
    given second (since 1970) have nothing to add."""
    following: tuple[str, ...] = ()
    """Commits after ``scanned`` that are known to bring in nothing, oldest first; none is accepted before its event."""
    following_until: int = 0
    """Events of pushes before this second (since 1970) need no scan if they end at one of ``following``."""
    event_id: str | None = None
    event_time: str = ""
    """The event that moved the row last; ISO 8601 in UTC, so that text order is time order."""
    deleted: bool = False
    restored: bool = False
    """Somebody in charge gave removed commits back on this ref; on any other ref they count as new."""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Frontier:
    """How far each ref of a repository was scanned."""

    rows: Mapping[str, RefState]
    met: bool
    """Pushwarden has met this repository before."""


@dataclass(frozen=True, slots=True)
class Step:
    """The record of one action for one incident."""

    outcome: str
    summary: str
    at_s: float = 0.0
    """When it was written, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class State:
    """The table."""

    client: DynamoDBClient
    table: str

    def frontier(self, repository_id: str) -> Frontier:
        """Return the frontier of every ref of a repository; refs without a row of their own are at their baseline."""
        rows: dict[str, RefState] = {}
        heads: list[Mapping[str, Any]] = []
        parts: dict[str, bytes] = {}
        arguments: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": f"repo#{repository_id}"}},
            "ConsistentRead": True,
        }
        while True:
            page = self.client.query(**arguments)
            for item in page["Items"]:
                name: str = item["sk"]["S"]
                if name == _BASELINE:
                    heads.append(item)
                elif name.startswith(_BASELINE):
                    parts[name] = bytes(item["refs"]["B"])
                else:
                    row = _ref_state(item)
                    rows[row.ref] = row
            if "LastEvaluatedKey" not in page:
                break
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        baseline = _baseline(heads[0], parts) if heads else {}
        at_baseline = {ref: RefState(ref, accepted=commit) for ref, commit in baseline.items() if ref not in rows}
        # Parts alone are those of a process that died before it was through.
        return Frontier(rows | at_baseline, met=bool(heads or rows))

    def row(self, repository_id: str, ref: str, before: RefState | None) -> RefState | None:
        """Return one ref's row as it is now, without reading those of every other ref.

        Args:
            repository_id: whose ref it is.
            ref: full name of the ref.
            before: what :meth:`frontier` gave for it; a row that stands at the baseline has no item of its own.
        """
        key = {"pk": {"S": f"repo#{repository_id}"}, "sk": {"S": f"ref#{ref_key(ref)}"}}
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        if item:
            return _ref_state(item)
        return before if before is not None and before.version == 0 else None

    def save_baseline(self, repository_id: str, refs: Mapping[str, str]) -> None:
        """Write down where each ref stood at the first meeting; a baseline that is there already stays."""
        parts = pack(refs)
        pk: dict[str, Any] = {"pk": {"S": f"repo#{repository_id}"}}
        head: dict[str, Any] = {"refs": {"B": parts[0]}}
        if len(parts) > 1:
            # Two that meet the repository at the same moment may have seen different things: each writes parts of its own.
            digest = hashlib.sha256(b"".join(parts)).hexdigest()[:16]
            for name, part in zip(_part_names(digest, len(parts)), parts, strict=True):
                self.client.put_item(TableName=self.table, Item={**pk, "sk": {"S": name}, "refs": {"B": part}})
            head = {"digest": {"S": digest}, "parts": {"N": str(len(parts))}}
        self._put_once({**pk, "sk": {"S": _BASELINE}, **head})

    def save_ref(self, repository_id: str, state: RefState, *, now_s: float) -> None:
        """Write a ref's frontier, if the row is still the one that ``state.version`` was read from.

        Raises:
            StaleStateError: it is not.
        """
        key = ref_key(state.ref)
        item: dict[str, Any] = {
            "pk": {"S": f"repo#{repository_id}"},
            "sk": {"S": f"ref#{key}"},
            "version": {"N": str(state.version + 1)},
            "event_time": {"S": state.event_time},
            "deleted": {"BOOL": state.deleted},
            "restored": {"BOOL": state.restored},
            "before": {"L": [{"S": each} for each in state.before[:PAST_MAX]]},
            "past": {"L": [{"S": each} for each in state.past[:PAST_MAX]]},
            "open_commits": {"L": [{"S": each} for each in state.open_commits[-OPEN_COMMITS_MAX:]]},
        }
        if key != state.ref:
            item["ref"] = {"B": state.ref.encode("utf-8", "surrogatepass")}
        for name in ("scanned", "accepted", "accepted_object", "event_id"):
            value = getattr(state, name)
            if value is not None:
                item[name] = {"S": value}
        if state.settled:
            kept = list(state.settled.items())[-SETTLED_MAX:]
            item["settled"] = {"B": b"".join(_SETTLED.pack(bytes.fromhex(commit), until) for commit, until in kept)}
        if state.following:
            item["following"] = {"B": bytes.fromhex("".join(state.following[:SETTLED_MAX]))}
            item["following_until"] = {"N": str(state.following_until)}
        if state.deleted:
            item["expires_at"] = {"N": str(int(now_s) + _DELETED_TTL_DAYS * DAY_S)}
        try:
            self.client.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR version = :version",
                ExpressionAttributeValues={":version": {"N": str(state.version)}},
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                raise StaleStateError(f"the frontier of {state.ref!r} was changed meanwhile; read it again") from None
            raise

    def step(self, incident_id: str, action: str) -> Step | None:
        """Return the record of an action, or None if it was not finished."""
        item = self.client.get_item(TableName=self.table, Key=_step_key(incident_id, action), ConsistentRead=True).get(
            "Item"
        )
        return Step(item["outcome"]["S"], item["summary"]["S"], float(item["at"]["N"])) if item else None

    def record_step(self, incident_id: str, action: str, step: Step, *, now_s: float) -> None:
        """Record that an action is finished; a second record replaces the first."""
        self.client.put_item(TableName=self.table, Item=_step_item(incident_id, action, step, now_s))

    def begin_step(self, incident_id: str, action: str, step: Step, before: Step | None, *, now_s: float) -> None:
        """Record that an action is about to happen, if its record is still ``before`` (None: there is none).

        Raises:
            StaleStateError: somebody else has begun it meanwhile.
        """
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before is not None:
            condition = {
                "ConditionExpression": "outcome = :outcome AND #at = :at",
                "ExpressionAttributeNames": {"#at": "at"},
                "ExpressionAttributeValues": {":outcome": {"S": before.outcome}, ":at": {"N": str(int(before.at_s))}},
            }
        item = _step_item(incident_id, action, step, now_s)
        try:
            self.client.put_item(TableName=self.table, Item=item, **condition)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                raise StaleStateError(
                    f"{action} of {incident_id} was begun by another delivery; try it later"
                ) from None
            raise

    def setting(self, name: str) -> bytes | None:
        """Return the bytes of a setting, or None."""
        key = {"pk": {"S": "settings"}, "sk": {"S": name}}
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return item["value"]["B"] if item else None

    def save_setting_once(self, name: str, value: bytes) -> None:
        """Write a setting unless it is there already; the first writer wins."""
        self._put_once({"pk": {"S": "settings"}, "sk": {"S": name}, "value": {"B": value}})

    def save_setting(self, name: str, value: bytes) -> None:
        """Write a setting, whatever it was."""
        item: dict[str, Any] = {"pk": {"S": "settings"}, "sk": {"S": name}, "value": {"B": value}}
        self.client.put_item(TableName=self.table, Item=item)

    def _put_once(self, item: dict[str, Any]) -> None:
        try:
            self.client.put_item(TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise


def accept(state: RefState) -> RefState:
    """Return the row after somebody in charge accepted everything that was scanned on the ref."""
    if state.scanned is None:
        return state
    return accepting(dataclasses.replace(state, open_commits=()), state.scanned, None)


def standing_at(state: RefState, commit: str | None) -> RefState:
    """Return the row with another commit as the one that was scanned last."""
    before = (state.scanned,) if state.scanned and state.scanned != commit else ()
    kept = (*before, *(each for each in state.before if each not in before))[:PAST_MAX]
    return dataclasses.replace(state, scanned=commit, before=kept)


def accepting(state: RefState, commit: str | None, held: str | None) -> RefState:
    """Return the row with another accepted commit; ``held`` is what the ref itself holds, if that is known."""
    before = (state.accepted,) if state.accepted and state.accepted != commit else ()
    past = (*before, *(each for each in state.past if each not in before))[:PAST_MAX]
    return dataclasses.replace(state, accepted=commit, accepted_object=held, past=past)


def _step_item(incident_id: str, action: str, step: Step, now_s: float) -> dict[str, Any]:
    return {
        **_step_key(incident_id, action),
        "outcome": {"S": step.outcome},
        "summary": {"S": step.summary},
        "at": {"N": str(int(now_s))},
        "expires_at": {"N": str(int(now_s) + _STEP_TTL_DAYS * DAY_S)},
    }


def _step_key(incident_id: str, action: str) -> dict[str, Any]:
    return {"pk": {"S": f"incident#{incident_id}"}, "sk": {"S": f"step#{action}"}}


def _part_names(digest: str, count: int) -> list[str]:
    return [f"{_BASELINE}#{digest}#{number:04}" for number in range(count)]


def _baseline(head: Mapping[str, Any], parts: Mapping[str, bytes]) -> dict[str, str]:
    if "refs" in head:
        return unpack([bytes(head["refs"]["B"])])
    return unpack(parts[name] for name in _part_names(head["digest"]["S"], int(head["parts"]["N"])))


def _ref_state(item: Mapping[str, Any]) -> RefState:
    def text(name: str) -> str | None:
        value: str | None = item[name]["S"] if name in item else None
        return value

    def packed(name: str) -> bytes:
        return bytes(item[name]["B"]) if name in item else b""

    return RefState(
        ref=packed("ref").decode("utf-8", "surrogatepass") or item["sk"]["S"].removeprefix("ref#"),
        scanned=text("scanned"),
        accepted=text("accepted"),
        accepted_object=text("accepted_object"),
        before=tuple(each["S"] for each in item.get("before", {"L": ()})["L"]),
        past=tuple(each["S"] for each in item.get("past", {"L": ()})["L"]),
        open_commits=tuple(each["S"] for each in item["open_commits"]["L"]),
        settled={commit.hex(): until for commit, until in _SETTLED.iter_unpack(packed("settled"))},
        following=tuple(commit.hex() for (commit,) in _ID.iter_unpack(packed("following"))),
        following_until=int(item.get("following_until", {"N": 0})["N"]),
        event_id=text("event_id"),
        event_time=item["event_time"]["S"],
        deleted=item["deleted"]["BOOL"],
        restored=item["restored"]["BOOL"],
        version=int(item["version"]["N"]),
    )
