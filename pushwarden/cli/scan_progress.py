"""A progress line on standard error, on a terminal only."""

from __future__ import annotations

import sys
import time
from typing import Final

from pushwarden.history.local.model import Progress

FIRST_AFTER_S: Final = 1.0
"""Shorter scans show nothing."""
EVERY_S: Final = 0.1
BAR: Final = 24
MB: Final = 1_000_000
CLEAR_LINE: Final = "\r\x1b[K"


class ProgressLine:
    """Draws and wipes one line; does nothing where nobody looks."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._start = time.monotonic()
        self._next = self._start + FIRST_AFTER_S
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        """Draw the progress, at most ten times a second."""
        now = time.monotonic()
        if not self._enabled or now < self._next:
            return
        self._next = now + EVERY_S
        sys.stderr.write(CLEAR_LINE + render(progress, now - self._start))
        sys.stderr.flush()
        self._drawn = True

    def clear(self) -> None:
        """Wipe the line, if one was drawn."""
        if self._drawn:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
            self._drawn = False


def render(progress: Progress, elapsed_s: float) -> str:
    """Return the line: bar, share, bytes and rate."""
    share = min(1.0, progress.done_bytes / progress.total_bytes) if progress.total_bytes else 1.0
    full = round(share * BAR)
    rate = progress.done_bytes / MB / elapsed_s if elapsed_s > 0 else 0.0
    bar = "━" * full + "╌" * (BAR - full)
    done, total = progress.done_bytes / MB, progress.total_bytes / MB
    return f"{bar} {share:4.0%}  {done:,.0f} of {total:,.0f} MB of {progress.what}  {rate:,.0f} MB/s"
