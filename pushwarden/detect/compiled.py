"""A rule made ready to run: patterns compiled at first use, because most rules never meet a candidate."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final, NamedTuple

import regex

from pushwarden.detect.form import Shape
from pushwarden.detect.globs import glob_pattern
from pushwarden.detect.rule import FIRST_GROUP, SECRET_GROUP, Rule

NEVER: Final = r"[^\x00-\xff]"
"""A pattern that matches nothing."""
_PECULIAR: Final = re.compile(r"\\[1-9]|\(\?[aimsx(P<#]|\\g")
"""Back-references, flags, named groups: what cannot be joined with other patterns as it is."""
NOTHING: Final = Shape(NEVER, 0, None, 0, 0)
"""The shape of rules that have no pattern."""


class RawHit(NamedTuple):
    """A place where a rule's pattern matches, before any filter; a tuple, for there may be very many."""

    rule: CompiledRule
    start: int
    end: int
    """The whole match."""
    secret_start: int
    secret_end: int


class CompiledRule:
    """A rule with its regular expressions over bytes."""

    def __init__(self, rule: Rule, shape: Shape) -> None:
        self.rule = rule
        self.name = f'rule "{rule.id}"'
        self.shape = shape

    @cached_property
    def expression(self) -> regex.Pattern[bytes]:
        """The pattern itself, its endless repeats bounded."""
        return regex.compile(self.shape.pattern.encode())

    @cached_property
    def body(self) -> re.Pattern[bytes] | None:
        """What stands in every match; quick to look for. None where there is nothing of the kind."""
        return re.compile(self.shape.body.encode()) if self.shape.body is not None else None

    @cached_property
    def group(self) -> int | str:
        """The group that holds the secret."""
        if self.rule.secret_group is not None:
            return self.rule.secret_group
        return SECRET_GROUP if SECRET_GROUP in self.expression.groupindex else 0

    @cached_property
    def unless(self) -> tuple[regex.Pattern[bytes], ...]:
        """Patterns of secrets to drop; those without groups or flags of their own as one."""
        simple = [each for each in self.rule.unless if not _PECULIAR.search(each)]
        others = [each for each in self.rule.unless if _PECULIAR.search(each)]
        joined = ["|".join(f"(?:{each})" for each in simple)] if simple else []
        return tuple(regex.compile(each.encode()) for each in (*joined, *others))

    @cached_property
    def near(self) -> tuple[tuple[regex.Pattern[bytes], int], ...]:
        """Patterns of the context that must be there, each with its reach in lines."""
        return tuple((regex.compile(each.pattern.encode()), each.lines) for each in self.rule.near)

    @cached_property
    def include(self) -> re.Pattern[str] | None:
        """What the path must look like; None takes any."""
        return glob_pattern(self.rule.include) if self.rule.include else None

    @cached_property
    def exclude(self) -> re.Pattern[str] | None:
        """What the path must not look like."""
        return glob_pattern(self.rule.exclude) if self.rule.exclude else None

    def hit(self, match: regex.Match[bytes]) -> RawHit:
        """Return the place of ``match``; the whole of it where the secret's group took no part."""
        start, end = match.span()
        first, last = match.span(self.group) if self.group != FIRST_GROUP else _first_group(match)
        if first < 0:
            first, last = start, end
        return RawHit(self, start, end, first, last)

    def takes_path(self, path: str) -> bool:
        """Tell whether the rule applies to a file of this path."""
        if self.include is not None and not self.include.fullmatch(path):
            return False
        return self.exclude is None or not self.exclude.fullmatch(path)


def _first_group(match: regex.Match[bytes]) -> tuple[int, int]:
    """Return the place of the first group that took part and is not empty, or (-1, -1)."""
    return next((span for span in match.regs[1:] if span[0] < span[1]), (-1, -1))
