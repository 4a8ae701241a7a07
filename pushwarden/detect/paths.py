"""What decisions see of a path: content is judged alike at two paths of the same class."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Final

from pushwarden.detect.generic.features import Place
from pushwarden.detect.globs import glob_pattern
from pushwarden.detect.rule import Rule

_KEPT: Final = 65_536


class PathClasses:
    """Sorts paths into classes: what the judge sees of a path, and which globs of the rules match it."""

    def __init__(self, globs: Sequence[str], *, by_path: bool) -> None:
        """Make one.

        Args:
            globs: those of all rules.
            by_path: whether a rule looks at a path in another way, too: then each path is a class of its own.
        """
        self._globs, self._by_path = tuple(globs), by_path
        self.of = lru_cache(maxsize=_KEPT)(self._of)
        """Return the class of a path; equal ones are one class."""

    def _of(self, path: str) -> Hashable:
        if self._by_path:
            return path
        matched: tuple[int, ...] = ()
        if self._any.fullmatch(path):
            matched = tuple(number for number, each in enumerate(self._each) if each.fullmatch(path))
        return Place.of(path), matched

    @cached_property
    def _any(self) -> re.Pattern[str]:
        return glob_pattern(self._globs or ("",))

    @cached_property
    def _each(self) -> tuple[re.Pattern[str], ...]:
        return tuple(glob_pattern((each,)) for each in self._globs)


def globs_of(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return the globs of the rules, each once."""
    return tuple(dict.fromkeys(glob for rule in rules for glob in (*rule.include, *rule.exclude)))


def looks_at_paths(rules: Iterable[Rule]) -> bool:
    """Tell whether a rule looks at a path in another way than by globs."""
    return any(rule.path_pattern is not None or any(each.paths for each in rule.allow) for rule in rules)
