r"""One expression for each alternative: hyperscan is surer and quicker of several simple expressions than of one with many ways.

Vectorscan 5.4.12 misses matches of ``(?i)(?:acl_(?:master)?_?token|(?:consul|nomad)[\w.\-]{0,24}token)'   (`` and the like, in which
alternatives of varying length lead to the same text; it finds them where each alternative is an expression of its own.
"""

from __future__ import annotations

from typing import Final

from pushwarden.detect.shape import write_node
from pushwarden.detect.syntax import Alt, Look, Mark, Node, Repeat, Seq, parse

_MOST: Final = 64
"""More alternatives are left together."""


def branches(trigger: str) -> list[str]:
    """Return expressions that together end wherever ``trigger`` ends: itself, or one for each of its first alternatives.

    Args:
        trigger: an expression as :mod:`pushwarden.detect.shape` writes them.
    """
    items = _items(parse(trigger).tree)
    for index, each in enumerate(items):
        if isinstance(each, Alt) and not any(isinstance(one, Mark) for one in each.branches):
            if not _varies(each):
                break
            found = [Seq((*items[:index], *_items(one), *items[index + 1 :])) for one in _flat(each)]
            return [write_node(one) for one in found] if len(found) <= _MOST else [trigger]
    return [trigger]


def _flat(node: Node) -> list[Node]:
    """Return the alternatives of ``node``, and of the first alternatives inside each of them."""
    if isinstance(node, Alt):
        return [inner for each in node.branches for inner in _flat(each)]
    items = _items(node)
    for index, each in enumerate(items):
        if isinstance(each, Alt):
            return [Seq((*items[:index], *_items(inner), *items[index + 1 :])) for inner in _flat(each)]
    return [node]


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Seq) else (node,)


def _varies(node: Node) -> bool:
    """Tell whether matches of ``node`` are of different lengths."""
    match node:
        case Repeat(item, least, most):
            return least != most or _varies(item)
        case Seq(items):
            return any(map(_varies, items))
        case Alt(each):
            return any(map(_varies, each))
        case Look() | Mark():
            return False
        case _:
            return False
