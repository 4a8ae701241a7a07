"""``.pushwarden.toml``: settings of ``pushwarden scan``, and suppressions that need a sentence of explanation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushwarden.model import Confidence
from pushwarden.suppress.model import Entry

CONFIG_NAME: Final = ".pushwarden.toml"


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """The ``[scan]`` table: each is the default of the option of the same name; None: the file does not say."""

    rules: tuple[Path, ...] = ()
    """Rule files or folders in addition to the built-in ones; relative ones stand beside the configuration file."""
    default_rules: bool | None = None
    min_confidence: Confidence | None = None
    fail_on: Confidence | None = None
    format: str | None = None
    color: str | None = None
    """``auto``, ``always`` or ``never``."""
    jobs: int | None = None
    """Worker processes, from 1."""
    cache: bool | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file says."""

    path: Path | None = None
    """The file that was read; None where there is none."""
    scan: ScanSettings = ScanSettings()
    entries: tuple[Entry, ...] = ()
    keys: tuple[bytes, ...] = ()


def read_config(root: Path, config: Path | None = None) -> Config:
    """Read ``root/.pushwarden.toml``, or ``config`` where it is given.

    Raises:
        UsageError: ``config`` is missing, or the file cannot be read or understood; the message names file and line.
    """
    del root, config
    return Config()
