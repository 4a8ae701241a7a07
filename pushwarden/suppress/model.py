"""What suppressions are, and what became of them in a scan."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


class Kind(enum.Enum):
    """Where a suppression is written; the order is the order in which a finding is counted."""

    INLINE = "inline"
    """A comment beside the secret, such as ``pushwarden:allow``."""
    CONFIG = "config"
    """A ``[[suppress]]`` table of ``.pushwarden.toml``."""
    IGNORE_FILE = "ignore-file"
    """A line of ``.pushwarden-ignore``, by hand or by ``pushwarden baseline``."""
    GITLEAKS = "gitleaksignore"
    """A line of ``.gitleaksignore``."""
    DETECT_SECRETS = "detect-secrets"
    """An entry of ``.secrets.baseline``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One suppression by value, rule or path. A finding must meet every condition that is set."""

    kind: Kind
    where: str
    """File and place of the entry, to show: ``.pushwarden.toml:12``."""
    fingerprints: frozenset[str] = frozenset()
    """Keyed fingerprints of the values, 32 lower-case hex digits each; empty: any value."""
    rules: tuple[str, ...] = ()
    """Globs over rule ids; empty: any rule."""
    paths: tuple[str, ...] = ()
    """Globs over paths, ``**`` crosses folders; empty: any path."""
    reason: str = ""
    author: str = ""
    until: date | None = None
    """The last day on which it counts; None: for ever."""
    seen: str = ""
    """Path where the baseline saw it; for people, no condition."""


@dataclass(frozen=True, slots=True)
class Stale:
    """A suppression that did nothing: it met no finding, or its day is over."""

    kind: Kind
    where: str
    """File and place: ``.pushwarden-ignore:7``."""
    what: str
    """What it was for, in one line; may hold text that others wrote."""
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The count of what was suppressed, and the suppressions worth removing."""

    total: int = 0
    by_kind: Mapping[str, int] = field(default_factory=dict)
    """:attr:`Kind.value` to the number of findings; a finding counts once, for the first kind that meets it."""
    unused: tuple[Stale, ...] = ()
    expired: tuple[Stale, ...] = ()
