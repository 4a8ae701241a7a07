"""On which line of a TOML file a table or key stands: :mod:`tomllib` reads values only, but errors need places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_HEADER: Final = re.compile(r"\s*\[\[\s*([\w.\-]+)\s*\]\]")
_KEY: Final = re.compile(r"\s*([\w\-]+)\s*(?:\.[\w\-]+\s*)*=")


@dataclass(frozen=True, slots=True)
class TablePlace:
    """Where one ``[[table]]`` of an array stands."""

    name: str
    line: int
    keys: dict[str, int]
    """Line of each key."""


def places(text: str) -> list[TablePlace]:
    """Return the places of all tables of arrays in ``text``, in order; multi-line strings are skipped."""
    found: list[TablePlace] = []
    closing = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if header := _HEADER.match(line):
            found.append(TablePlace(header[1], number, {}))
        elif found and (key := _KEY.match(line)):
            found[-1].keys.setdefault(key[1], number)
        closing = _left_open(line)
    return found


def _left_open(line: str) -> str:
    """Return the quotes of a multi-line string that ``line`` opens and does not close, or nothing."""
    for quotes in ("'''", '"""'):
        if line.count(quotes) % 2:
            return quotes
    return ""
