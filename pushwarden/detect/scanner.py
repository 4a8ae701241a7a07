"""Bytes in, matches and gaps out: the one entry to detection."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushwarden.detect.compiled import CompiledRule
from pushwarden.detect.filters import Candidate, judge_hit
from pushwarden.detect.lines import LineIndex
from pushwarden.detect.loader import load_rules
from pushwarden.detect.plain import Engine, PlainEngine
from pushwarden.detect.resolve import resolve
from pushwarden.detect.rule import RuleSet
from pushwarden.errors import UsageError
from pushwarden.model import Gap, Match, ScanResult, Secret

ENGINES: Final = ("auto", "hyperscan", "plain")


@dataclass(frozen=True, slots=True)
class PairedMatch(Match):
    """A match of both halves of a credential, such as an AWS secret key with its key id."""

    paired: Secret | None = None
    """The other half."""


class Scanner:
    """Looks for secrets in content. Use one per thread."""

    def __init__(self, rules: RuleSet, engine: Engine, fallback_reason: str | None = None) -> None:
        self.rules = rules
        self.notes: tuple[str, ...] = ()
        """What of the rules given could not be honoured; for people."""
        self.fallback_reason = fallback_reason
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
        gaps = tuple(_timeout(path, f'rule "{rule}" took too long') for rule in found.slow)
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


def default_rules_path() -> Path:
    """Return the folder of the rules that come with Pushwarden: inside the package, or beside it in a work tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "patterns"
    return installed if installed.is_dir() else package.parent / "patterns"


def load_scanner(
    rules: Sequence[Path] = (),
    *,
    default_rules: bool = True,
    engine: str = "auto",
    cache_dir: Path | None = None,
) -> Scanner:
    """Make a scanner.

    Args:
        rules: rule files or folders, in addition to the ones that come with Pushwarden.
        default_rules: whether to use those as well.
        engine: ``hyperscan``, ``plain``, or ``auto``: hyperscan if it can be loaded, else plain.
        cache_dir: where compiled databases are kept; None keeps none.

    Raises:
        RuleError: a rule file is wrong.
        UsageError: no rules at all, or no such engine.
    """
    if engine not in ENGINES:
        raise UsageError(f"no engine {engine!r}; choose one of {', '.join(ENGINES)}")
    paths = [*([default_rules_path()] if default_rules else []), *rules]
    if not paths:
        raise UsageError("no rules to scan with; give rule files or leave the default rules on")
    del cache_dir  # nothing to keep for the plain engine
    loaded = load_rules(paths)
    return Scanner(loaded, PlainEngine([CompiledRule(rule) for rule in loaded if rule.engine == "pattern"]))
