"""Scan one piece of content within the limits, comments that allow a secret included."""

from __future__ import annotations

import time
from dataclasses import replace

from pushwarden.history.local.model import Hit, Limits, Scan, Scanner
from pushwarden.model import ScanResult
from pushwarden.suppress.inline import allowed_lines, is_allowed

CLEAN = Scan()


def scan_content(scanner: Scanner, data: bytes, path: str, limits: Limits) -> Scan:
    """Return the hits and gaps of ``data``; each gap carries ``path`` unless it has one of its own."""
    return checked(scanner.scan(data, path=path, deadline=time.monotonic() + limits.content_s), data, path)


def checked(result: ScanResult, data: bytes, path: str) -> Scan:
    """Return what a scan of ``data`` gave, with what comments in it allow; each gap has a path."""
    if not result.matches and not result.gaps:
        return CLEAN
    lines = allowed_lines(data) if result.matches else None
    hits = tuple(Hit(match, allowed=is_allowed(lines, match.span)) for match in result.matches)
    gaps = tuple(gap if gap.path is not None else replace(gap, path=path) for gap in result.gaps)
    return Scan(hits, gaps)
