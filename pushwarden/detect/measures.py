"""How wide the matches of a pattern are, how far they look, and in how many ways they are tried."""

from __future__ import annotations

import math
from typing import Final

from pushwarden.detect.form import ENDLESS
from pushwarden.detect.syntax import Alt, Back, Chars, Look, Mark, Node, Repeat, Seq

BACK_WIDTH: Final = 256
"""How wide a back-reference is taken to be."""
_ROUNDS: Final = 32
_UNBOUNDED: Final = 8192


def widest(node: Node) -> int:
    """Return the widest text ``node`` can match."""
    match node:
        case Chars():
            return 1
        case Seq(items):
            return sum(map(widest, items))
        case Alt(branches):
            return max(map(widest, branches))
        case Repeat(item, _, most):
            return widest(item) * (most or 0)
        case Back():
            return BACK_WIDTH
        case Look() | Mark():
            return 0


def sight(node: Node) -> int:
    """Return the widest text that ``node`` matches or looks at, on both sides."""
    before, after, _ = _seen(node)
    return before + after


def _seen(node: Node) -> tuple[int, int, int]:
    """Return how far before its beginning ``node`` looks at most, how far behind it, and how wide it is."""
    match node:
        case Chars():
            return 0, 1, 1
        case Seq(items):
            before = after = width = 0
            for each in items:
                back, ahead, wide = _seen(each)
                before, after = max(before, back), max(after, width + ahead)
                width += wide
            return before, after, width
        case Alt(branches):
            backs, aheads, widths = zip(*map(_seen, branches), strict=True)
            return max(backs), max(aheads), max(widths)
        case Repeat(item, _, most):
            back, ahead, wide = _seen(item)
            return back, wide * max(0, (most or 0) - 1) + ahead, wide * (most or 0)
        case Look(item, behind):
            back, ahead, wide = _seen(item)
            return (back + wide, max(0, ahead - wide), 0) if behind else (back, ahead, 0)
        case _:
            width = widest(node)
            return 0, width, width


def narrowest(node: Node) -> int:
    """Return the narrowest text ``node`` can match."""
    match node:
        case Chars():
            return 1
        case Seq(items):
            return sum(map(narrowest, items))
        case Alt(branches):
            return min(map(narrowest, branches))
        case Repeat(item, times):
            return narrowest(item) * times
        case _:
            return 0


def ways(node: Node) -> int:
    """Return how many ways of matching ``node`` are tried from one place, at most; ENDLESS stands for all that are more."""
    match node:
        case Seq(items):
            looks = sum(ways(each) for each in items if isinstance(each, Look))
            found = math.prod(ways(each) for each in items if not isinstance(each, Look)) * max(1, looks)
        case Alt(branches):
            found = sum(map(ways, branches))
        case Repeat(item, low, most):
            high = _UNBOUNDED if most is None else most
            inside = ways(item)
            # Each round may be matched in any way; what is longer than this has more ways than anybody would count.
            found = (high - low + 1) * (inside ** min(high, _ROUNDS) if inside > 1 else 1)
        case Look(item):
            found = ways(item)
        case Back() | Chars() | Mark():
            found = 1
    return min(found, ENDLESS)
