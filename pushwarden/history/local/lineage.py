"""Scan blobs as what they are in a pack: changes of other blobs."""

from __future__ import annotations

import time
from typing import Final

from pushwarden.detect import Scanner as DetectScanner
from pushwarden.detect.versions import Change, Record, Versions
from pushwarden.history.local.content import checked, scan_content
from pushwarden.history.local.model import Limits, Scan, Scanner
from pushwarden.history.local.packs import Place, Stored

MOST_RECORDS: Final = 8192
"""So much is remembered of scanned blobs; packs store what belongs together side by side."""


class Lineage:
    """Scans blobs one after the other and remembers what their versions need. One for each process."""

    def __init__(self, scanner: Scanner, limits: Limits) -> None:
        self._scanner, self._limits = scanner, limits
        local = isinstance(scanner, DetectScanner) and scanner.is_local and limits.by_changes
        self._versions = Versions(scanner) if local and isinstance(scanner, DetectScanner) else None
        self._records: dict[tuple[Place, str], Record] = {}

    def scan(self, blob: Stored, path: str) -> Scan:
        """Return what :func:`~pushwarden.history.local.content.scan_content` says of a blob at ``path``."""
        if self._versions is None or blob.place is None:
            return scan_content(self._scanner, blob.data, path, self._limits)
        base = self._records.get((blob.base, path)) if blob.base is not None else None
        change = Change(base, blob.copies) if base is not None else None
        result, record = self._versions.scan(blob.data, path, time.monotonic() + self._limits.content_s, change)
        if record is not None:
            self._keep((blob.place, path), record)
        return checked(result, blob.data, path)

    def _keep(self, key: tuple[Place, str], record: Record) -> None:
        self._records[key] = record
        if len(self._records) > MOST_RECORDS:
            del self._records[next(iter(self._records))]
