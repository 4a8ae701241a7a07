"""One ``[[service]]`` table into one rule."""

from __future__ import annotations

from typing import Any, Final

import regex

from pushwarden.detect.errors import nearest
from pushwarden.detect.rule import Rule, Service
from pushwarden.detect.ruletable import TableReader
from pushwarden.detect.service import least_entropy, value_pattern
from pushwarden.detect.syntax import PatternError, parse
from pushwarden.detect.toml_places import TablePlace

_KEYS: Final = frozenset(("id", "name", "names", "shape", "keys", "confidence", "advice", "references", "tags"))
SPECIFICITY: Final = -5
"""A service rule loses to a rule with a shape of its own, and wins over the generic ones."""


def read_service(table: dict[str, Any], path: str, place: TablePlace, *, checked: bool = False) -> Rule:
    """Return the rule of the service that ``table`` describes; its id is the service's with ``-key`` behind it.

    Raises:
        RuleError: a key is missing, unknown or has a wrong value.
    """
    reader = TableReader(table, path, place, checked=checked)
    for key in table:
        if key not in _KEYS:
            raise reader.fail(f'unknown key "{key}"; {nearest(key, _KEYS)}', key)
    shape = reader.text("shape")
    try:
        value_pattern(shape)
    except ValueError as error:
        raise reader.fail(str(error), "shape") from error
    return Rule(
        id=reader.rule_id() + "-key",
        title=f"{reader.text('name')} key",
        pattern="",
        confidence=reader.confidence(reader.text("confidence"), "confidence"),
        advice=reader.text("advice"),
        references=reader.links(),
        tags=reader.strings("tags"),
        entropy=least_entropy(shape),
        specificity=SPECIFICITY,
        engine="service",
        service=Service(_words(reader, "names", needed=True), shape, _words(reader, "keys", needed=False)),
        source=f"{path}:{place.line}",
    )


def _words(reader: TableReader, key: str, *, needed: bool) -> tuple[str, ...]:
    words = reader.strings(key)
    if needed and not words:
        raise reader.fail(f'"{key}" must name at least one word', key)
    for word in () if reader.checked else words:
        try:
            parse(word)  # first: to compile a pattern that repeats too much takes gigabytes
            groups = regex.compile(word.encode()).groups
        except (PatternError, regex.error, OverflowError, UnicodeError) as error:
            raise reader.fail(f"{key}: {word!r} is not a valid regular expression: {error}", key) from error
        if groups or not word:
            raise reader.fail(f"{key}: {word!r} must not be empty or have groups; write (?:...)", key)
    return words
