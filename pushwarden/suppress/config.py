"""``.pushwarden.toml``: settings of ``pushwarden scan``, and suppressions that need a sentence of explanation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pushwarden.model import Confidence
from pushwarden.suppress.files import CONFIG_NAME, SuppressError, read_text
from pushwarden.suppress.model import Entry


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
    path = config or root / CONFIG_NAME
    text = read_text(path)
    if text is None:
        if config is not None:
            raise SuppressError(str(config), "there is no such configuration file; check --config")
        return Config()
    from pushwarden.suppress.config_text import parse_config  # noqa: PLC0415 - most repositories have no such file

    return parse_config(text, path)
