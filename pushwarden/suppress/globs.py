"""Globs over paths as in ``.gitignore``, matched in linear time: a stranger's repository may bring its own.

Links:
    https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import Final

_ANY_FOLDERS: Final = "**"


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern by folders: ``*`` and ``?`` stay in one, ``**`` is any number of them, none included."""

    parts: tuple[re.Pattern[str] | None, ...]
    """One expression per folder or file name; None for ``**``."""

    @classmethod
    def parse(cls, text: str) -> Glob:
        """Return the glob that ``text`` means; one without a slash means the name in any folder."""
        names = text.removeprefix("/").split("/")
        if "/" not in text.rstrip("/"):
            names.insert(0, _ANY_FOLDERS)
        if names[-1] == "":  # a trailing slash: all that is in the folder
            names[-1] = _ANY_FOLDERS
        return cls(tuple(None if name == _ANY_FOLDERS else re.compile(fnmatch.translate(name)) for name in names))

    def matches(self, path: str) -> bool:
        """Return whether the whole path matches.

        All readings of ``**`` are followed side by side, so the time is at most folders times parts.
        """
        places = self._skip({0})
        for name in path.split("/"):
            following: set[int] = set()
            for place in places:
                if place < len(self.parts):
                    part = self.parts[place]
                    if part is None:
                        following.add(place)
                    elif part.match(name):
                        following.add(place + 1)
            places = self._skip(following)
        return len(self.parts) in places

    def _skip(self, places: set[int]) -> set[int]:
        """Add the places after each ``**``, which may stand for nothing."""
        found = set(places)
        for place in sorted(places):
            here = place
            while here < len(self.parts) and self.parts[here] is None:
                here += 1
                found.add(here)
        return found
