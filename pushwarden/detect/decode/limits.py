"""How far decoding goes; what lies beyond a limit is reported as a gap, never passed over."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from pushwarden.model import Gap

MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits; the defaults suit a Lambda function with 1 GB of memory."""

    text_depth: int = 4
    """Encodings inside encodings: base64 of base64 is two."""
    archive_depth: int = 5
    """Archives inside archives."""
    member_bytes: int = 64 * MEGABYTE
    """Size of one unpacked file."""
    total_bytes: int = 256 * MEGABYTE
    """Size of everything unpacked from one piece of content."""
    members: int = 20_000
    """Files unpacked from one piece of content."""
    ratio: int = 250
    """Unpacked bytes for each packed byte, from 10 MB on."""


@dataclass(slots=True)
class Budget:
    """What is left of the limits while one piece of content is looked at, and the gaps so far."""

    limits: Limits
    path: str
    deadline: float | None
    gaps: list[Gap] = field(default_factory=list)
    unpacked: int = 0
    members: int = 0
    found: int = 0
    """Places of secrets so far."""
    slow: set[str] = field(default_factory=set)
    """Names of rules whose filters took too long: they drop nothing any more."""
    lenient: bool = False
    """Damage is no gap: what looks like an archive is only text that was decoded on suspicion."""

    def gap(self, code: str, what: str, advice: str) -> None:
        """Record that something was not looked at; each message once."""
        gap = Gap(code, f"{what}; {advice}", self.path or None)
        if gap not in self.gaps:
            self.gaps.append(gap)

    def late(self) -> bool:
        """Tell whether the time is up, and record it."""
        if self.deadline is None or time.monotonic() < self.deadline:
            return False
        self.gap("timeout", "not fully scanned: the time was up", "scan it again with more time")
        return True
