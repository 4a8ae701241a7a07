"""Make up text that a pattern matches: for examples in the catalogue and for tests."""

from __future__ import annotations

import random
from typing import Final

from pushwarden.detect.rule import Example, Rule
from pushwarden.detect.service import DEFAULT_KEYS, value_pattern
from pushwarden.detect.syntax import LOWER, Alt, Chars, Node, Repeat, Seq, parse

_MORE: Final = 3
"""How often an optional or endless part is repeated beyond what it must, at most."""
_PRINTABLE: Final = sum(1 << byte for byte in range(0x20, 0x7F))


def sample(pattern: str, source: random.Random, *, plain: bool = False) -> str:
    """Return text that ``pattern`` matches, look-arounds aside.

    Args:
        pattern: the expression.
        source: where chance comes from; the same state gives the same text.
        plain: take the first alternative, lower-case letters and nothing optional: for words.

    Raises:
        PatternError: the pattern is not of the language.
    """
    return _text(parse(pattern).tree, source, plain)


def service_example(rule: Rule) -> Example:
    """Return an example of a service's rule, made up from the shape of its keys; the same at each call."""
    service = rule.service
    if service is None:
        raise ValueError(f"{rule.id} is no service")
    source = random.Random(rule.id)  # noqa: S311 - made-up examples, not keys
    name = sample(service.names[0], source, plain=True)
    key = sample((service.keys or DEFAULT_KEYS)[0], source, plain=True)
    value = sample(value_pattern(service.shape), source)
    return Example(f"{name}_{key} = '{value}'", secret=value)


def _text(node: Node, source: random.Random, plain: bool) -> str:
    match node:
        case Chars(mask):
            return _char(mask, source, plain)
        case Seq(items):
            return "".join(_text(each, source, plain) for each in items)
        case Alt(branches):
            return _text(branches[0] if plain else source.choice(branches), source, plain)
        case Repeat(item, least, most):
            extra = 0 if plain else min(_MORE, (least + _MORE if most is None else most) - least)
            return "".join(_text(item, source, plain) for _ in range(least + source.randint(0, extra)))
        case _:
            return ""


def _char(mask: int, source: random.Random, plain: bool) -> str:
    usable = (plain and mask & LOWER) or mask & _PRINTABLE or mask
    choices = [byte for byte in range(256) if usable >> byte & 1]
    return chr(source.choice(choices))
