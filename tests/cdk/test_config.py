from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk.config import KEYS, Config, ConfigError
from pushwarden.model import Confidence
from pushwarden.topology import SUBSCRIBERS

ROOT = Path(__file__).resolve().parents[2]


def read(**context: Any) -> Config:
    return Config.from_context({"email": "a@example.com", **context}, root=ROOT)


def test_an_address_is_all_that_a_deployment_needs() -> None:
    config = read()
    assert config.email == ("a@example.com",)
    assert (config.name, config.region, config.lock_mode) == ("pushwarden", None, "deny")
    assert config.policy.watch == ("*",)


def test_without_an_address_the_message_says_how_to_give_one() -> None:
    with pytest.raises(ConfigError, match=r"email is missing.*-c email=you@example\.com"):
        Config.from_context({}, root=ROOT)


@pytest.mark.parametrize(
    ("wrong", "near"), [("emails", "email"), ("logretention", "logRetentionDays"), ("Lock", "lock")]
)
def test_an_unknown_key_is_answered_with_the_nearest_one(wrong: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"no key '{wrong}'; did you mean {near}"):
        read(**{wrong: "x"})


def test_a_key_like_no_other_is_answered_with_all_of_them() -> None:
    with pytest.raises(ConfigError, match=r"there are account, .*watch"):
        read(zzz="x")


def test_the_keys_of_the_cdk_itself_are_left_alone() -> None:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert len(flags) > 50
    more = {"aws:cdk:enable-path-metadata": True, "availability-zones:account=1:region=x": []}
    assert read(**flags, **more) == read()


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("email", "", "one or more mail addresses"),
        ("email", "nobody", "one or more mail addresses"),
        ("email", 7, "a list"),
        ("email", "[oops", "a list"),
        ("name", "Push_Warden", "2 to 30 of a-z"),
        ("name", "x" * 31, "2 to 30 of a-z"),
        ("account", 123456789012, "12 digits, as text"),
        ("region", "Frankfurt", "an AWS Region"),
        ("rules", "nowhere/at/all", "there is nothing at"),
        ("rules", "docs", r"holds no \.toml file"),
        ("rules", "", "the path of a rule file"),
        ("logRetentionDays", "89", "one of 1, 3, 5"),
        ("logRetentionDays", True, "one of 1, 3, 5"),
        ("archiveRetentionDays", "0", "a whole number from 1 to 3,650"),
        ("backupRetentionDays", "1.5", "a whole number"),
        ("backupRetentionDays", "٣", "a whole number"),
        ("concurrency", "1", "a whole number from 2 to 1,000"),
        ("architecture", "x86", "one of arm64, x86_64"),
        ("bytecode", "on", "true or false"),
        ("compiledRules", "build", "true or false"),
        ("lockMode", "read", "one of deny, tag"),
        ("lockTagKey", "", "a tag key"),
        ("lockGroups", "a b", "IAM groups"),
        ("tracing", "yes", "true or false"),
        ("sample", 1, "true or false"),
        ("watch", "team/*", "names of repositories"),
        ("watch", [], "at least one name or pattern"),
        ("ignore", ["[a-z]"], "names of repositories"),
        ("resetRepositories", {"a": 1}, "a list"),
        ("lock", "severe", "off, low, medium or high"),
        ("notify", "off", "notify cannot be off"),
    ],
)
def test_a_wrong_value_is_refused_with_key_value_and_what_is_allowed(key: str, value: Any, allowed: str) -> None:
    with pytest.raises(ConfigError, match=allowed) as raised:
        read(**{key: value})
    assert key in str(raised.value)


def test_text_and_json_mean_the_same() -> None:
    spelled = [
        read(watch="a,b-*", concurrency="7", tracing="false"),
        read(watch='["a", "b-*"]', concurrency=7, tracing=False),
        read(watch=["a", "b-*"], concurrency="7", tracing=False),
    ]
    assert spelled[0] == spelled[1] == spelled[2]
    assert spelled[0].policy.watch == ("a", "b-*")


def test_custom_rules_are_found_from_the_work_tree() -> None:
    assert read(rules="patterns").rules == ROOT / "patterns"
    assert read(rules="patterns/aws.toml").rules == ROOT / "patterns" / "aws.toml"


def test_the_policy_is_read_from_flat_keys() -> None:
    policy = read(lock="high", reset="off", resetRepositories="Payments").policy
    assert policy.thresholds["lock"] is Confidence.HIGH
    assert policy.thresholds["reset"] is None
    assert policy.allows_reset("Payments")


def test_an_opt_in_function_is_there_when_its_action_is_on() -> None:
    options = [each for each in SUBSCRIBERS if each.option]
    assert not {each.name for each in read().subscribers()} & {each.name for each in options}
    for each in options:
        assert each in read(**{str(each.option): "high"}).subscribers()


def test_concurrency_is_at_least_what_lambda_asks_for() -> None:
    scan = SUBSCRIBERS[0]
    assert read().max_concurrency(scan) == scan.concurrency
    assert read(concurrency="25").max_concurrency(scan) == 25
    assert all(read(concurrency="25").max_concurrency(each) >= 2 for each in SUBSCRIBERS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3)
)


@given(key=st.sampled_from(sorted(KEYS)), value=json_values)
def test_any_value_is_taken_or_refused_with_a_message(key: str, value: Any) -> None:
    with contextlib.suppress(ConfigError):
        read(**{key: value})


def test_every_key_is_in_the_documentation() -> None:
    table = (ROOT / "docs" / "deploy.md").read_text()
    for key in KEYS:
        if key != "assets":
            assert f"| `{key}` |" in table, key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "pushwarden: context: email is missing"),
        (("-c", "email=a@example.com", "-c", "sampel=true"), "did you mean sample?"),
        (("-c", "email"), "pushwarden: -c takes KEY=VALUE, not 'email'"),
    ],
)
def test_the_app_ends_with_a_message_and_no_traceback(arguments: tuple[str, ...], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_node_the_app_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "app.py", "-c", "email=a@example.com"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs Node.js 22 or 24" in done.stderr
