from __future__ import annotations

from collections.abc import Sequence

import pytest

from pushwarden.errors import UsageError
from pushwarden.events import Change
from pushwarden.model import Confidence, Result
from pushwarden.respond.policy import decide
from pushwarden.settings import Policy, Settings

LOW, MEDIUM, HIGH = Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH


def actions(
    confidences: Sequence[Confidence],
    policy: Policy | None = None,
    *,
    allowed: bool = True,
    change: Change = Change.UPDATED,
    result: Result = Result.FINDINGS,
) -> tuple[str, ...]:
    return decide(
        change=change, confidences=confidences, result=result, policy=policy or Policy(), reset_allowed=lambda: allowed
    )


def test_by_default_low_is_told_and_medium_is_contained() -> None:
    assert actions([LOW]) == ("notify",)
    assert actions([LOW, MEDIUM]) == ("notify", "lock", "reset")


def test_a_reset_needs_the_repositorys_consent() -> None:
    assert actions([HIGH], allowed=False) == ("notify", "lock")


def test_consent_is_not_asked_for_where_nothing_calls_for_a_reset() -> None:
    def never() -> bool:
        raise AssertionError

    decide(change=Change.UPDATED, confidences=[LOW], result=Result.FINDINGS, policy=Policy(), reset_allowed=never)


def test_a_ref_that_is_gone_cannot_be_reset() -> None:
    assert actions([HIGH], change=Change.DELETED) == ("notify", "lock")


def test_an_incomplete_scan_is_told_even_without_findings() -> None:
    assert actions([], result=Result.INCOMPLETE) == ("notify",)
    assert actions([], result=Result.CLEAN) == ()


def test_thresholds_come_from_the_configuration() -> None:
    policy = Policy.parse({"lock": "high", "reset": "off", "revoke": "high"})

    assert actions([MEDIUM], policy) == ("notify",)
    assert actions([HIGH], policy) == ("notify", "lock")


def test_only_an_access_key_can_be_revoked_and_only_at_its_own_confidence() -> None:
    policy = Policy.parse({"revoke": "high"})

    def revoked(revocable: Sequence[Confidence]) -> bool:
        decided = decide(
            change=Change.DELETED,
            confidences=[HIGH],
            result=Result.FINDINGS,
            policy=policy,
            reset_allowed=lambda: False,
            revocable=revocable,
        )
        return "revoke" in decided

    assert [revoked([]), revoked([MEDIUM]), revoked([LOW, HIGH])] == [False, False, True]


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ({"lok": "high"}, "no key 'lok'"),
        ({"lock": "sometimes"}, "off, low, medium or high"),
        ({"lock": True}, "off, low, medium or high"),
        ({"notify": "off"}, "notify cannot be off"),
        ({"watch": "*"}, "list of repository name patterns"),
    ],
)
def test_a_wrong_policy_is_refused_by_name(data: dict[str, object], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        Policy.parse(data)


def test_a_policy_comes_back_as_it_was_written() -> None:
    policy = Policy.parse(
        {"lock": "high", "revoke": "medium", "watch": ["a*"], "ignore": ["ab*"], "resetRepositories": ["x"]}
    )

    assert Policy.parse(policy.to_data()) == policy
    assert policy.watches("aa")
    assert not policy.watches("abc")
    assert not policy.watches("b")


SETTINGS = Settings("eu-central-1", "t", "b", "k", "arn:mail", "bucket", policy=Policy.parse({"lock": "high"}))


def test_settings_come_back_from_the_environment_they_made() -> None:
    assert Settings.from_environment({"AWS_REGION": "eu-central-1", **SETTINGS.to_environment()}) == SETTINGS


@pytest.mark.parametrize("missing", ["PUSHWARDEN_TABLE", "PUSHWARDEN_MAIL_TOPIC", "AWS_REGION"])
def test_a_missing_variable_is_named(missing: str) -> None:
    environment = {"AWS_REGION": "eu-central-1", **SETTINGS.to_environment()}
    del environment[missing]
    with pytest.raises(UsageError, match=missing):
        Settings.from_environment(environment)


@pytest.mark.parametrize("text", ["{", "[]", '{"lock": 1}'])
def test_a_wrong_policy_variable_is_refused(text: str) -> None:
    environment = {"AWS_REGION": "x", **SETTINGS.to_environment(), "PUSHWARDEN_POLICY": text}
    with pytest.raises(UsageError):
        Settings.from_environment(environment)
