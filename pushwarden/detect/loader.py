"""Read rule files (``patterns/README.md`` is the format) and refuse what is not exactly right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pushwarden.detect.errors import RuleError, nearest
from pushwarden.detect.gitleaks import MARKS, read_config
from pushwarden.detect.rule import Rule, RuleSet
from pushwarden.detect.rulefile import RuleFile
from pushwarden.detect.ruletable import read_rule
from pushwarden.detect.servicetable import read_service
from pushwarden.detect.toml_places import TablePlace, places

_TABLES: Final = ("rule", "service")
"""What a rule file may hold at its top level."""


def parse_rules(file: RuleFile) -> tuple[list[Rule], list[str]]:
    """Return the rules of one file, and notes on what of it cannot be honoured.

    Raises:
        RuleError: anything in it is not as the format says.
    """
    tables = file.parse()
    if MARKS & tables.keys():
        imported = read_config(tables, file.path)
        return list(imported.rules.values()), imported.notes
    for name, value in tables.items():
        if name not in _TABLES:
            raise RuleError(str(file.path), f'unknown table "{name}"; {nearest(name, _TABLES)}')
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise RuleError(str(file.path), f'"{name}" must be an array of tables; write [[{name}]]')
    stands = places(file.text)
    rules = [
        read(table, str(file.path), place, checked=file.checked)
        for name, read in (("rule", read_rule), ("service", read_service))
        for table, place in _placed(tables.get(name, []), [each for each in stands if each.name == name])
    ]
    return rules, []


def _placed(tables: Sequence[dict[str, Any]], stands: list[TablePlace]) -> list[tuple[dict[str, Any], TablePlace]]:
    """Put each table together with its place; line 1 where the places could not be told."""
    if len(stands) != len(tables):
        stands = [TablePlace("", 1, {})] * len(tables)
    return list(zip(tables, stands, strict=True))


def load_rules(files: Iterable[RuleFile]) -> RuleSet:
    """Read rule files into one set.

    Raises:
        RuleError: a file is wrong, or an id stands twice.
    """
    rules: list[Rule] = []
    notes: list[str] = []
    for file in files:
        more, said = parse_rules(file)
        rules += more
        notes += said
    return unite(rules, notes)


def unite(rules: Sequence[Rule], notes: Sequence[str] = ()) -> RuleSet:
    """Make one set of ``rules``.

    Raises:
        RuleError: an id stands twice, or a pair names a rule that is not there.
    """
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in seen:
            raise RuleError(rule.source, f'rule id "{rule.id}" is already used at {seen[rule.id].source}; rename one')
        seen[rule.id] = rule
    for rule in rules:
        if rule.pair and rule.pair.rule not in seen:
            hint = nearest(rule.pair.rule, seen)
            raise RuleError(rule.source, f'rule "{rule.id}" pairs with unknown rule "{rule.pair.rule}"; {hint}')
    return RuleSet(rules, notes=notes)
