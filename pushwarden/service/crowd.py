"""Which late events a backlog is made of, and which only stand behind it. Pure.

Everything that comes while thousands of events wait is late, whoever pushed it. What a process has met of the backlog shows
which repositories it is made of. An event of another repository need not wait with them: it is scanned at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_LEAST: Final = 10
"""So many late events are no backlog yet."""
_OFTEN: Final = 3
"""A repository that was not met, while the others were so often on average, is none of them: of those that are, chance hides
one in twenty, whose events then go first without need."""
_CALM_S: Final = 60.0
"""After this time without a late event, the next one belongs to another backlog."""
_MOST: Final = 20_000
"""How many repositories are remembered."""


@dataclass(slots=True)
class Crowd:
    """The late events that one process has met, by repository."""

    _met: set[str] = field(default_factory=set)
    _events: int = 0
    _last_s: float = 0.0

    def stands_apart(self, repository_id: str, now_s: float) -> bool:
        """Note a late event; tell whether its repository is none of those that the backlog is made of.

        Args:
            repository_id: of the event.
            now_s: seconds since 1970.
        """
        if now_s - self._last_s > _CALM_S or len(self._met) >= _MOST:
            self._met.clear()
            self._events = 0
        self._last_s = now_s
        apart = repository_id not in self._met and self._events >= max(_LEAST, _OFTEN * len(self._met))
        self._met.add(repository_id)
        self._events += 1
        return apart
