"""The schema, the specification and the loader say the same of the format."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pushwarden.detect import ruletable, servicetable

PATTERNS = Path(__file__).parents[2] / "patterns"
SCHEMA: dict[str, Any] = json.loads((PATTERNS / "schema.json").read_text())


@pytest.mark.parametrize("path", sorted(PATTERNS.glob("*.toml")), ids=lambda path: path.name)
def test_every_rule_file_is_valid_by_the_schema(path: Path) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    ("table", "keys"), [("rule", ruletable._KEYS), ("service", servicetable._KEYS)], ids=["rule", "service"]
)
def test_schema_and_loader_know_the_same_keys(table: str, keys: frozenset[str]) -> None:
    assert set(SCHEMA["$defs"][table]["properties"]) == keys


def test_the_specification_names_every_key() -> None:
    text = (PATTERNS / "README.md").read_text()

    missing = [key for key in ruletable._KEYS | servicetable._KEYS if f"`{key}`" not in text]

    assert missing == []
