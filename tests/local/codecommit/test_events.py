"""The events, field by field, against JSON files."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pushwarden.local.codecommit import events
from pushwarden.local.codecommit.bare import ZERO_ID

NOW = dt.datetime(2026, 11, 23, 13, 5, 9, tzinfo=dt.timezone(dt.timedelta(hours=1)))
ORIGIN = events.Origin(
    "111122223333", "eu-central-1", "arn:aws:codecommit:eu-central-1:111122223333:shop", "shop", "a-repository-id"
)
CALLER = "arn:aws:iam::111122223333:user/dev"
OLD, NEW = "a" * 40, "b" * 40
MERGE = events.MergeInfo("SQUASH_MERGE", "1" * 40, "2" * 40, OLD)

CASES: dict[str, Any] = {
    "branch-created": events.RefChange("refs/heads/topic/one", ZERO_ID, NEW),
    "branch-updated": events.RefChange("refs/heads/main", OLD, NEW),
    "branch-deleted": events.RefChange("refs/heads/main", OLD, ZERO_ID),
    "branch-merged": events.RefChange("refs/heads/main", OLD, NEW, MERGE),
    "tag-created": events.RefChange("refs/tags/v1", ZERO_ID, NEW),
}


@pytest.mark.parametrize("name", CASES)
def test_a_changed_ref_is_told_as_codecommit_tells_it(name: str) -> None:
    event = events.state_change(ORIGIN, CASES[name], CALLER, NOW)
    assert re.fullmatch(r"[0-9a-f-]{36}", event.pop("id"))
    expected = json.loads(Path(__file__).with_name("events").joinpath(f"{name}.json").read_text())
    assert event == expected


def test_every_event_has_its_own_id() -> None:
    change = CASES["branch-updated"]
    ids = {events.state_change(ORIGIN, change, CALLER, NOW)["id"] for _ in range(10)}
    assert len(ids) == 10
