"""The text of ``.pushwarden.toml``, and what is wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pushwarden.detect.errors import nearest
from pushwarden.detect.toml_places import places
from pushwarden.model import Confidence
from pushwarden.suppress.config import Config, ScanSettings
from pushwarden.suppress.files import CONFIG_NAME, SuppressError
from pushwarden.suppress.model import Entry, Kind
from pushwarden.suppress.value import a_bool, a_choice, a_count, a_date, a_fingerprint, a_key, a_text, texts

_COLORS: Final = ("auto", "always", "never")
_CONFIDENCES: Final = tuple(each.label for each in Confidence)
_FORMATS: Final = ("text", "json", "jsonl", "sarif", "csv", "junit", "html", "github", "gitlab")


def parse_config(text: str, path: Path) -> Config:
    """Return what the text of a configuration file says; ``path`` is its place, for messages and relative paths.

    Raises:
        UsageError: as :func:`read_config`.
    """
    shown = path.name if path.name == CONFIG_NAME else str(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SuppressError(shown, f"this is no TOML: {error}") from error
    lines = _Lines(shown, text)
    lines.check_keys(document, ("key", "scan", "suppress"), table="")
    keys = (a_key(lines.where("", "key"), document["key"]),) if "key" in document else ()
    return Config(path, _scan(document.get("scan", {}), lines, path.parent), _entries(document, lines), keys)


def _scan(table: Any, lines: _Lines, folder: Path) -> ScanSettings:
    if not isinstance(table, dict):
        raise SuppressError(lines.where("", "scan"), "scan is a table; write [scan] above its keys")
    names = tuple(ScanSettings.__dataclass_fields__)
    lines.check_keys(table, names, table="scan")

    def get(name: str, check: Any, *more: Any) -> Any:
        return check(lines.where("scan", name), name, table[name], *more) if name in table else None

    minimum, fail_on = (get(name, a_choice, _CONFIDENCES) for name in ("min_confidence", "fail_on"))
    return ScanSettings(
        rules=tuple(folder / each for each in get("rules", texts) or ()),
        default_rules=get("default_rules", a_bool),
        min_confidence=None if minimum is None else Confidence.parse(minimum),
        fail_on=None if fail_on is None else Confidence.parse(fail_on),
        format=get("format", a_choice, _FORMATS),
        color=get("color", a_choice, _COLORS),
        jobs=get("jobs", a_count),
        cache=get("cache", a_bool),
    )


def _entries(document: Mapping[str, Any], lines: _Lines) -> tuple[Entry, ...]:
    tables = document.get("suppress", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise SuppressError(
            lines.where("", "suppress"), "each suppression is a table; write [[suppress]] above its keys"
        )
    return tuple(_entry(table, index, lines) for index, table in enumerate(tables))


def _entry(table: dict[str, Any], index: int, lines: _Lines) -> Entry:
    where = lines.suppress(index)
    known = ("fingerprint", "fingerprints", "rules", "paths", "reason", "author", "until")
    lines.check_keys(table, known, table="suppress", where=where)

    def get(name: str, check: Any, default: Any) -> Any:
        return check(where, name, table[name]) if name in table else default

    prints = get("fingerprints", texts, ())
    prints += (get("fingerprint", a_text, ""),) if "fingerprint" in table else ()
    entry = Entry(
        kind=Kind.CONFIG,
        where=where,
        fingerprints=frozenset(a_fingerprint(where, each) for each in prints),
        rules=get("rules", texts, ()),
        paths=get("paths", texts, ()),
        reason=get("reason", a_text, ""),
        author=get("author", a_text, ""),
        until=get("until", a_date, None),
    )
    if not (entry.fingerprints or entry.rules or entry.paths):
        raise SuppressError(where, "this suppresses everything; say which fingerprints, rules or paths it is for")
    if not entry.reason.strip():
        raise SuppressError(where, 'a suppression needs a reason, for those who read it later: reason = "..."')
    return entry


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where in the file things stand; :mod:`tomllib` does not tell."""

    path: str
    text: str

    def where(self, table: str, key: str) -> str:
        """Return ``file:line`` of a key in a table (or at the top), or the file alone."""
        here = ""
        for number, line in enumerate(self.text.splitlines(), start=1):
            stripped = line.strip()
            if stripped.startswith("["):
                here = stripped.strip("[] \t")
                if not table and here == key:
                    return f"{self.path}:{number}"
            elif here == table and stripped.partition("=")[0].strip().strip("\"'") == key:
                return f"{self.path}:{number}"
        return self.path

    def suppress(self, index: int) -> str:
        """Return ``file:line`` of the ``[[suppress]]`` table with that index."""
        found = [place.line for place in places(self.text) if place.name == "suppress"]
        return f"{self.path}:{found[index]}" if index < len(found) else self.path

    def check_keys(self, table_: Mapping[str, Any], known: tuple[str, ...], *, table: str, where: str = "") -> None:
        """Raise SuppressError on a key that is not known, naming the nearest one."""
        for name in table_:
            if name not in known:
                place = where or self.where(table, name)
                raise SuppressError(
                    place, f"unknown key {name!r}{f' in {table}' if table else ''}; {nearest(name, known)}"
                )
