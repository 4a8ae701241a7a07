"""Read a gitleaks or betterleaks configuration as it is; what cannot be honoured is told, never dropped in silence.

The format: https://github.com/gitleaks/gitleaks#configuration
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import regex

from pushwarden.detect.errors import RuleError
from pushwarden.detect.gopattern import from_go
from pushwarden.detect.rule import FIRST_GROUP, Allow, Rule
from pushwarden.detect.rulefile import RuleFile
from pushwarden.detect.shape import shape_of
from pushwarden.detect.syntax import PatternError, parse
from pushwarden.model import Confidence

MARKS: Final = frozenset(("rules", "allowlist", "allowlists", "extend"))
"""A file with one of these at its top level is such a configuration."""
_RULE_KEYS: Final = frozenset(
    (
        "id",
        "description",
        "regex",
        "path",
        "secretGroup",
        "entropy",
        "keywords",
        "tags",
        "allowlist",
        "allowlists",
        "skipReport",
    )
)
_ADVICE: Final = "Revoke the credential where it was issued, issue another, and keep it out of the repository."
_UNUSABLE: Final = (PatternError, regex.error, OverflowError)
"""What is raised for an expression that is none, or that is too large."""
_DEPTH: Final = 3
"""How many configurations may extend one another."""


class Imported:
    """What a configuration gave."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}
        self.notes: list[str] = []


def read_config(document: dict[str, Any], path: Path, depth: int = 0) -> Imported:
    """Return the rules of a configuration, and notes on what could not be honoured.

    Args:
        document: the parsed TOML.
        path: its file, for messages and for what it extends.
        depth: how many configurations extend one another to here.

    Raises:
        RuleError: a rule has no id or its values are of wrong types.
    """
    found, where = Imported(), str(path)
    _extend(_table(document, "extend", where), path, depth, found)
    for table in _tables(document, "rules", where):
        rule = _rule(table, path, found.notes)
        if rule is not None:
            found.rules[rule.id] = rule
    for table in _allowlists(document, where):
        allow = _allow(table, f"{path}: global allowlist", found.notes)
        wanted = set(_texts(table, "targetRules", where) if "targetRules" in table else found.rules)
        for rule_id in wanted & set(found.rules):
            found.rules[rule_id] = replace(found.rules[rule_id], allow=(*found.rules[rule_id].allow, allow))
    return found


def _extend(table: dict[str, Any], path: Path, depth: int, found: Imported) -> None:
    if table.get("useDefault"):
        found.notes.append(f"{path}: extend.useDefault: the rules of Pushwarden stand in for gitleaks' own")
    if table.get("url"):
        found.notes.append(f"{path}: extend.url is not fetched; download it and give it with --rules")
    if base := table.get("path"):
        if depth >= _DEPTH:
            raise RuleError(str(path), f"extends more than {_DEPTH} configurations in a row; put them into one")
        if not isinstance(base, str) or "\0" in base:
            raise RuleError(str(path), "extend.path must be the path of a file")
        file = RuleFile.read(path.parent / base)
        inner = read_config(file.parse(), file.path, depth + 1)
        found.rules.update(inner.rules)
        found.notes += inner.notes
    for rule_id in _texts(table, "disabledRules", str(path)):
        if found.rules.pop(rule_id, None) is None:
            found.notes.append(f"{path}: extend.disabledRules: there is no imported rule {rule_id} to disable")


def _rule(table: dict[str, Any], path: Path, notes: list[str]) -> Rule | None:
    rule_id = table.get("id")
    if not isinstance(rule_id, str) or not rule_id:
        raise RuleError(str(path), 'a rule has no "id"; give it one')
    where = f"{path}: rule {rule_id}"
    unknown = sorted(set(table) - _RULE_KEYS)
    if unknown:
        notes.append(f"{where}: not honoured: {', '.join(unknown)}")
    pattern = table.get("regex")
    if not pattern:
        notes.append(f"{where}: left out: it has no regex, and Pushwarden reports content, not names of files")
        return None
    try:
        converted = _usable(str(pattern))
    except _UNUSABLE as error:
        notes.append(f"{where}: left out: its regex {error}")
        return None
    groups = regex.compile(converted.encode()).groups
    number = table.get("secretGroup", 0)
    if not isinstance(number, int) or not 0 <= number <= groups:
        raise RuleError(where, f"secretGroup is {number!r}, but its regex has {groups} groups; correct it")
    entropy = table.get("entropy")
    if entropy is not None and not isinstance(entropy, int | float):
        raise RuleError(where, "entropy must be a number of bits per character")
    return Rule(
        id=rule_id,
        title=str(table.get("description") or rule_id),
        pattern=converted,
        confidence=Confidence.MEDIUM,
        advice=_ADVICE,
        tags=tuple(_texts(table, "tags", where)),
        entropy=float(entropy) if entropy else None,
        keywords=tuple(each.lower() for each in _texts(table, "keywords", where)),
        path_pattern=_path(table["path"], where, notes) if table.get("path") else None,
        allow=tuple(_allow(each, where, notes) for each in _allowlists(table, where)),
        placeholder_filter=False,
        secret_group=number or (FIRST_GROUP if groups else 0),
        source=str(path),
    )


def _usable(pattern: str) -> str:
    converted = from_go(pattern)
    shape_of(converted)
    regex.compile(converted.encode())
    return converted


def _path(pattern: object, where: str, notes: list[str]) -> str | None:
    try:
        converted = from_go(str(pattern))
        parse(converted)
        regex.compile(converted)
    except _UNUSABLE as error:
        notes.append(f"{where}: its path {error}; it applies to all paths")
        return None
    return converted


def _allow(table: dict[str, Any], where: str, notes: list[str]) -> Allow:
    if table.get("commits"):
        notes.append(f"{where}: allowlist by commit is not honoured; suppress the finding by its fingerprint instead")
    regexes = []
    for each in _texts(table, "regexes", where):
        try:
            regexes.append(_usable(each))
        except _UNUSABLE as error:
            notes.append(f"{where}: left out of an allowlist: {each!r} {error}")
    return Allow(
        regexes=tuple(regexes),
        target=str(table.get("regexTarget", "secret")),
        paths=tuple(path for each in _texts(table, "paths", where) if (path := _path(each, where, notes)) is not None),
        stopwords=tuple(each.lower() for each in _texts(table, "stopwords", where)),
        all_needed=str(table.get("condition", "OR")).upper() in {"AND", "&&"},
    )


def _allowlists(table: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Return the allowlists of a table, in the old spelling and in the new one."""
    old = [_table(table, "allowlist", where)] if "allowlist" in table else []
    return [*old, *_tables(table, "allowlists", where)]


def _table(table: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise RuleError(where, f'"{key}" must be a table; write [{key}]')
    return value


def _tables(table: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise RuleError(where, f'"{key}" must be an array of tables; write [[{key}]]')
    return value


def _texts(table: dict[str, Any], key: str, where: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise RuleError(where, f'"{key}" must be an array of strings')
    return value
