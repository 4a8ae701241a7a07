"""What Security Hub is told, within the limits of its format, and what it is told later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from pushwarden.aws.securityhub import FINDINGS_PER_CALL, SecurityHub, SecurityHubError
from pushwarden.events import SecurityResolution
from pushwarden.model import Confidence
from pushwarden.respond.securityhub import archive, finding_id, plan
from tests.test_events import security_event


class Hub:
    """Security Hub as far as imports go."""

    def __init__(self, *, failed: int = 0, error: str = "") -> None:
        self.batches: list[int] = []
        self.taken: list[dict[str, Any]] = []
        self.failed, self.error = failed, error

    def batch_import_findings(self, Findings: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's spelling
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "BatchImportFindings")
        self.batches.append(len(Findings))
        self.taken += Findings
        return {"FailedCount": self.failed, "FailedFindings": [{"ErrorCode": "InvalidInput"}] * self.failed}


def test_the_finding_has_the_shape_of_the_api() -> None:
    api = botocore.session.get_session().get_service_model("securityhub")
    shape = api.operation_model("BatchImportFindings").input_shape

    made = plan(security_event(), now_s=1_790_000_000.0)

    assert shape is not None
    validate_parameters({"Findings": list(made.findings)}, shape)


def test_the_id_names_commit_path_rule_and_fingerprint_but_not_the_line() -> None:
    event = security_event()
    one = event.findings[0]

    same = finding_id(event.push, replace(one, line=one.line + 10))
    others = {
        finding_id(event.push, replace(one, **changed))  # type: ignore[arg-type]
        for changed in ({"commit": "7" * 40}, {"path": "other"}, {"rule_id": "other"}, {"fingerprint": "0" * 32})
    }

    assert same == finding_id(event.push, one)
    assert len(others | {same}) == 5


def test_long_texts_are_cut_to_the_formats_limits() -> None:
    event = security_event()
    long = replace(event.findings[0], title="t" * 5000, path="p" * 5000, advice="a" * 5000, confidence=Confidence.LOW)

    (made,) = plan(replace(event, findings=(long,)), now_s=0.0).findings

    assert len(made["Title"]) <= 256
    assert len(made["Description"]) <= 1024
    assert len(made["Remediation"]["Recommendation"]["Text"]) <= 512
    assert made["FindingProviderFields"]["Severity"] == {"Label": "LOW"}


def test_many_findings_go_in_several_calls() -> None:
    hub = Hub()

    SecurityHub(hub).put([{}] * (FINDINGS_PER_CALL + 1))  # type: ignore[arg-type]

    assert hub.batches == [FINDINGS_PER_CALL, 1]


def test_findings_that_were_refused_are_an_error() -> None:
    with pytest.raises(SecurityHubError, match="refused 2 findings"):
        SecurityHub(Hub(failed=2)).put([{}, {}])  # type: ignore[arg-type]


def test_a_hub_that_is_not_enabled_is_said_and_a_passing_fault_is_raised_as_it_came() -> None:
    with pytest.raises(SecurityHubError, match="enable it"):
        SecurityHub(Hub(error="InvalidAccessException")).put([{}])  # type: ignore[arg-type]
    with pytest.raises(ClientError):
        SecurityHub(Hub(error="InternalException")).put([{}])  # type: ignore[arg-type]


class Reports:
    """The memory of what is open."""

    def __init__(self, findings: dict[str, list[dict[str, Any]]]) -> None:
        self.findings = findings

    def of(self, _repository_id: str) -> dict[str, list[dict[str, Any]]]:
        return dict(self.findings)

    def forget(self, _repository_id: str, incident_id: str) -> None:
        del self.findings[incident_id]


def test_a_resolution_that_comes_late_leaves_what_was_found_after_it() -> None:
    early, late = {"UpdatedAt": "2026-11-23T09:00:00.000+00:00"}, {"UpdatedAt": "2026-11-23T09:00:02.001+00:00"}
    reports: Any = Reports({"pw-1": [early], "pw-2": [late]})
    hub = Hub()
    resolution = SecurityResolution("pw-1", "shop", "id", "arn", "", "2026-11-23T09:00:02.000+00:00")

    assert archive(resolution, SecurityHub(hub), reports, now_s=1_800_000_000.0) == 1  # type: ignore[arg-type]
    assert list(reports.findings) == ["pw-2"]
    assert hub.batches == [1]


@pytest.mark.parametrize(("unlocked", "as_of"), [("09:00:02.000", "09:00:02.000"), ("09:00:59.000", "09:00:05.000")])
def test_a_finding_is_archived_as_of_the_moment_at_which_it_was_dealt_with(unlocked: str, as_of: str) -> None:
    """Found by the simulation: the commit was pushed once more, and the late resolution archived the new report."""
    reports: Any = Reports({"pw-1": [{"Id": "a", "UpdatedAt": "2026-11-23T09:00:00.000+00:00"}]})
    hub = Hub()
    resolution = SecurityResolution("pw-1", "shop", "id", "arn", "", f"2026-11-23T{unlocked}+00:00")
    now_s = datetime.fromisoformat("2026-11-23T09:00:05+00:00").timestamp()

    archive(resolution, SecurityHub(hub), reports, now_s=now_s)  # type: ignore[arg-type]

    assert hub.taken == [{"Id": "a", "RecordState": "ARCHIVED", "UpdatedAt": f"2026-11-23T{as_of}+00:00"}]
