"""Living with findings: what a repository's owners decided to accept.

Read with :func:`load`, applied with :meth:`Suppressions.apply`. A suppression names a *value* by its keyed fingerprint,
never a line; see ``docs/findings.md``.
"""

from __future__ import annotations

from pushwarden.suppress.apply import Suppressions, load
from pushwarden.suppress.model import Entry, Kind, Stale, Suppressed

__all__ = ["Entry", "Kind", "Stale", "Suppressed", "Suppressions", "load"]
