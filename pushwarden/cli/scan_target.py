"""What a scan is about: the one thing that its command and its run share, so that a command need not load the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushwarden.cli.scan_settings import Settings
    from pushwarden.detect import Scanner
    from pushwarden.history.local.model import Outcome, Report


@dataclass(frozen=True, slots=True)
class Target:
    """What is scanned."""

    root: Path
    """The folder whose configuration and suppressions count."""
    shown: str
    """Its name in the report."""
    scan: Callable[[Scanner, Settings, Report], Outcome]
    whole: bool
    """Whether everything that suppressions speak of is looked at, so that an unused one can be told."""
