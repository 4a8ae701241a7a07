"""Which keys a revocation switches off, and what it says of the others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushwarden.aws.accesskeys import AccessKeyError, AccessKeys, KeyUse
from pushwarden.events import MalformedEventError, SecurityEvent
from pushwarden.model import Confidence
from pushwarden.respond.revoke import RevokePlan, execute, plan, revoke, shown
from tests.conftest import made_up
from tests.test_events import security_event

KEY = "AKIA" + made_up("revoke", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
OURS, THEIRS = "123456789012", "210987654321"


@dataclass
class Aws:
    """IAM and STS with one key."""

    account: str | None = OURS
    user: str | None = "deployer"
    error: str = ""
    calls: list[str] = field(default_factory=list)

    def _fail(self, code: str) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "operation")

    def get_access_key_info(self, AccessKeyId: str) -> dict[str, Any]:  # noqa: N803, ARG002 - boto3's spelling
        self.calls.append("info")
        if self.account is None:
            self._fail("ValidationError")
        return {"Account": self.account}

    def get_access_key_last_used(self, AccessKeyId: str) -> dict[str, Any]:  # noqa: N803, ARG002
        self.calls.append("used")
        if self.user is None:
            self._fail("NoSuchEntity")
        return {"UserName": self.user, "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}

    def update_access_key(self, UserName: str, AccessKeyId: str, Status: str) -> None:  # noqa: N803
        if self.error:
            self._fail(self.error)
        self.calls.append(f"{UserName} {AccessKeyId} {Status}")


def event(confidence: Confidence = Confidence.HIGH, *, times: int = 1) -> SecurityEvent:
    base = security_event()
    (finding, *_) = base.findings
    return replace(base, findings=tuple(replace(finding, identity=KEY, confidence=confidence) for _ in range(times)))


def keys(aws: Aws) -> AccessKeys:
    return AccessKeys(aws, aws)  # type: ignore[arg-type]


def test_a_key_of_this_account_is_looked_up_and_then_set_inactive_once() -> None:
    aws = Aws()

    outcome = revoke(event(times=3), keys(aws), least=Confidence.HIGH)

    assert aws.calls == ["info", "used", f"deployer {KEY} Inactive"]
    assert outcome.outcome == "done"
    assert "deployer" in outcome.summary
    assert KEY not in outcome.summary + repr(outcome.facts)
    assert shown(KEY) in outcome.summary


def test_the_plan_says_whose_key_it_is_and_when_it_was_used_before_anything_is_done() -> None:
    aws = Aws()

    (made,) = plan(event(), keys(aws), least=Confidence.HIGH)

    assert "user deployer" in made.explain()
    assert "never used" in made.explain()
    assert aws.calls == ["info", "used"]


@pytest.mark.parametrize(
    ("aws", "said"),
    [
        (Aws(account=THEIRS), THEIRS),
        (Aws(account=None), "knows no access key"),
        (Aws(user=None), "has no access key"),
        (Aws(user=""), "root user"),
    ],
)
def test_a_key_that_cannot_be_switched_off_is_told_and_left_alone(aws: Aws, said: str) -> None:
    outcome = revoke(event(), keys(aws), least=Confidence.HIGH)

    assert outcome.outcome == "refused"
    assert said in outcome.summary
    assert not [call for call in aws.calls if "Inactive" in call]


def test_a_finding_below_the_policys_confidence_switches_nothing_off() -> None:
    aws = Aws()

    assert revoke(event(Confidence.MEDIUM), keys(aws), least=Confidence.HIGH).outcome == "refused"
    assert aws.calls == []


def test_missing_rights_are_an_error_that_names_them() -> None:
    aws = Aws(error="AccessDenied")

    with pytest.raises(AccessKeyError, match="iam:UpdateAccessKey"):
        execute(plan(event(), keys(aws), least=Confidence.HIGH), keys(aws))


def test_a_passing_fault_is_raised_as_it_came() -> None:
    aws = Aws(error="Throttling")

    with pytest.raises(ClientError):
        execute(plan(event(), keys(aws), least=Confidence.HIGH), keys(aws))


def test_a_key_that_was_used_says_when_and_where() -> None:
    made = RevokePlan(KEY, KeyUse("a", "2026-11-01T10:00+00:00", "s3", "eu-west-1"))

    assert "last used at 2026-11-01T10:00+00:00 with s3 in eu-west-1" in made.explain()


@pytest.mark.parametrize("identity", ["ASIA" + "A" * 16, "AKIA; drop", "AKIA" + "a" * 16, 7])
def test_an_event_whose_identity_is_no_access_key_id_is_refused(identity: Any) -> None:
    detail = event().to_detail()
    detail["findings"][0]["identity"] = identity

    with pytest.raises(MalformedEventError):
        SecurityEvent.from_detail(detail)
