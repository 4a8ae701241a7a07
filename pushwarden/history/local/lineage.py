"""Scan blobs as what they are in a pack: changes of other blobs."""

from __future__ import annotations

import time
from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pushwarden.detect import Scanner as DetectScanner
from pushwarden.history.local.content import checked, scan_content
from pushwarden.history.local.model import Limits, Scan, Scanner
from pushwarden.history.local.packs import Place, Stored

if TYPE_CHECKING:  # imported at run time for the first blob of a pack: a hook reads none
    from pushwarden.detect.versions import Record, Versions

MOST_RECORDS: Final = 8192
"""So much is remembered of scanned blobs; packs store what belongs together side by side."""


class Lineage:
    """Scans blobs one after the other and remembers what their versions need. One for each process."""

    def __init__(self, scanner: Scanner, limits: Limits) -> None:
        self._scanner, self._limits = scanner, limits
        self._records: dict[tuple[Place, Hashable], Record] = {}

    def path_class(self, path: str) -> Hashable:
        """Return what the rules see of a path: at paths of the same class, the same is found in the same blob."""
        return path if self._detector is None else self._detector.path_class(path)

    @cached_property
    def _detector(self) -> DetectScanner | None:
        scanner = self._scanner
        if isinstance(scanner, DetectScanner) and scanner.is_local and self._limits.by_changes:
            return scanner
        return None

    @cached_property
    def _versions(self) -> Versions | None:
        if self._detector is None:
            return None
        from pushwarden.detect.versions import Versions  # noqa: PLC0415 - see above

        return Versions(self._detector)

    def scan(self, blob: Stored, path: str) -> Scan:
        """Return what :func:`~pushwarden.history.local.content.scan_content` says of a blob at ``path``."""
        if blob.place is None or self._versions is None:
            return scan_content(self._scanner, blob.data, path, self._limits)
        from pushwarden.detect.versions import Change  # noqa: PLC0415 - see above

        place = self.path_class(path)
        base = self._records.get((blob.base, place)) if blob.base is not None else None
        change = Change(base, blob.copies) if base is not None else None
        result, record = self._versions.scan(blob.data, path, time.monotonic() + self._limits.content_s, change)
        if record is not None:
            self._keep((blob.place, place), record)
        return checked(result, blob.data, path)

    def _keep(self, key: tuple[Place, Hashable], record: Record) -> None:
        self._records[key] = record
        if len(self._records) > MOST_RECORDS:
            del self._records[next(iter(self._records))]
