"""Comments beside a secret that say it is known: ``pushwarden:allow`` and the ones of other scanners.

The content's scanner asks for them, because a finding carries only a redacted, shortened snippet of its line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Set as AbstractSet
from typing import Final

from pushwarden.model import Span

_HINTS: Final = (b":allow", b"list secret", b"list nextline secret")
_SAME_LINE: Final = rb"(?:pushwarden|gitleaks|betterleaks):allow(?![\w-])|pragma:\s?(?:allow|white)list secret\b"
_NEXT_LINE: Final = rb"pushwarden:allow-next-line\b|pragma:\s?(?:allow|white)list nextline secret\b"
_MARKER: Final = re.compile(rb"(?i)(?P<same>" + _SAME_LINE + rb")|(?P<next>" + _NEXT_LINE + rb")")
_LINE_END: Final = re.compile(rb"\r\n?|\n")


def allowed_lines(data: bytes) -> frozenset[int] | None:
    """Return the lines (from 1) on which a comment allows every secret, or None where no comment does.

    Knows ``pushwarden:allow``, ``pushwarden:allow-next-line``, ``gitleaks:allow``, ``betterleaks:allow``,
    ``pragma: allowlist secret`` and ``pragma: allowlist nextline secret``
    (https://github.com/gitleaks/gitleaks#gitleaksallow, https://github.com/Yelp/detect-secrets#inline-allowlisting).
    Content without any of them costs a few searches for fixed bytes. UTF-16 with a byte order mark is understood.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    folded = data.lower()
    if not any(hint in folded for hint in _HINTS):
        return None
    lines: set[int] = set()
    line, position = 1, 0
    for marker in _MARKER.finditer(folded):
        line += sum(1 for _ in _LINE_END.finditer(folded, position, marker.start()))
        position = marker.start()
        lines.add(line if marker["same"] else line + 1)
    return frozenset(lines) or None


def is_allowed(lines: AbstractSet[int] | None, span: Span) -> bool:
    """Return whether an allowed line is one of those that a match stands on."""
    return bool(lines) and any(line in lines for line in range(span.start_line, span.end_line + 1))  # type: ignore[operator]
