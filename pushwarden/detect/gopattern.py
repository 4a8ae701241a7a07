r"""Patterns in Go's syntax (https://pkg.go.dev/regexp/syntax) into ours.

The differences: flags in the middle hold for the rest of their group; ``$`` is the end of the text; ``\z``, ``\Q...\E`` and ``\x{..}``.
"""

from __future__ import annotations

import re
from typing import Final

from pushwarden.detect.syntax import PatternError

_TOKEN: Final = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)|\\x\{(?P<code>[0-9A-Fa-f]+)\}|\\(?P<escape>.)|(?P<flags>\(\?[imsU-]+\))|(?P<open>\()"
    r"|(?P<close>\))|(?P<bar>\|)|(?P<dollar>\$)|(?P<set>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])",
    re.DOTALL,
)
_SUPPORTED: Final = frozenset("ims")


def from_go(pattern: str) -> str:
    """Return ``pattern`` in the syntax of :mod:`regex`.

    Raises:
        PatternError: it uses something that cannot be said in bytes.
    """
    if not pattern.isascii():
        raise PatternError("has characters outside ASCII")
    out: list[str] = []
    groups: list[str] = [""]
    """For each open group, the beginning of the part that its flags hold for."""
    multiline = False
    at = 0
    for token in _TOKEN.finditer(pattern):
        out.append(pattern[at : token.start()])
        at = token.end()
        if token["flags"]:
            multiline |= "m" in token["flags"].partition("-")[0]
        out.append(_converted(token, groups, multiline))
    out.append(pattern[at:])
    return "".join(out) + (")" if groups[0] else "")


def _converted(token: re.Match[str], groups: list[str], multiline: bool) -> str:  # noqa: PLR0911 - one for each token
    match token.lastgroup:
        case "quoted":
            return re.escape(token["quoted"])
        case "code":
            if int(token["code"], 16) > 0x7F:  # noqa: PLR2004 - ASCII
                raise PatternError(f"has {token[0]}, which is no byte")
            return f"\\x{int(token['code'], 16):02x}"
        case "escape":
            return _escape(token["escape"])
        case "flags":
            return _flags(token["flags"], groups)
        case "open":
            groups.append("")
            return "("
        case "close":
            return ")" * (2 if len(groups) > 1 and groups.pop() else 1)
        case "bar":
            return f")|{groups[-1]}" if groups[-1] else "|"
        case "dollar":
            return "$" if multiline else r"\Z"
        case _:
            return token[0].replace("[:word:]", r"\w")


def _escape(char: str) -> str:
    if char in "pPC":
        raise PatternError(f"has \\{char}, which knows characters, not bytes")
    return r"\Z" if char == "z" else f"\\{char}"


def _flags(text: str, groups: list[str]) -> str:
    """Begin a part with flags that lasts to the end of its alternative."""
    if set(text.strip("(?)").partition("-")[0]) - _SUPPORTED:
        raise PatternError(f"has the flags {text}")
    closing = ")" if groups[-1] else ""
    groups[-1] = text[:-1] + ":"
    return closing + groups[-1]
