"""What the backfill remembers: each step is written down, so that a run that was stopped goes on where it stopped.

Items of the same table as :mod:`pushwarden.aws.state`:

- ``backfill``, ``run#<run>``: a :class:`Run`.
- ``backfill#<run>``, ``plan#<repository id>``: a :class:`Plan`.
- ``backfill#<run>``, ``slice#<repository id>#<start>-<end>``: that slice is finished.
- ``backfill#<run>``, ``part#<repository id>#<start>-<end>``: where a part's findings are.
- ``unfinished``, ``<incident id>``: a push whose scan did not get through; its event, to be gone on with.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pushwarden.aws.progress import Progress

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Range = tuple[int, int]
HISTORY: Final = "history"
PUSHES: Final = "pushes"


@dataclass(frozen=True, slots=True)
class Run:
    """One backfill."""

    run: str
    kind: str
    """``history`` or ``pushes``."""
    started_s: int
    repositories: tuple[str, ...] = ()
    """Those that it was asked for by name; none: all."""
    finished: bool = False
    """Every slice was scanned and the report is written."""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One repository's share of a run, or one push's."""

    key: str
    """Repository id; for a push, the incident's id."""
    name: str
    commits: int
    slices: tuple[Range, ...]
    gap: str = ""
    """Why there is no history to scan, where there is none."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The table, as the backfill uses it."""

    client: DynamoDBClient
    table: str

    def save_run(self, run: Run) -> None:
        """Write a run down; a later record replaces an earlier one."""
        data = dataclasses.asdict(run)
        self._put("backfill", f"run#{run.run}", data)

    def runs(self) -> list[Run]:
        """Return every run, oldest first."""
        found = [
            Run(**{**data, "repositories": tuple(data["repositories"])}) for _, data in self._all("backfill", "run#")
        ]
        return sorted(found, key=lambda each: each.started_s)

    def run(self, name: str) -> Run | None:
        """Return one run."""
        return next((each for each in self.runs() if each.run == name), None)

    def save_plan(self, run: str, plan: Plan) -> None:
        """Write down how a repository is cut."""
        data = {"name": plan.name, "commits": plan.commits, "slices": _packed(plan.slices), "gap": plan.gap}
        self._put(f"backfill#{run}", f"plan#{plan.key}", data)

    def plans(self, run: str) -> dict[str, Plan]:
        """Return every plan of a run, by key."""
        found = {}
        for sk, data in self._all(f"backfill#{run}", "plan#"):
            key = sk.removeprefix("plan#")
            found[key] = Plan(key, data["name"], data["commits"], _unpacked(data["slices"]), data["gap"])
        return found

    def finish_slice(self, run: str, key: str, each: Range) -> None:
        """Write down that a slice was scanned to its end."""
        self._put(f"backfill#{run}", f"slice#{key}#{each[0]}-{each[1]}", {})

    def finished(self, run: str) -> set[tuple[str, Range]]:
        """Return the slices of a run that were scanned: key of the plan, and range."""
        return {_place(sk) for sk, _ in self._all(f"backfill#{run}", "slice#")}

    def save_part(self, run: str, key: str, each: Range, data: Mapping[str, Any]) -> None:
        """Write down what a part of a slice came to: numbers only; the findings are in the bucket."""
        self._put(f"backfill#{run}", f"part#{key}#{each[0]}-{each[1]}", data)

    def parts(self, run: str) -> list[tuple[str, Range, Mapping[str, Any]]]:
        """Return every part of a run: key of the plan, range, numbers."""
        return [(*_place(sk), data) for sk, data in self._all(f"backfill#{run}", "part#")]

    def save_unfinished(self, incident_id: str, detail: Mapping[str, Any]) -> None:
        """Remember a push whose scan did not get through; ``detail`` is its security event's."""
        kept = {key: value for key, value in detail.items() if key not in {"findings", "incomplete"}}
        self._put("unfinished", incident_id, kept)

    def unfinished(self) -> dict[str, Mapping[str, Any]]:
        """Return the pushes whose scan did not get through, by incident."""
        return dict(self._all("unfinished", "pw-"))

    def forget_unfinished(self, incident_id: str) -> None:
        """Forget a push that was scanned to its end."""
        key = {"pk": {"S": "unfinished"}, "sk": {"S": incident_id}}
        self.client.delete_item(TableName=self.table, Key=key)

    def _put(self, pk: str, sk: str, data: Mapping[str, Any]) -> None:
        item: dict[str, Any] = {"pk": {"S": pk}, "sk": {"S": sk}, "data": {"S": json.dumps(data)}}
        self.client.put_item(TableName=self.table, Item=item)

    def _all(self, pk: str, prefix: str) -> list[tuple[str, dict[str, Any]]]:
        items = Progress(self.client, self.table).items(pk, prefix)
        return [(item["sk"]["S"], json.loads(item["data"]["S"])) for item in items]


def _packed(slices: Sequence[Range]) -> list[Any]:
    # Slices follow one another: the borders say it all, in a tenth of the room.
    return [slices[0][0], *(end for _, end in slices)] if slices else []


def _unpacked(borders: Sequence[int]) -> tuple[Range, ...]:
    return tuple(itertools.pairwise(borders))


def _place(sk: str) -> tuple[str, Range]:
    _, key, range_ = sk.split("#")
    start, _, end = range_.partition("-")
    return key, (int(start), int(end))
