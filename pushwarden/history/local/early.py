"""Git's part of a whole scan, begun before everything else: it works on another processor while we get ready."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from pushwarden.history.local.git import Git
from pushwarden.history.local.objects import ListJob
from pushwarden.history.local.wholelog import WholeLog

EVERYTHING: Final = ("--all", "--reflog")


class Started:
    """The list of all objects and the log of all commits, on their way."""

    def __init__(self, git: Git) -> None:
        self.listing = ListJob(git)
        self.log = WholeLog(git, EVERYTHING)

    def close(self) -> None:
        """End git, where it still runs, and drop what it said."""
        self.listing.close()
        self.log.close()


def place_of(cache: Path, common_dir: Path) -> Path:
    """Return the folder for what is remembered of the repository at ``common_dir``."""
    return cache / "history" / hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:32]
