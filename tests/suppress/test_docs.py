"""What ``docs/findings.md`` shows is what the code reads and writes."""

from __future__ import annotations

import re
from pathlib import Path

from pushwarden.report import FORMATS, format_for_path
from pushwarden.suppress.config_text import parse_config
from pushwarden.suppress.ignore_file import parse
from pushwarden.suppress.inline import allowed_lines

PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_configuration_is_valid() -> None:
    (text,) = blocks("toml")

    assert [bool(entry.reason) for entry in parse_config(text, Path(".pushwarden.toml")).entries] == [True, True]


def test_the_ignore_file_is_valid() -> None:
    (text,) = blocks("text")

    assert [entry.reason for entry in parse(text).entries] == ["", "revoked in May"]


def test_the_comments_allow_what_they_say() -> None:
    (text,) = blocks("python")

    assert allowed_lines(text.encode()) == frozenset({1, 3})


def test_every_format_is_in_the_table_with_the_names_that_mean_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", PAGE.split("## What a finding says")[0], re.MULTILINE)

    assert tuple(name for name, _ in rows) == FORMATS
    for name, files in rows:
        for file in re.findall(r"`([^`]+)`", files):
            assert format_for_path(f"x{file}" if file.startswith(".") else file) == name
