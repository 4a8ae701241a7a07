"""Bytes in, matches and gaps out: the one entry to detection."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from pushwarden.detect.filters import Candidate, judge_hit
from pushwarden.detect.lines import LineIndex
from pushwarden.detect.plain import Engine
from pushwarden.detect.plan import Plan
from pushwarden.detect.resolve import resolve
from pushwarden.detect.rule import RuleSet
from pushwarden.model import Gap, Match, ScanResult, Secret


@dataclass(frozen=True, slots=True)
class PairedMatch(Match):
    """A match of both halves of a credential, such as an AWS secret key with its key id."""

    paired: Secret | None = None
    """The other half."""


class Scanner:
    """Looks for secrets in content. Use one per thread."""

    def __init__(
        self, plan: Plan, engine: Engine, *, fallback_reason: str | None = None, notes: tuple[str, ...] = ()
    ) -> None:
        self.rules: RuleSet = plan.rules
        self.notes = notes
        """What of the rules given could not be honoured; for people."""
        self.fallback_reason = fallback_reason
        """Why the plain engine stands in for hyperscan; None where it does not."""
        self._engine = engine

    @property
    def engine(self) -> str:
        """Which engine runs: ``hyperscan`` or ``plain``."""
        return self._engine.name

    def scan(self, data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
        """Return what the rules find in ``data``.

        Args:
            data: the whole content.
            path: the file's path, for rules that look at it.
            deadline: a value of :func:`time.monotonic` after which the rest is left and said to be left.
        """
        if deadline is not None and time.monotonic() >= deadline:
            return ScanResult(gaps=(_timeout(path, "the time was up before it was begun"),))
        found = self._engine.find(data, deadline)
        gaps = tuple(_timeout(path, f"{rule} took too long") for rule in found.slow)
        judged = (judge_hit(hit, data, path) for hit in found.hits)
        kept = resolve([each for each in judged if each is not None], data)
        return ScanResult(_matches(kept, LineIndex(data)), gaps)


def _timeout(path: str, why: str) -> Gap:
    return Gap("timeout", f"not fully scanned: {why}; scan it again with more time", path or None)


def _matches(kept: Sequence[Candidate], lines: LineIndex) -> tuple[Match, ...]:
    """Turn candidates into matches whose snippets show no secret."""
    spans = [(each.hit.secret_start, each.hit.secret_end) for each in kept]
    return tuple(_match(each, lines, spans) for each in kept)


def _match(each: Candidate, lines: LineIndex, spans: Sequence[tuple[int, int]]) -> Match:
    rule, start, end = each.hit.rule.rule, each.hit.secret_start, each.hit.secret_end
    secret, span, snippet = Secret(lines.data[start:end]), lines.span(start, end), lines.snippet(start, end, spans)
    if each.paired is None:
        return Match(rule.id, rule.title, each.confidence, secret, span, snippet)
    return PairedMatch(rule.id, rule.title, each.confidence, secret, span, snippet, paired=Secret(each.paired))
