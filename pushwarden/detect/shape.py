"""What a pattern's tree tells: how wide its matches are, and an expression for hyperscan that finds their beginnings.

A *trigger* is an expression whose every match ends inside a match of the rule: the rule's pattern without what hyperscan
does not know, cut behind the last text that must stand there. Wherever the rule matches, the trigger reports an end between
the start and the end of that match, at most ``reach`` bytes behind its start.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from pushwarden.detect.form import Needs, Shape
from pushwarden.detect.linebreak import is_near
from pushwarden.detect.longrun import certain_run
from pushwarden.detect.measures import BACK_WIDTH, narrowest, sight, ways, widest
from pushwarden.detect.needs import needs_of
from pushwarden.detect.syntax import (
    ALL,
    SPACE,
    Alt,
    Back,
    Chars,
    Endless,
    Look,
    Mark,
    Node,
    Repeat,
    Seq,
    parse,
)

_BLANK_BOUND: Final = 128
"""White space repeated without end is taken up to this many times."""
_BOUND: Final = 8192
"""Anything else repeated without end."""
_TAIL: Final = 24
"""How much of a long run of characters a trigger asks for at its end."""
_WIDE: Final = 120
"""A set of so many bytes is nearly any byte."""
_LONG: Final = 16
_SOLID: Final = 4
_OPENING: Final = 3
"""So many certain bytes at the beginning make what stands before them not worth a look."""
_COUNTED: Final = 3
"""Longer repeats are endless to hyperscan, which counts at a price; :mod:`regex` counts exactly afterwards."""
_HEAD: Final = 8
"""How much of it at its beginning: hyperscan is slow where it cannot begin with something rare."""
_FEW: Final = 3
"""So many places more than one where a match may begin are tried one by one."""
_BUDGET: Final = 400
"""Most places in a trigger: hyperscan refuses larger expressions or takes seconds to compile them."""
_MARKS: Final = {
    "start": r"\A",
    "end": r"\z",
    "line-start": "(?m:^)",
    "line-end": "(?m:$)",
    "word": r"\b",
    "not-word": r"\B",
}


@cache
def shape_of(pattern: str) -> Shape:
    """Return the shape of a rule's pattern.

    Raises:
        PatternError: the pattern uses something that is not part of the language.
    """
    parsed = parse(pattern)
    bounded = pattern
    for each in sorted(parsed.endless, key=lambda one: -one.start):
        bounded = f"{bounded[: each.start]}{{{each.least},{_bound(each.item, each.least)}}}{bounded[each.end :]}"
    tree = parse(bounded).tree if parsed.endless else parsed.tree
    head = _cut(tree)
    if head is not None:
        head = _from_solid(_between_wide(head))
    usable = head is not None and narrowest(head) > 0
    opening = _behead(head) if head is not None and usable else None
    begun = whole if (whole := _cut(tree)) is not None else tree
    return Shape(
        pattern=bounded,
        width=sight(tree) + 2,
        trigger=_write_trigger(opening) if opening is not None else None,
        reach=sight(begun) + 2,
        solid=_solid(head) if head is not None and usable else 0,
        run=certain_run(tree),
        near=is_near(tree),
        trigger_near=opening is not None and is_near(opening),
        steps=_steps(begun) if usable else None,
        ways=ways(tree),
        needs=needs_of(_untried(tree, head)),
        body=_body(tree),
    )


def _body(tree: Node) -> str | None:
    """Return the expression of the longest run of characters of one kind that any match holds."""
    length, mask = _longest(tree)
    return f"{write_chars(mask)}{{{length}}}" if length >= _LONG else None


def _longest(node: Node) -> tuple[int, int]:
    """Return the length and the characters of that run, or (0, 0)."""
    match node:
        case Seq(items):
            return max(map(_longest, items), default=(0, 0))
        case Repeat(Chars(mask), least):
            return (least, mask)
        case Repeat(item, least) if least:
            return _longest(item)
        case _:
            return (0, 0)


def _untried(tree: Node, head: Node | None) -> Node:
    """Return a pattern without the parts that its trigger asks for already."""
    if not isinstance(tree, Seq):
        return Seq(()) if head is not None else tree
    tried = {id(each) for each in (head.items if isinstance(head, Seq) else (head,))}
    return Seq(tuple(Back() if id(each) in tried else each for each in tree.items))


def _steps(head: Node) -> tuple[int, int] | None:
    """Return how far the end of a trigger is behind the start of its match, where that is nearly certain."""
    near, far = narrowest(head), widest(head)
    return (near, far) if far - near <= _FEW and _between_wide(head) is head else None


def context_needs(pattern: str) -> Needs | None:
    """Return what must stand where ``pattern`` matches; None where nothing certain must."""
    return needs_of(parse(pattern).tree)


def _between_wide(node: Node) -> Node:
    """Cut at repeats of nearly any byte, which make hyperscan slow, and return the part that is easiest to find."""
    if not isinstance(node, Seq):
        return node
    parts: list[list[Node]] = [[]]
    for each in node.items:
        if isinstance(each, Repeat) and _is_wide(each):
            parts.append([])
        else:
            parts[-1].append(each)
    if len(parts) == 1:
        return node
    found = [cut for part in parts if part and (cut := _cut(Seq(tuple(part)))) is not None]
    best = max(found, key=_solid, default=node)
    return best if _solid(best) >= _SOLID else node


def _from_solid(node: Node) -> Node:
    """Drop what stands before the first solid item: runs of letters, blanks and the like that hyperscan would walk along."""
    if not isinstance(node, Seq) or _opening(_behead(node)) >= _OPENING:
        return node
    for index in range(1, len(node.items)):
        if _opening(rest := Seq(node.items[index:])) >= _OPENING:
            return (
                rest
                if any(isinstance(each, Repeat) and (each.most or 0) >= _HEAD for each in node.items[:index])
                else node
            )
    return node


def _is_wide(each: Repeat) -> bool:
    mask = each.item.mask if isinstance(each.item, Chars) else ALL
    return mask.bit_count() >= _WIDE and (each.most or 0) >= _LONG


def _solid(node: Node) -> int:
    """Return the longest run of almost certain bytes that ``node`` holds whichever way it matches."""
    match node:
        case Chars(mask):
            return int(mask.bit_count() <= 2)  # noqa: PLR2004 - a letter in both cases
        case Seq(items):
            best = run = 0
            for each in items:
                here = _solid(each)
                run = run + here if here and here == widest(each) == narrowest(each) else here
                best = max(best, run)
            return best
        case Alt(branches):
            return min(map(_solid, branches))
        case Repeat(item, least):
            return _solid(item) if least else 0
        case _:
            return 0


def _bound(item: Node, least: int) -> int:
    blank = isinstance(item, Chars) and not item.mask & ~SPACE
    return max(_BLANK_BOUND if blank else _BOUND, 2 * least)


def _cut(node: Node) -> Node | None:
    """Return ``node`` up to the last thing that must stand there; None when nothing must."""
    match node:
        case Seq(items):
            return _cut_seq(items)
        case Alt(branches):
            cut = [_cut(each) for each in branches]
            whole = [each for each in cut if each is not None]
            return Alt(tuple(whole)) if len(whole) == len(cut) else None
        case Repeat(item, least):
            return _cut_repeat(item, least)
        case Chars():
            return node
        case _:
            return None


def _cut_seq(items: tuple[Node, ...]) -> Node | None:
    items = _affordable(items)
    for last in range(len(items) - 1, -1, -1):
        if narrowest(items[last]) and (end := _cut(items[last])) is not None:
            return Seq((*items[:last], end))
    return None


def _affordable(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the items up to the first that would make the trigger too large; at least those before it must match."""
    total, needed = 0, False
    for index, each in enumerate(items):
        total += _places(each)
        if total > _BUDGET and needed:
            return items[:index]
        needed = needed or narrowest(each) > 0
    return items


def _places(node: Node) -> int:
    """Return how many places hyperscan has to tell apart in ``node``."""
    match node:
        case Seq(items):
            return sum(map(_places, items))
        case Alt(branches):
            return sum(map(_places, branches))
        case Repeat(item, least, most):
            counted = least if most is None or most > _COUNTED else most
            return max(1, _places(item)) * max(1, counted)
        case Back():
            return BACK_WIDTH
        case _:
            return 1


def _cut_repeat(item: Node, least: int) -> Node | None:
    if least == 0:
        return None
    if isinstance(item, Chars):
        least = min(least, _TAIL)
        return Repeat(item, least, least)
    end, before = _cut(item), min(least, _TAIL) - 1
    if end is None or before == 0:
        return end
    return Seq((Repeat(item, before, before), end))


def _behead(node: Node) -> Node:  # noqa: PLR0911 - one for each kind of beginning
    """Drop what may stand at the beginning but need not: only the end of a trigger's match counts."""
    if isinstance(node, Repeat) and node.least != node.most:
        return Repeat(node.item, node.least, node.least)
    if not isinstance(node, Seq):
        return node
    items = node.items
    for index, each in enumerate(items):
        if isinstance(each, Repeat) and each.least != each.most:
            rest = items[index + 1 :]
            if each.least:
                return Seq((Repeat(each.item, each.least, each.least), *rest))
            node = Seq(rest)  # the conditions before it go, too
            continue
        if widest(each):
            rest = items[index + 1 :]
            if isinstance(each, Repeat) and each.least > _HEAD and rest:
                return Seq((Repeat(each.item, _HEAD, _HEAD), *rest))
            inner = _behead(each)
            if inner is not each:
                return Seq((inner, *rest))
            return Seq((each, *rest)) if _opening(Seq((each, *rest))) >= _OPENING else node
    return node


def _opening(node: Node) -> int:
    """Return how many almost certain bytes ``node`` begins with."""
    match node:
        case Chars(mask):
            return int(mask.bit_count() <= 2)  # noqa: PLR2004 - a letter in both cases
        case Seq(items):
            total = 0
            for each in items:
                here = _opening(each)
                total += here
                if here < widest(each):
                    break
            return total
        case Alt(branches):
            return min(map(_opening, branches))
        case _:
            return 0


def _write_trigger(node: Node) -> str:
    """Return the expression of a whole trigger: "not after one of these" at its beginning is kept."""
    first = node.items[0] if isinstance(node, Seq) and node.items else None
    if isinstance(first, Look) and first.behind and first.negative and isinstance(first.item, Chars):
        return _before(first.item.mask) + write_node(node)
    return write_node(node)


def write_node(node: Node) -> str:  # noqa: PLR0911 - one for each kind of node
    """Return an expression for hyperscan that matches wherever ``node`` does, and perhaps in more places."""
    match node:
        case Chars(mask):
            return write_chars(mask)
        case Seq(items):
            return "".join(map(write_node, items))
        case Alt(branches):
            written = [write_node(_bare(each)) for each in branches]
            return "(?:" + "|".join(written) + ")" if all(written) or widest(node) else ""
        case Repeat(item, least, most):
            return f"(?:{write_node(item)})" + _times(least, most) if narrowest(item) or _any_width(item) else ""
        case Look():
            return ""
        case Mark(kind):
            return _MARKS[kind]
        case Back():
            return f"(?:{write_chars(ALL)}){{0,{BACK_WIDTH}}}"


def _bare(node: Node) -> Node:
    r"""Drop conditions at the beginning of a branch: Vectorscan 5.4.12 misses matches of ``(?:long\\w{0,9}|\\bword)x``."""
    if isinstance(node, Look | Mark):
        return Seq(())
    if isinstance(node, Seq):
        first = next((i for i, each in enumerate(node.items) if not isinstance(each, Look | Mark)), len(node.items))
        return Seq(node.items[first:])
    return node


def _any_width(node: Node) -> bool:
    return widest(node) > 0


def _before(mask: int) -> str:
    """Write "not after one of these" so that hyperscan knows it: it may consume, for only ends count."""
    return rf"(?:\A|{write_chars(ALL & ~mask)})"


def _times(least: int, most: int | None) -> str:
    if most is None or (most > _COUNTED and most > least):
        return f"{{{least},}}"
    return "" if (least, most) == (1, 1) else f"{{{least}}}" if least == most else f"{{{least},{most}}}"


@cache
def write_chars(mask: int) -> str:
    """Return the set as an expression."""
    if mask.bit_count() == 1:
        return _byte(mask.bit_length() - 1)
    runs, at = [], 0
    while mask >> at:
        if not mask >> at & 1:
            at += 1
            continue
        first = at
        while mask >> at & 1:
            at += 1
        runs.append(_byte(first) if at - first == 1 else f"{_byte(first)}-{_byte(at - 1)}")
    return f"[{''.join(runs)}]"


def _byte(byte: int) -> str:
    return chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02x}"  # noqa: PLR2004 - ASCII


__all__ = ["Endless", "Shape", "shape_of", "write_chars", "write_node"]
