"""Globs over paths, as in ``.gitignore``: ``*`` stays in one folder, ``**/`` is any number of folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_TOKEN: Final = re.compile(r"\*\*/|/\*\*|\*\*|\*|\?|\[!?[^\]]+\]|[^*?\[]+|\[")


def glob_pattern(globs: Iterable[str]) -> re.Pattern[str]:
    """Return one case-insensitive expression that fully matches every path that one of ``globs`` matches.

    A glob without a slash matches the file's name in any folder.
    """
    return re.compile("|".join(f"(?:{_translate(each)})" for each in globs), re.IGNORECASE | re.DOTALL)


def _translate(glob: str) -> str:
    prefix = "" if "/" in glob else "(?:.*/)?"
    return prefix + "".join(_piece(token) for token in _TOKEN.findall(glob.removeprefix("/")))


def _piece(token: str) -> str:
    known = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if token in known:
        return known[token]
    if token.startswith("[") and token.endswith("]"):
        return "[^" + token[2:] if token.startswith("[!") else token
    return re.escape(token)
