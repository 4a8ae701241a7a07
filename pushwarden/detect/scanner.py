"""Bytes in, matches and gaps out: the one entry to detection."""

from __future__ import annotations

import time
from collections.abc import Hashable

from pushwarden.detect.decode.limits import Budget, Limits
from pushwarden.detect.explore import Explorer, Kit
from pushwarden.detect.paths import PathClasses
from pushwarden.detect.plain import Engine
from pushwarden.detect.plan import Plan
from pushwarden.detect.reach import Reach
from pushwarden.detect.rule import RuleSet
from pushwarden.model import Gap, ScanResult


class Scanner:
    """Looks for secrets in content. Use one per thread."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        *,
        fallback_reason: str | None = None,
        notes: tuple[str, ...] = (),
        limits: Limits | None = None,
    ) -> None:
        self.rules: RuleSet = plan.rules
        self.notes = (*plan.rules.notes, *notes)
        """What of the rules given could not be honoured; for people."""
        self.fallback_reason = fallback_reason
        """Why the plain engine stands in for hyperscan; None where it does not."""
        self.limits = limits or Limits()
        self._kit = Kit(engine, plan.services, plan.judged, plan.cut_off)
        self._by_keyword = plan.by_keyword
        self._paths = PathClasses(plan.globs, by_path=plan.by_path)

    @property
    def engine(self) -> str:
        """Which engine runs: ``hyperscan`` or ``plain``."""
        return self._kit.engine.name

    @property
    def is_local(self) -> bool:
        """Whether what stands far from a change does not depend on it, and the engine can tell how far that is."""
        return self._kit.engine.knows_reach and not self._by_keyword

    def path_class(self, path: str) -> Hashable:
        """Return what decisions see of a path: at paths of the same class, the same is found in the same content."""
        return self._paths.of(path)

    def finds_wide(self, data: bytes, path: str, deadline: float | None) -> bool:
        """Tell whether a rule matches of which no reach is noted, because it may match over many lines."""
        return self._kit.engine.finds_wide(data, deadline, path)

    def scan(
        self, data: bytes, *, path: str = "", deadline: float | None = None, reach: Reach | None = None
    ) -> ScanResult:
        """Return what the rules find in ``data``, also where it is encoded or packed.

        Args:
            data: the whole content.
            path: the file's path, for rules that look at it.
            deadline: a value of :func:`time.monotonic` after which the rest is left, and said to be left.
            reach: where to note what decisions looked at, if the engine can tell: :attr:`is_local`.
        """
        if deadline is not None and time.monotonic() >= deadline:
            why = "not scanned: the time was up before it was begun; scan it again with more time"
            return ScanResult(gaps=(Gap("timeout", why, path or None),))
        budget = Budget(self.limits, path, deadline)
        matches = Explorer(self._kit, budget, reach).content(data, path)
        return ScanResult(tuple(matches), tuple(budget.gaps))
