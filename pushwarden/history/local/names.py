"""Secrets in the names of files and folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from typing import Final

from pushwarden.history.local.content import scan_content
from pushwarden.history.local.model import Found, Limits, Scan, Scanner
from pushwarden.model import Finding, Gap, Source

SHORTEST: Final = 8
"""No rule's secret is shorter, and most names are."""
BATCH: Final = 4096
SEPARATOR: Final = b"\n" * 8
"""Wider than any rule looks around a match."""


def distinct_names(paths: Iterable[str]) -> dict[str, str]:
    """Return each different component of the paths with the first path that has it."""
    names: dict[str, str] = {}
    for path in paths:
        for name in path.split("/"):
            if len(name) >= SHORTEST and name not in names:
                names[name] = path
    return names


def hit_names(paths: Iterable[str], scanner: Scanner, limits: Limits) -> dict[str, tuple[str, Scan]]:
    """Return each name in ``paths`` in which something was found, with the first path that has it and what it was."""
    found: dict[str, tuple[str, Scan]] = {}
    items = iter(distinct_names(paths).items())
    while batch := dict(islice(items, BATCH)):
        # Most batches are clean, and then one call was enough for thousands of names.
        joined = SEPARATOR.join(os.fsencode(name) for name in batch)
        if not scan_content(scanner, joined, "", limits):
            continue
        for name, path in batch.items():
            scan = scan_content(scanner, os.fsencode(name), "", limits)
            if scan:
                found[name] = (path, scan)
    return found


def scan_names(paths: Iterable[str], scanner: Scanner, limits: Limits) -> tuple[list[Found], list[Gap]]:
    """Scan the names in ``paths``; a folder's name is reported once, at the first path below it."""
    scans = hit_names(paths, scanner, limits).values()
    found = [Found(Finding(hit.match, path, Source.FILE_NAME)) for path, scan in scans for hit in scan.hits]
    return found, [gap for _, scan in scans for gap in scan.gaps]
