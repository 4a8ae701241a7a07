"""The seal lets pass what Pushwarden published, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.aws.seal import FIELD, ForgedEventError, check, sealed
from pushwarden.model import BACKFILL_REPORT, SECURITY_EVENT, SECURITY_RESOLUTION, SECURITY_RESPONSE
from tests.test_events import security_event

KEY = b"k" * 32
DETAILS = st.dictionaries(st.text(max_size=8).filter(lambda name: name != FIELD), st.text(max_size=8), max_size=4)


@given(DETAILS)
def test_what_was_sealed_passes_after_a_journey_as_json(detail: dict[str, str]) -> None:
    for kind in (SECURITY_RESPONSE, SECURITY_RESOLUTION, BACKFILL_REPORT):
        check(kind, json.loads(json.dumps(sealed(kind, detail, KEY))), KEY)


@given(DETAILS, DETAILS)
def test_a_changed_detail_does_not_pass(detail: dict[str, str], other: dict[str, str]) -> None:
    made = {**sealed(SECURITY_RESPONSE, detail, KEY), **other}

    if {**detail, **other} != detail:
        with pytest.raises(ForgedEventError):
            check(SECURITY_RESPONSE, made, KEY)


def test_the_seal_of_one_kind_does_not_fit_another() -> None:
    made = sealed(SECURITY_RESPONSE, {"repositoryName": "shop"}, KEY)

    with pytest.raises(ForgedEventError, match="CodeCommit Security Resolution has no valid seal"):
        check(SECURITY_RESOLUTION, made, KEY)


@pytest.mark.parametrize("given_seal", [None, 1, "", "é" * 64, "0" * 64])
def test_no_seal_and_what_is_none_do_not_pass(given_seal: object) -> None:
    with pytest.raises(ForgedEventError):
        check(SECURITY_RESPONSE, {"a": "b", FIELD: given_seal}, KEY)


def test_another_key_makes_another_seal() -> None:
    made = sealed(SECURITY_RESPONSE, {"a": "b"}, b"x" * 32)

    with pytest.raises(ForgedEventError):
        check(SECURITY_RESPONSE, made, KEY)


def test_a_field_that_a_later_version_adds_to_security_events_breaks_no_seal() -> None:
    made = sealed(SECURITY_EVENT, security_event().to_detail(), KEY)

    check(SECURITY_EVENT, {**made, "new": 1}, KEY)
