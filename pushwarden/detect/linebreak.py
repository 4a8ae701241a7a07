"""Whether a pattern stays on its line: then what is changed on other lines does not touch its matches.

The versions of a file share most of their lines (:mod:`pushwarden.detect.versions`).
"""

from __future__ import annotations

from typing import Final

from pushwarden.detect.measures import sight
from pushwarden.detect.syntax import NEWLINE, Alt, Chars, Look, Node, Repeat, Seq

NEAR: Final = 256
"""Bytes that are looked at around a change in any case: what is no wider may go over line breaks."""


def is_near(node: Node) -> bool:
    """Tell whether a match of ``node``, with what it looks at, stays on its line or is no wider than NEAR."""
    return not sees_line_break(node) or sight(node) + 2 <= NEAR


def sees_line_break(node: Node) -> bool:
    """Tell whether a match of ``node`` may hold a line break, or see what stands behind one."""
    match node:
        case Chars(mask):
            return bool(mask & NEWLINE)
        case Seq(items):
            return any(map(sees_line_break, items))
        case Alt(branches):
            return any(map(sees_line_break, branches))
        case Repeat(item):
            return sees_line_break(item)
        case Look(item):
            return not isinstance(item, Chars) and sees_line_break(item)  # one byte is the line break at the most
        case _:
            return False
