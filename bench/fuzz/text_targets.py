"""Files that people write: rules, configurations of other scanners, suppressions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import regex

from bench.fuzz.choices import Choices
from bench.fuzz.foreseen import foreseen
from pushwarden.detect.errors import RuleError
from pushwarden.detect.gitleaks import read_config
from pushwarden.detect.gopattern import from_go
from pushwarden.detect.loader import load_rules, unite
from pushwarden.detect.plain import PlainEngine
from pushwarden.detect.plan import dump, load
from pushwarden.detect.planning import make_plan
from pushwarden.detect.rule import RuleSet
from pushwarden.detect.rulefile import RuleFile
from pushwarden.detect.ruletable import read_rule
from pushwarden.detect.scanner import Scanner
from pushwarden.detect.servicetable import read_service
from pushwarden.detect.shape import shape_of
from pushwarden.detect.syntax import PatternError
from pushwarden.detect.toml_places import TablePlace
from pushwarden.suppress import config_text, foreign, ignore_file
from pushwarden.suppress.globs import Glob

_FILE: Final = Path("fuzz.toml")
_TEXT: Final = b"abc123 token = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nkey: AKIA0123456789ABCDEF!\n" * 3
_PIECES: Final = (
    "a", "abc", r"\d", r"\w+", "[a-z]", "[^\\]]", "(", ")", "(?:", "(?P<secret>", "(?i)", "(?i:", "|", "*", "+", "?", "{2}", "{2,}", "{,9}", "{99999}",
    "{4,1}", r"\b", "^", "$", r"\z", r"\Q", r"\E", r"\x{41}", r"\x{zz}", r"\pL", r"\1", "(?=", "(?<!", "(?#", "[[:alpha:]]", "[[:bad:]]", "\\", ".", "=", "]", "(a+)+",
)  # fmt: skip
_KEYS: Final = (
    "id", "title", "pattern", "confidence", "entropy", "checksum", "checksum_fail", "near", "pair", "paths", "not", "advice", "references", "tags", "examples",
    "counter_examples", "specificity", "engine", "secret_not_placeholder", "names", "shape", "keys",
)  # fmt: skip
_FOREIGN_KEYS: Final = (
    "id", "description", "regex", "path", "secretGroup", "entropy", "keywords", "tags", "allowlist", "allowlists", "regexes", "paths", "stopwords",
    "regexTarget", "condition", "targetRules", "commits", "extend", "useDefault", "url", "disabledRules", "rules", "title",
)  # fmt: skip


def rules(data: bytes) -> None:
    """Fuzz rule files, ours and gitleaks', as text."""
    text = data.decode("utf-8", "replace")
    foreseen(lambda: use(load_rules([RuleFile(_FILE, text)])))


def rules_made(data: bytes) -> None:
    """Fuzz our tables with any values in the keys that there are."""
    choices, place = Choices(data), TablePlace("rule", 1, {})
    table: dict[str, Any] = {
        "id": "a-b", "title": "T", "pattern": "abc[0-9]{3}", "confidence": "low", "advice": "A",
        "examples": ["abc123", "abc456"], "counter_examples": ["a", "b"],
    }  # fmt: skip
    for _ in range(choices.number(3)):
        table[choices.pick(_KEYS)] = _pattern(choices) if choices.flag() else choices.value()
    read = read_rule if choices.number(3) else read_service
    foreseen(lambda: use(unite([read(table, "fuzz.toml", place)])))


def gitleaks_made(data: bytes) -> None:
    """Fuzz configurations of gitleaks and betterleaks with any values in the keys that there are."""
    choices = Choices(data)
    rule = {"id": "r", "regex": _pattern(choices), **_table(choices)}
    document: dict[str, Any] = {"rules": [rule, _table(choices)] if choices.flag() else [rule], **_table(choices)}
    if choices.flag():
        document["allowlist"] = _table(choices)
    foreseen(lambda: use(RuleSet(list(read_config(document, _FILE).rules.values()))))


def patterns(data: bytes) -> None:
    """Fuzz patterns: Go's syntax into ours, and what is worked out of them."""
    choices = Choices(data)
    text = _pattern(choices) if choices.flag() else choices.rest().decode("latin-1", "replace")
    for read in (from_go, shape_of):
        try:
            read(text)
        except (PatternError, regex.error):
            continue


def suppressions(data: bytes) -> None:
    """Fuzz suppression files: ours and the foreign ones."""
    text = data.decode("utf-8", "surrogateescape")
    foreseen(lambda: _again(ignore_file.parse(text)))
    foreseen(lambda: config_text.parse_config(text, Path("pushwarden.toml")))
    foreseen(lambda: foreign.parse_gitleaks(text))
    foreseen(lambda: foreign.parse_detect_secrets(text))


def suppressions_made(data: bytes) -> None:
    """Fuzz baselines of detect-secrets, lines of ours, and globs, each nearly sound."""
    choices = Choices(data)
    results = {_said(choices): choices.value() if choices.flag() else [{"hashed_secret": "0" * choices.number(41)}]}
    foreseen(lambda: foreign.parse_detect_secrets(json.dumps({"results": results})))
    fields = (
        f"{choices.pick(('in', 'until', 'by', 'reason', 'seen', 'x'))}={json.dumps(_said(choices))}"
        for _ in range(choices.number(3))
    )
    line = " ".join(("0" * 32, *fields))
    foreseen(lambda: _again(ignore_file.parse(line)))
    parts = ("*", "**", "/", "?", "[a-z]", "[!", "a", "\\", "x" * 50, ".", "***", "{a,b}")
    glob = "".join(choices.pick(parts) for _ in range(choices.number(40)))
    Glob.parse(glob).matches("/".join(choices.pick(("a", "x" * 50, "", ".", "aaa")) for _ in range(choices.number(60))))


def use(found: RuleSet) -> None:
    """Scan with the rules, and keep them the way a cache does."""
    plan = make_plan(found)
    if list(load(dump(plan)).rules) != list(plan.rules):
        raise AssertionError("a cache changes the rules")
    Scanner(plan, PlainEngine(plan.matchers)).scan(_TEXT, path="a/b.txt")


def _again(file: ignore_file.IgnoreFile) -> None:
    written = ignore_file.render(file)
    assert ignore_file.render(ignore_file.parse(written)) == written
    written.encode("utf-8", "surrogateescape")


def _pattern(choices: Choices) -> str:
    pieces = [choices.pick(_PIECES) if choices.number(7) else _said(choices) for _ in range(1 + choices.number(15))]
    return "".join(pieces) * (1 + (choices.number(3000) if not choices.number(31) else 0))


def _said(choices: Choices) -> str:
    """Return a text as TOML can hold it: no surrogates."""
    return choices.text().encode("utf-8", "replace").decode()


def _table(choices: Choices) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for _ in range(choices.number(4)):
        key = choices.pick(_FOREIGN_KEYS)
        kind = choices.number(3)
        table[key] = _pattern(choices) if kind == 0 else [_pattern(choices)] if kind == 1 else choices.value()
    return table


__all__ = ["RuleError", "gitleaks_made", "patterns", "rules", "rules_made", "suppressions", "suppressions_made"]
