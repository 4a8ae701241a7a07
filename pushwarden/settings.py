"""What a deployed function is told through its environment, read once and checked before anything else happens."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from pushwarden.errors import UsageError
from pushwarden.model import Confidence
from pushwarden.policies import LOCK_TAG_KEY, RESET_ALLOWED, RESET_TAG_KEY

ACTIONS: Final = ("notify", "lock", "reset", "revoke", "comment", "securityhub")
"""Everything that can follow from a security event, in the order in which it should."""
CONTAINING: Final = frozenset({"lock", "reset"})
"""Actions that keep a finding open until somebody deals with it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which confidence triggers what, and where."""

    thresholds: Mapping[str, Confidence | None] = field(
        default_factory=lambda: {
            "notify": Confidence.LOW,
            "lock": Confidence.MEDIUM,
            "reset": Confidence.MEDIUM,
            "revoke": None,
            "comment": None,
            "securityhub": None,
        }
    )
    """Least confidence of a finding for each action; None switches the action off."""
    reset_repositories: tuple[str, ...] = ()
    """Patterns (``*``, ``?``) of repositories that allow reset without a tag."""
    watch: tuple[str, ...] = ("*",)
    """Patterns of repositories that are watched."""
    ignore: tuple[str, ...] = ()
    """Patterns of repositories that are not, even if ``watch`` names them."""

    def watches(self, repository: str) -> bool:
        """Tell whether pushes to a repository are scanned at all."""
        return _any(repository, self.watch) and not _any(repository, self.ignore)

    def allows_reset(self, repository: str) -> bool:
        """Tell whether the configuration (not a tag) allows to reset a repository's refs."""
        return _any(repository, self.reset_repositories)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Policy:
        """Read a policy from JSON-like data, as the environment and the CDK app give it.

        Raises:
            UsageError: an unknown key or a wrong value, by name.
        """
        thresholds = dict(cls().thresholds)
        lists: dict[str, tuple[str, ...]] = {}
        for key, value in data.items():
            if key in ACTIONS:
                thresholds[key] = _threshold(key, value)
            elif key in {"resetRepositories", "watch", "ignore"}:
                if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                    raise UsageError(f"policy: {key} must be a list of repository name patterns, not {value!r}")
                lists[key] = tuple(value)
            else:
                known = ", ".join((*ACTIONS, "resetRepositories", "watch", "ignore"))
                raise UsageError(f"policy: there is no key {key!r}; known are {known}")
        if thresholds["notify"] is None:
            raise UsageError("policy: notify cannot be off; a leak that nobody is told of helps nobody")
        return cls(
            thresholds,
            reset_repositories=lists.get("resetRepositories", ()),
            watch=lists.get("watch", ("*",)),
            ignore=lists.get("ignore", ()),
        )

    def to_data(self) -> dict[str, Any]:
        """Return what :meth:`parse` reads."""
        return {
            **{action: "off" if least is None else least.label for action, least in self.thresholds.items()},
            "resetRepositories": list(self.reset_repositories),
            "watch": list(self.watch),
            "ignore": list(self.ignore),
        }


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a function's environment says."""

    region: str
    table: str
    security_bus: str
    key_id: str
    mail_topic: str
    backup_bucket: str
    chat_topic: str = ""
    scan_queue: str = ""
    """URL of the queue that push events wait in."""
    late_queue: str = ""
    """URL of the queue for those that have waited there for long; empty: they are scanned in their order."""
    backfill_machine: str = ""
    """ARN of the backfill's state machine."""
    git_url: str = ""
    """Scheme and host of CodeCommit's git server; by default the Region's public endpoint."""
    rules: str = ""
    """Path of custom rules inside the package."""
    lock_tag_key: str = LOCK_TAG_KEY
    reset_tag_key: str = RESET_TAG_KEY
    reset_tag_value: str = RESET_ALLOWED
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables, ``PUSHWARDEN_TABLE`` for ``table`` and so on.

        Raises:
            UsageError: a variable is missing or wrong; the message names it.
        """
        values: dict[str, Any] = {}
        for each in fields(cls):
            name = variable(each.name)
            if each.name == "policy":
                values["policy"] = _policy(environment.get(name, "{}"), name)
            elif name in environment:
                values[each.name] = environment[name]
            elif each.name in _REQUIRED:
                raise UsageError(f"the environment variable {name} is missing; the function's deployment sets it")
        return cls(**values)

    def to_environment(self) -> dict[str, str]:
        """Return the variables that :meth:`from_environment` reads, without those that AWS Lambda sets itself."""
        values = {variable(each.name): str(getattr(self, each.name)) for each in fields(self) if each.name != "policy"}
        values[variable("policy")] = json.dumps(self.policy.to_data(), separators=(",", ":"), sort_keys=True)
        return {name: value for name, value in values.items() if value and name != "AWS_REGION"}


_REQUIRED: Final = frozenset({"region", "table", "security_bus", "key_id", "mail_topic", "backup_bucket"})


def variable(name: str) -> str:
    """Return the environment variable that carries a setting; the Region is the one that AWS Lambda sets."""
    return "AWS_REGION" if name == "region" else f"PUSHWARDEN_{name.upper()}"


def _policy(text: str, name: str) -> Policy:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{name} is not JSON ({error})") from None
    if not isinstance(data, dict):
        raise UsageError(f"{name} must be a JSON object, not {type(data).__name__}")
    return Policy.parse(data)


def _threshold(action: str, value: Any) -> Confidence | None:
    if value == "off":
        return None
    try:
        return Confidence.parse(value)
    except ValueError:
        raise UsageError(f"policy: {action} must be off, low, medium or high, not {value!r}") from None


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
