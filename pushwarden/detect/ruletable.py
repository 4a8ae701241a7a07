"""One ``[[rule]]`` table into one :class:`~pushwarden.detect.rule.Rule`, strictly."""

from __future__ import annotations

import re
from typing import Any, Final

import regex

from pushwarden.detect.checksums import VERIFIERS
from pushwarden.detect.errors import RuleError, nearest
from pushwarden.detect.rule import SECRET_GROUP, Example, Near, Pair, Rule
from pushwarden.detect.shape import shape_of
from pushwarden.detect.syntax import PatternError
from pushwarden.detect.toml_places import TablePlace
from pushwarden.model import Confidence

_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_KEYS: Final = frozenset(
    (
        "id",
        "title",
        "pattern",
        "confidence",
        "entropy",
        "checksum",
        "checksum_fail",
        "near",
        "pair",
        "paths",
        "not",
        "cut_off",
        "secret_not_placeholder",
        "advice",
        "references",
        "tags",
        "examples",
        "counter_examples",
        "specificity",
        "engine",
    )
)
LEAST_EXAMPLES: Final = 2
_MAX_ENTROPY: Final = 8.0
_ENGINES: Final = ("pattern", "judge")


def read_rule(table: dict[str, Any], path: str, place: TablePlace, *, checked: bool = False) -> Rule:
    """Return the rule that ``table`` describes.

    Args:
        table: the TOML table.
        path: the file, for messages.
        place: where the table and its keys stand in the file.
        checked: whether the patterns are known to be usable.

    Raises:
        RuleError: a key is missing, unknown or has a wrong value.
    """
    return TableReader(table, path, place, checked=checked).rule()


class TableReader:
    """Takes values out of a table; what is wrong it tells with place and remedy, as :class:`RuleError`."""

    def __init__(self, table: dict[str, Any], path: str, place: TablePlace, *, checked: bool = False) -> None:
        self.table, self.path, self.place, self.checked = table, path, place, checked
        self.name = str(table.get("id", ""))

    def fail(self, problem: str, key: str = "") -> RuleError:
        """Return the error that tells ``problem`` at the line of ``key``."""
        line = self.place.keys.get(key, self.place.line)
        return RuleError(f"{self.path}:{line}", f'rule "{self.name}": {problem}' if self.name else problem)

    def rule(self) -> Rule:
        """Return the rule."""
        for key in self.table:
            if key not in _KEYS:
                raise self.fail(f'unknown key "{key}"; {nearest(key, _KEYS)}', key)
        engine = self.choice("engine", _ENGINES, "pattern")
        include, exclude = self.paths()
        return Rule(
            id=self.rule_id(),
            title=self.text("title"),
            pattern=self.pattern("pattern", self.text("pattern")) if engine == "pattern" else "",
            confidence=self.confidence(self.text("confidence"), "confidence"),
            advice=self.text("advice"),
            references=self.links(),
            tags=self.strings("tags"),
            entropy=self.entropy(),
            checksum=self.choice("checksum", tuple(VERIFIERS), "") or None,
            checksum_fail=self.confidence(self.text("checksum_fail"), "checksum_fail")
            if "checksum_fail" in self.table
            else None,
            near=self.near(),
            pair=self.pair(),
            include=include,
            exclude=exclude,
            unless=tuple(self.pattern("not", each) for each in self.strings("not")),
            cut_off=self.pattern("cut_off", self.text("cut_off")) if "cut_off" in self.table else None,
            placeholder_filter=self.flag("secret_not_placeholder", default=True),
            specificity=self.whole("specificity", self.table, default=0),
            engine=engine,
            examples=self.examples("examples"),
            counter_examples=self.examples("counter_examples"),
            source=f"{self.path}:{self.place.line}",
        )

    def rule_id(self) -> str:
        """Return the id."""
        text = self.text("id")
        if not _ID.fullmatch(text):
            raise self.fail("id must be lower-case words joined by hyphens, such as github-pat", "id")
        return text

    def text(self, key: str) -> str:
        """Return a string that must be there."""
        if key not in self.table:
            raise self.fail(f'key "{key}" is missing; add it (patterns/README.md says what it means)')
        value = self.table[key]
        if not isinstance(value, str) or not value.strip():
            raise self.fail(f'"{key}" must be a string that is not empty', key)
        return value

    def choice(self, key: str, known: tuple[str, ...], default: str) -> str:
        """Return one of ``known``."""
        value = self.table.get(key, default)
        if value != default and value not in known:
            raise self.fail(f'"{key}" cannot be {value!r}; {nearest(str(value), known)}', key)
        return str(value)

    def confidence(self, text: str, key: str) -> Confidence:
        """Return the confidence that ``text`` names."""
        try:
            return Confidence.parse(text)
        except ValueError as error:
            raise self.fail(f"{key}: {error}", key) from error

    def strings(self, key: str) -> tuple[str, ...]:
        """Return an array of strings, empty where there is none."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.fail(f'"{key}" must be an array of strings', key)
        return tuple(value)

    def links(self) -> tuple[str, ...]:
        """Return the references."""
        found = self.strings("references")
        for link in found:
            if not link.startswith("https://"):
                raise self.fail(f"references must be https links, not {link!r}", "references")
        return found

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(f'"{key}" must be true or false', key)
        return value

    def whole(self, key: str, table: dict[str, Any], *, default: int | None = None, within: str = "") -> int:
        """Return a whole number; of a table ``within`` the rule's, one that is not negative."""
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or (within and value < 0):
            bound = " of at least 0" if within else ""
            raise self.fail(f'"{key}" must be a whole number{bound}', within or key)
        return value

    def entropy(self) -> float | None:
        """Return the least entropy."""
        value = self.table.get("entropy")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MAX_ENTROPY:
            raise self.fail("entropy must be a number of bits per byte, more than 0 and less than 8", "entropy")
        return float(value)

    def pattern(self, key: str, text: str) -> str:
        """Return ``text`` if it is a usable expression."""
        if self.checked:
            return text
        if not text.isascii():
            raise self.fail(f"{key} must be ASCII, because it is matched against bytes; write \\xNN", key)
        try:
            shape_of(text)  # first: to compile a pattern that repeats too much takes gigabytes
            compiled = regex.compile(text.encode())
        except PatternError as error:
            raise self.fail(f"{key} is not a valid regular expression here: {error}", key) from error
        except (regex.error, OverflowError) as error:
            raise self.fail(f"{key} is not a valid regular expression: {error}", key) from error
        if key == "pattern" and compiled.groups and SECRET_GROUP not in compiled.groupindex:
            raise self.fail("pattern has groups but none is named secret; write (?P<secret>...), and (?:...) else", key)
        if compiled.match(b""):
            raise self.fail(f"{key} matches the empty string, so it would match everywhere; require some text", key)
        return text

    def near(self) -> tuple[Near, ...]:
        """Return the context that is needed."""
        value = self.table.get("near", [])
        tables = value if isinstance(value, list) else [value]
        return tuple(
            Near(self.pattern("near", self.member(t, "near", "pattern")), self.whole("lines", t, within="near"))
            for t in (self.inner(each, "near", {"pattern", "lines"}) for each in tables)
        )

    def pair(self) -> Pair | None:
        """Return the other half."""
        if "pair" not in self.table:
            return None
        table = self.inner(self.table["pair"], "pair", {"rule", "lines", "required", "confidence"})
        required = table.get("required", False)
        if not isinstance(required, bool):
            raise self.fail('"required" of pair must be true or false', "pair")
        confidence = self.confidence(table["confidence"], "pair") if "confidence" in table else None
        return Pair(self.member(table, "pair", "rule"), self.whole("lines", table, within="pair"), required, confidence)

    def paths(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the globs of paths to take and to leave."""
        table = self.inner(self.table.get("paths", {}), "paths", {"include", "exclude"})
        sides = []
        for side in ("include", "exclude"):
            value = table.get(side, [])
            if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                raise self.fail(f'"{side}" of paths must be an array of globs', "paths")
            sides.append(tuple(value))
        return sides[0], sides[1]

    def inner(self, value: Any, key: str, known: set[str]) -> dict[str, Any]:
        """Return a table inside the table."""
        if not isinstance(value, dict):
            raise self.fail(f'"{key}" must be a table with {", ".join(sorted(known))}', key)
        for each in value:
            if each not in known:
                raise self.fail(f'unknown key "{each}" in {key}; {nearest(each, known)}', key)
        return value

    def member(self, table: dict[str, Any], key: str, name: str) -> str:
        """Return a string of a table inside the table."""
        value = table.get(name)
        if not isinstance(value, str) or not value:
            raise self.fail(f'"{name}" of {key} must be a string that is not empty', key)
        return value

    def examples(self, key: str) -> tuple[Example, ...]:
        """Return examples."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or len(value) < LEAST_EXAMPLES:
            raise self.fail(f'"{key}" must hold at least {LEAST_EXAMPLES} texts, made up by you', key)
        return tuple(self.example(each, key) for each in value)

    def example(self, value: Any, key: str) -> Example:
        """Return one example."""
        if isinstance(value, str):
            return Example(value)
        table = self.inner(value, key, {"text", "path", "secret", "decoded_from"})
        encodings = table.get("decoded_from")
        return Example(
            text=self.member(table, key, "text"),
            path=str(table.get("path", "")),
            secret=table.get("secret"),
            decoded_from=None if encodings is None else tuple(encodings),
        )
