"""The policy evaluator, case by case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.local.codecommit.iam import AccessRequest, Decision, PolicyError, check_policy, evaluate

REPO = "arn:aws:codecommit:eu-central-1:111122223333:shop"
ALLOW, DENY, NONE = Decision.ALLOW, Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY


def policy(**statement: Any) -> dict[str, Any]:
    given = {"Effect": "Allow", **statement}
    if "NotAction" not in given:
        given.setdefault("Action", "*")
    if "NotResource" not in given:
        given.setdefault("Resource", "*")
    return {"Version": "2012-10-17", "Statement": [given]}


def decide(
    *policies: dict[str, Any], action: str = "codecommit:GitPush", resource: str = REPO, **context: Any
) -> Decision:
    for each in policies:
        check_policy(each)
    keys = {key.replace("__", ":").replace("_slash_", "/").lower(): value for key, value in context.items()}
    return evaluate(policies, AccessRequest(action, resource, keys))


def condition(operator: str, key: str, *values: str) -> dict[str, Any]:
    return policy(Condition={operator: {key: list(values)}})


def test_without_policies_nothing_is_allowed() -> None:
    assert decide() is NONE


def test_an_explicit_deny_wins_in_any_order() -> None:
    deny = policy(Effect="Deny", Action="codecommit:Git*")
    assert decide(policy(), deny) is DENY
    assert decide(deny, policy()) is DENY
    assert decide(policy(), deny, action="codecommit:GetBlob") is ALLOW


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "codecommit:GitPush"}, ALLOW),
        ({"Action": "CODECOMMIT:gitpush"}, ALLOW),
        ({"Action": ["codecommit:GitPull", "codecommit:GitP?sh"]}, ALLOW),
        ({"Action": "codecommit:Git"}, NONE),
        ({"Action": "s3:*"}, NONE),
        ({"NotAction": "codecommit:Delete*"}, ALLOW),
        ({"NotAction": ["codecommit:Git*"]}, NONE),
        ({"Resource": REPO}, ALLOW),
        ({"Resource": "arn:aws:codecommit:*:111122223333:sh*"}, ALLOW),
        ({"Resource": REPO.upper()}, NONE),
        ({"Resource": "arn:aws:codecommit:eu-central-1:111122223333:s.op"}, NONE),
        ({"NotResource": "arn:aws:codecommit:*:*:secret-*"}, ALLOW),
        ({"NotResource": [REPO]}, NONE),
    ],
)
def test_actions_and_resources_are_matched_with_wildcards(statement: dict[str, Any], expected: Decision) -> None:
    assert decide(policy(**statement)) is expected


TAG = "aws:ResourceTag/RepoState"


@pytest.mark.parametrize(
    ("operator", "wanted", "present", "absent"),
    [
        # wanted value, what happens when the tag is "locked", what happens without the tag
        ("StringEquals", "locked", ALLOW, NONE),
        ("StringEquals", "Locked", NONE, NONE),
        ("StringEqualsIfExists", "locked", ALLOW, ALLOW),
        ("StringEqualsIfExists", "open", NONE, ALLOW),
        ("StringEqualsIgnoreCase", "LOCKED", ALLOW, NONE),
        ("StringNotEquals", "locked", NONE, ALLOW),
        ("StringNotEquals", "open", ALLOW, ALLOW),
        ("StringNotEqualsIfExists", "locked", NONE, ALLOW),
        ("StringNotEqualsIgnoreCase", "LOCKED", NONE, ALLOW),
        ("StringLike", "lock*", ALLOW, NONE),
        ("StringLike", "LOCK*", NONE, NONE),
        ("StringLikeIfExists", "open*", NONE, ALLOW),
        ("StringNotLike", "lock*", NONE, ALLOW),
        ("Null", "false", ALLOW, NONE),
        ("Null", "true", NONE, ALLOW),
    ],
)
def test_conditions_on_one_value(operator: str, wanted: str, present: Decision, absent: Decision) -> None:
    given = condition(operator, TAG, wanted)
    assert decide(given, aws__resourcetag_slash_repostate=["locked"]) is present
    assert decide(given) is absent


def test_condition_keys_ignore_case() -> None:
    assert (
        decide(condition("StringEquals", "AWS:resourceTAG/repoSTATE", "x"), aws__resourcetag_slash_repostate=["x"])
        is ALLOW
    )


def test_several_values_are_alternatives_and_several_keys_and_operators_must_all_hold() -> None:
    assert decide(condition("StringEquals", "aws:a", "x", "y"), aws__a=["y"]) is ALLOW
    assert decide(condition("StringNotEquals", "aws:a", "x", "y"), aws__a=["y"]) is NONE
    both = policy(Condition={"StringEquals": {"aws:a": "1", "aws:b": "2"}, "StringLike": {"aws:c": "3*"}})
    assert decide(both, aws__a=["1"], aws__b=["2"], aws__c=["33"]) is ALLOW
    assert decide(both, aws__a=["1"], aws__b=["2"], aws__c=["4"]) is NONE
    assert decide(both, aws__a=["1"], aws__c=["33"]) is NONE


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAnyValue:StringEquals", ["RepoState", "Other"], ALLOW),
        ("ForAnyValue:StringEquals", ["Other"], NONE),
        ("ForAnyValue:StringEquals", [], NONE),
        ("ForAllValues:StringEquals", ["RepoState"], ALLOW),
        ("ForAllValues:StringEquals", ["RepoState", "Other"], NONE),
        ("ForAllValues:StringEquals", [], ALLOW),
        ("ForAnyValue:StringNotEquals", ["RepoState", "Other"], ALLOW),
        ("ForAnyValue:StringNotEquals", ["RepoState"], NONE),
        ("ForAnyValue:StringNotEquals", [], NONE),
        ("ForAllValues:StringNotEquals", ["RepoState", "Other"], NONE),
        ("ForAllValues:StringNotLike", ["Other"], ALLOW),
        ("ForAnyValue:StringLike", ["RepoState"], ALLOW),
    ],
)
def test_conditions_on_several_values(operator: str, values: list[str], expected: Decision) -> None:
    assert decide(condition(operator, "aws:TagKeys", "RepoState"), aws__tagkeys=values) is expected


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike"])
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("arn:aws:iam::111122223333:role/pushwarden-*", ALLOW),
        ("arn:*:iam::*:role/pushwarden-reset", ALLOW),
        ("arn:aws:*:role/pushwarden-reset", NONE),
        ("arn:aws:iam::111122223333:user/*", NONE),
        ("*", NONE),
    ],
)
def test_arns_are_compared_part_by_part(operator: str, pattern: str, expected: Decision) -> None:
    arn = "arn:aws:iam::111122223333:role/pushwarden-reset"
    assert decide(condition(operator, "aws:PrincipalArn", pattern), aws__principalarn=[arn]) is expected
    opposite = NONE if expected is ALLOW else ALLOW
    negated = operator.replace("Arn", "ArnNot")
    assert decide(condition(negated, "aws:PrincipalArn", pattern), aws__principalarn=[arn]) is opposite


def test_booleans_are_compared_as_text() -> None:
    given = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:x": True}}}}
    assert decide(given, aws__x=["true"]) is ALLOW
    assert decide(given, aws__x=["false"]) is NONE
    assert decide(given) is NONE


def test_the_documented_protection_of_a_branch_leaves_the_advertisement_alone() -> None:
    protect = policy(
        Effect="Deny",
        Action="codecommit:GitPush",
        Condition={
            "StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]},
            "Null": {"codecommit:References": "false"},
        },
    )
    assert decide(policy(), protect) is ALLOW
    assert decide(policy(), protect, codecommit__references=["refs/heads/main"]) is DENY
    assert decide(policy(), protect, codecommit__references=["refs/heads/x", "refs/heads/main"]) is DENY
    assert decide(policy(), protect, codecommit__references=["refs/heads/x"]) is ALLOW


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "no Statement"),
        ({"Statement": "x"}, "no Statement"),
        (policy(Effect="Maybe"), "Allow or Deny"),
        (policy(Principal="*"), "Principal"),
        (policy(NotAction="x", Action="y"), "either Action or NotAction"),
        ({"Statement": {"Effect": "Allow", "Action": "*"}}, "either Resource or NotResource"),
        (condition("DateGreaterThan", "aws:CurrentTime", "2020-01-01"), "DateGreaterThan"),
        (condition("ForSomeValues:StringEquals", "aws:x", "y"), "ForSomeValues"),
        (condition("StringEquals", "aws:x", "${aws:username}"), "variables"),
        (policy(Resource="arn:aws:codecommit:*:*:${aws:username}-*"), "variables"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_and_not_ignored(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        check_policy(wrong)


@given(st.text(alphabet="ab.*?[]", max_size=8), st.text(alphabet="ab.[]", max_size=8))
def test_a_wildcard_pattern_means_what_a_slow_matcher_says(pattern: str, value: str) -> None:
    def slow(left: str, right: str) -> bool:
        if not left:
            return not right
        if left[0] == "*":
            return any(slow(left[1:], right[at:]) for at in range(len(right) + 1))
        return bool(right) and left[0] in ("?", right[0]) and slow(left[1:], right[1:])

    decision = decide(policy(Resource=pattern), resource=value)
    assert (decision is ALLOW) == slow(pattern, value)
