"""Whoever writes a rule may not have thought of every text: nothing that a rule asks for takes forever, or drops in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushwarden.detect import Scanner
from pushwarden.detect.database import compile_plan
from pushwarden.detect.gitleaks import read_config
from pushwarden.detect.loader import load_rules
from pushwarden.detect.plain import PlainEngine
from pushwarden.detect.planning import make_plan
from pushwarden.detect.rule import RuleSet
from pushwarden.detect.rulefile import RuleFile

ENDLESS = "(?:[a-y]|[a-y][a-y])+[!?]{3}"
TEXT = b"marker-kqtwhfbxmoeydlvgrncpjsuaiwqbdmkxtehyogfvlrcnpjsqu!z "
"""What ENDLESS is tried on for longer than anybody waits: there are no three signs behind it."""


def _rules(fields: str) -> RuleSet:
    text = f'[[rule]]\nid = "a-b"\ntitle = "T"\n{fields}\nconfidence = "high"\nadvice = "A"\nexamples = ["a", "b"]\ncounter_examples = ["a", "b"]\n'
    return load_rules([RuleFile(Path("own.toml"), text)])


def _foreign(**fields: Any) -> RuleSet:
    rule = {"id": "a-b", "regex": "marker-([a-y]{40,60})", **fields}
    return RuleSet(list(read_config({"rules": [rule]}, Path("x")).rules.values()))


RULES: dict[str, Callable[[], RuleSet]] = {
    "the pattern": lambda: _rules(f"pattern = 'marker-{ENDLESS}'"),
    "not": lambda: _rules(f"pattern = 'marker-[a-z!]{{40,80}}'\nnot = ['{ENDLESS}']"),
    "near": lambda: _rules(f"pattern = 'marker-[a-z]{{40,80}}'\nnear = {{ pattern = '{ENDLESS}', lines = 1 }}"),
    "two of near": lambda: _rules(
        f"pattern = 'marker-[a-z]{{40,80}}'\nnear = [{{ pattern = 'marker', lines = 1 }}, {{ pattern = '{ENDLESS}', lines = 1 }}]"
    ),
    "a foreign allowlist of secrets": lambda: _foreign(allowlist={"regexes": [ENDLESS]}),
    "a foreign allowlist of lines": lambda: _foreign(allowlist={"regexes": [ENDLESS], "regexTarget": "line"}),
    "a foreign allowlist of paths": lambda: _foreign(allowlist={"paths": [ENDLESS]}),
    "a foreign path": lambda: _foreign(path=ENDLESS),
}


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        (name, engine)
        for name in RULES
        for engine in ("plain", "hyperscan")
        if engine == "plain" or "pattern" not in name
    ],
)
def test_an_expression_without_end_is_stopped_and_said(name: str, engine: str) -> None:
    plan = make_plan(RULES[name]())
    scanner = Scanner(plan, PlainEngine(plan.matchers) if engine == "plain" else compile_plan(plan).engine)

    result = scanner.scan(TEXT + b"\n" + TEXT, path=TEXT.decode())

    assert [gap.code for gap in result.gaps] == ["slow-rule"]
    assert [match.rule_id for match in result.matches] == ([] if "pattern" in name else ["a-b", "a-b"])
