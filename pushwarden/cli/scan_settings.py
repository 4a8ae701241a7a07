"""What one scan is asked to do: flag over environment over file over default."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pushwarden.errors import UsageError
from pushwarden.history.local.model import Limits
from pushwarden.history.local.pool import default_jobs
from pushwarden.model import Confidence

if TYPE_CHECKING:
    from pushwarden.suppress.config import Config

COLORS: Final = ("auto", "always", "never")
CACHE_VARIABLE: Final = "PUSHWARDEN_CACHE_DIR"
WHOLE_VARIABLE: Final = "PUSHWARDEN_WHOLE_BLOBS"
"""Set to anything: no version of a file is scanned by what it changed. For measuring and for looking for faults."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Flags:
    """What was said on the command line or in the environment; None or empty: not said."""

    rules: tuple[Path, ...] = ()
    default_rules: bool | None = None
    config: Path | None = None
    formats: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    min_confidence: str | None = None
    fail_on: str | None = None
    color: str | None = None
    jobs: int | None = None
    cache: bool | None = None
    max_file_size: int | None = None
    show_secrets: bool = False
    exit_zero: bool = False
    quiet: bool = False
    verbose: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of a scan's settings."""

    rules: tuple[Path, ...]
    default_rules: bool
    config: Path | None
    format: str | None
    """Format of the configuration file, for standard output."""
    min_confidence: Confidence
    fail_on: Confidence
    color: str
    jobs: int
    cache: bool
    limits: Limits


def merge(flags: Flags, config: Config) -> Settings:
    """Return the settings: what the flags leave open comes from the file, then from the defaults.

    Raises:
        UsageError: a confidence is none of ``low``, ``medium``, ``high``.
    """
    file = config.scan
    return Settings(
        rules=(*file.rules, *flags.rules),
        default_rules=_first(flags.default_rules, file.default_rules, fallback=True),
        config=flags.config,
        format=file.format,
        min_confidence=_first(_confidence(flags.min_confidence), file.min_confidence, fallback=Confidence.LOW),
        fail_on=_first(_confidence(flags.fail_on), file.fail_on, fallback=Confidence.LOW),
        color=_first(flags.color, file.color, fallback="auto"),
        jobs=_first(flags.jobs, file.jobs, fallback=default_jobs()),
        cache=_first(flags.cache, file.cache, fallback=True),
        limits=_limits(flags),
    )


def _limits(flags: Flags) -> Limits:
    size = flags.max_file_size
    by_changes = not os.environ.get(WHOLE_VARIABLE)
    return Limits(by_changes=by_changes) if size is None else Limits(content_bytes=size, by_changes=by_changes)


def _first(*said: Value | None, fallback: Value) -> Value:
    return next((each for each in said if each is not None), fallback)


def _confidence(text: str | None) -> Confidence | None:
    try:
        return None if text is None else Confidence.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def cache_dir() -> Path:
    """Return the folder for compiled rules and remembered results: ``PUSHWARDEN_CACHE_DIR``, or the system's own place.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    if said := os.environ.get(CACHE_VARIABLE):
        return Path(said)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pushwarden"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "pushwarden"
