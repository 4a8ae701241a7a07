"""Detection: bytes in, matches out. Knows neither git nor AWS."""

from __future__ import annotations

from pushwarden.detect.errors import RuleError
from pushwarden.detect.explore import PairedMatch
from pushwarden.detect.load import load_scanner
from pushwarden.detect.rule import Rule, RuleSet
from pushwarden.detect.scanner import Scanner

__all__ = ["PairedMatch", "Rule", "RuleError", "RuleSet", "Scanner", "load_scanner"]
