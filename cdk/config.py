"""What a deployment can be told, checked before anything is built.

The values come as CDK context: ``-c key=value`` on the command line (always text), or ``cdk.json`` and
``cdk.context.json`` (any JSON). https://docs.aws.amazon.com/cdk/v2/guide/context.html
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from pushwarden.errors import UsageError
from pushwarden.policies import LOCK_TAG_KEY
from pushwarden.settings import ACTIONS, Policy
from pushwarden.topology import SUBSCRIBERS, Subscriber

LOG_DAYS: Final = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""
ARCHITECTURES: Final = ("arm64", "x86_64")
LOCK_MODES: Final = ("deny", "tag")
ASSETS: Final = ("build", "skip")

_EMAIL: Final = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,.]+")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,28}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_ACCOUNT: Final = re.compile(r"\d{12}")
# The characters of a repository's name, and the two wildcards that fnmatch and IAM have in common:
# https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
_PATTERN: Final = re.compile(r"[A-Za-z0-9._*?-]{1,100}")
_TAG_KEY: Final = re.compile(r"[A-Za-z0-9_.:/=+@-]{1,128}")
_GROUP: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")


class ConfigError(UsageError):
    """A context value is wrong; the message names key, value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Config:
    """A deployment's configuration."""

    email: tuple[str, ...]
    """Mail addresses that are told."""
    name: str = "pushwarden"
    """Name of the stack, and how the names of its resources begin."""
    account: str | None = None
    region: str | None = None
    """Account and Region; without them, those of the caller's AWS profile."""
    rules: Path | None = None
    """Folder or file of custom rules, packed in with those of Pushwarden."""
    log_days: int = 90
    archive_days: int = 365
    backup_days: int = 400
    """Days that logs, the archive of the security bus, and backups are kept."""
    concurrency: int | None = None
    """How many pushes are scanned at once; None: as the topology says."""
    architecture: str = "x86_64"
    bytecode: bool = True
    """Pack compiled modules in: cold starts take a third of the time, and the build takes npm."""
    compiled_rules: bool = True
    """Pack compiled rules in: only a machine like the functions' can."""
    lock_mode: str = "deny"
    lock_tag_key: str = LOCK_TAG_KEY
    lock_groups: tuple[str, ...] = ()
    """IAM groups that get the lock's policy attached."""
    tracing: bool = True
    sample: bool = False
    assets: str = "build"
    """``skip`` puts an empty package in: for tests of the template only."""
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def from_context(cls, context: Mapping[str, Any], *, root: Path) -> Config:
        """Check the context of a CDK app.

        Args:
            context: everything in the context; keys of the CDK's own (with ``:`` or ``@``) are left alone.
            root: folder that relative paths start from.

        Raises:
            ConfigError: an unknown key, a wrong value, or the address is missing.
        """
        ours = {key: value for key, value in context.items() if not _is_cdks_own(key)}
        for key in ours:
            if key not in KEYS:
                by_lower = {each.lower(): each for each in KEYS}
                near = difflib.get_close_matches(key.lower(), by_lower, n=1, cutoff=0.5)
                hint = f"did you mean {by_lower[near[0]]}?" if near else f"there are {', '.join(sorted(KEYS))}."
                raise ConfigError(f"context: there is no key {key!r}; {hint}")
        if "email" not in ours:
            raise ConfigError("context: email is missing; say who is told of leaks: -c email=you@example.com")
        values = {KEYS[key][0]: KEYS[key][1](key, value) for key, value in ours.items() if key not in _POLICY_KEYS}
        if values.get("rules") is not None:
            values["rules"] = _existing(values["rules"], root)
        return cls(**values, policy=_policy({key: ours[key] for key in ours if key in _POLICY_KEYS}))

    def subscribers(self) -> tuple[Subscriber, ...]:
        """Return the functions of this deployment: the opt-in ones only where the policy asks for them."""
        return tuple(each for each in SUBSCRIBERS if each.option is None or self.policy.thresholds.get(each.option))

    def max_concurrency(self, subscriber: Subscriber) -> int:
        """Return how many of a function may run at once, at least the 2 that Lambda's event source asks for."""
        asked = self.concurrency if subscriber.name == "scan" and self.concurrency else subscriber.concurrency
        return max(2, asked)


def _is_cdks_own(key: str) -> bool:
    return ":" in key or key.startswith(("@", "aws-cdk"))


def _wrong(key: str, value: Any, allowed: str) -> ConfigError:
    return ConfigError(f"context: {key} must be {allowed}, not {value!r}")


def _strings(key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        # Both spellings, because -c gives nothing but text: a,b and ["a","b"].
        if not value.strip().startswith("["):
            return tuple(each.strip() for each in value.split(",") if each.strip())
        try:
            value = json.loads(value)
        except ValueError:
            raise _wrong(key, value, "a list: a,b or a JSON list of texts") from None
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise _wrong(key, value, "a list: a,b or a JSON list of texts")
    return tuple(value)


def _all(pattern: re.Pattern[str], allowed: str, least: int = 0) -> Callable[[str, Any], tuple[str, ...]]:
    def read(key: str, value: Any) -> tuple[str, ...]:
        values = _strings(key, value)
        if len(values) < least:
            raise _wrong(key, value, allowed)
        for each in values:
            if not pattern.fullmatch(each):
                raise _wrong(key, each, allowed)
        return values

    return read


def _text(pattern: re.Pattern[str], allowed: str) -> Callable[[str, Any], str]:
    def read(key: str, value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _wrong(key, value, allowed)
        return value

    return read


def _choice(values: tuple[str, ...]) -> Callable[[str, Any], str]:
    def read(key: str, value: Any) -> str:
        if value not in values:
            raise _wrong(key, value, f"one of {', '.join(values)}")
        return str(value)

    return read


def _number(low: int, high: int, values: tuple[int, ...] = ()) -> Callable[[str, Any], int]:
    allowed = f"one of {', '.join(map(str, values))}" if values else f"a whole number from {low:,} to {high:,}"

    def read(key: str, value: Any) -> int:
        text = str(value)
        if isinstance(value, bool) or not text.isascii() or not text.isdecimal():
            raise _wrong(key, value, allowed)
        number = int(text)
        if not low <= number <= high or (values and number not in values):
            raise _wrong(key, value, allowed)
        return number

    return read


def _switch(key: str, value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise _wrong(key, value, "true or false")
    return value


def _path(key: str, value: Any) -> Path:
    if not isinstance(value, str) or not value:
        raise _wrong(key, value, "the path of a rule file or of a folder of them")
    return Path(value)


def _existing(path: Path, root: Path) -> Path:
    found = root / path
    if not found.exists():
        raise ConfigError(f"context: rules names {str(path)!r}, and there is nothing at {found}")
    if found.is_dir() and not any(found.glob("*.toml")):
        raise ConfigError(f"context: rules names {str(path)!r}, and the folder {found} holds no .toml file")
    return found


def _policy(given: Mapping[str, Any]) -> Policy:
    repositories = _all(_PATTERN, "names of repositories, with * and ? as wildcards")
    data: dict[str, Any] = {}
    for key, value in given.items():
        data[key] = value if key in ACTIONS else list(repositories(key, value))
    try:
        policy = Policy.parse(data)
    except UsageError as error:
        raise ConfigError(f"context: {error}") from None
    there = {each.name for each in SUBSCRIBERS} | {each.option for each in SUBSCRIBERS}
    for action in ACTIONS:
        if policy.thresholds[action] is not None and action not in there:
            raise ConfigError(f"context: {action} must be off: this version has no function that does it")
    if not policy.watch:
        raise _wrong("watch", list(policy.watch), "at least one name or pattern; * watches every repository")
    return policy


_POLICY_KEYS: Final = frozenset({*ACTIONS, "resetRepositories", "watch", "ignore"})
_PLAIN: Final[Mapping[str, tuple[str, Callable[[str, Any], Any]]]] = {
    "email": ("email", _all(_EMAIL, "one or more mail addresses: -c email=a@example.com,b@example.com", least=1)),
    "name": ("name", _text(_NAME, "2 to 30 of a-z, 0-9 and -, beginning with a letter and not ending with -")),
    "account": ("account", _text(_ACCOUNT, "an AWS account id of 12 digits, as text")),
    "region": ("region", _text(_REGION, "an AWS Region such as eu-central-1")),
    "rules": ("rules", _path),
    "logRetentionDays": ("log_days", _number(1, 3653, LOG_DAYS)),
    "archiveRetentionDays": ("archive_days", _number(1, 3650)),
    "backupRetentionDays": ("backup_days", _number(1, 36500)),
    "concurrency": ("concurrency", _number(2, 1000)),
    "architecture": ("architecture", _choice(ARCHITECTURES)),
    "bytecode": ("bytecode", _switch),
    "compiledRules": ("compiled_rules", _switch),
    "lockMode": ("lock_mode", _choice(LOCK_MODES)),
    "lockTagKey": ("lock_tag_key", _text(_TAG_KEY, "a tag key of 1 to 128 letters, digits and _.:/=+@-")),
    "lockGroups": ("lock_groups", _all(_GROUP, "names of IAM groups that exist")),
    "tracing": ("tracing", _switch),
    "sample": ("sample", _switch),
    "assets": ("assets", _choice(ASSETS)),
}
KEYS: Final[Mapping[str, tuple[str, Callable[[str, Any], Any]]]] = {
    **_PLAIN,
    **dict.fromkeys(sorted(_POLICY_KEYS), ("policy", _path)),
}
"""Every context key: the field it sets and what reads it; the policy's keys are read together."""

if {name for name, _ in KEYS.values()} != {each.name for each in fields(Config)}:  # pragma: no cover
    raise AssertionError("every field of Config needs a key, and every key a field")
