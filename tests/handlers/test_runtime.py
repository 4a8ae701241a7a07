from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from handlers.runtime import each_record
from pushwarden.errors import PushwardenError
from tests.conftest import made_up

SECRET = made_up("unforeseen", 40)


def records(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Everything of every log record, the fields that only the JSON shows included."""
    return repr([vars(record) for record in caplog.records])


def test_what_nobody_foresaw_is_tried_again_and_logged_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    def work(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
        raise ValueError(f"cannot read {SECRET}")

    answer = each_record(records(json.dumps({"detail": {}})), work)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    shown = logged(caplog)
    assert SECRET not in shown
    assert "ValueError" in shown
    assert "test_runtime.py" in shown


def test_one_failure_does_not_take_the_rest_of_the_batch_with_it(caplog: pytest.LogCaptureFixture) -> None:
    def work(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
        if envelope["detail"].get("bad"):
            raise PushwardenError("it is bad; send a good one")
        return {"seen": True}

    answer = each_record(records(json.dumps({"detail": {}}), "not json", json.dumps({"detail": {"bad": True}})), work)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]}
    assert "it is bad" in logged(caplog)
