"""How long a run of base64's letters every match of a pattern must hold.

Code has few such runs, so what must hold a long one is looked for around those alone (:mod:`pushwarden.detect.sieve`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pushwarden.detect.syntax import DIGITS, LOWER, UPPER, Alt, Back, Chars, Look, Mark, Node, Repeat, Seq

LETTERS: Final = DIGITS | UPPER | LOWER | 1 << ord("+") | 1 << ord("/")
"""The bytes of a run: base64's alphabet without its padding (RFC 4648, section 4)."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """The least lengths of the runs in any match of a node."""

    first: int
    """At its beginning."""
    best: int
    """The longest."""
    last: int
    """At its end."""
    whole: bool
    """All of it is one run, so that the runs before and after it join."""


_NOTHING: Final = _Runs(0, 0, 0, whole=True)
_OTHER: Final = _Runs(0, 0, 0, whole=False)


def certain_run(node: Node) -> int:
    """Return how many LETTERS in a row stand in every match of ``node``, at least."""
    return _runs(node).best


def _runs(node: Node) -> _Runs:
    match node:
        case Chars(mask):
            return _OTHER if mask & ~LETTERS else _Runs(1, 1, 1, whole=True)
        case Seq(items):
            joined = _NOTHING
            for each in items:
                joined = _join(joined, _runs(each))
            return joined
        case Alt(branches):
            every = [_runs(each) for each in branches]
            return _Runs(
                min(each.first for each in every),
                min(each.best for each in every),
                min(each.last for each in every),
                whole=all(each.whole for each in every),
            )
        case Repeat(item, least):
            return _repeated(_runs(item), least)
        case Look() | Mark():
            return _NOTHING
        case Back():
            return _OTHER


def _join(left: _Runs, right: _Runs) -> _Runs:
    return _Runs(
        left.first + right.first if left.whole else left.first,
        max(left.best, right.best, left.last + right.first),
        left.last + right.last if right.whole else right.last,
        whole=left.whole and right.whole,
    )


def _repeated(item: _Runs, least: int) -> _Runs:
    if item.whole:
        length = item.best * least
        return _Runs(length, length, length, whole=True)
    if least == 0:
        return _OTHER
    inner = item.last + item.first if least > 1 else 0
    return _Runs(item.first, max(item.best, inner), item.last, whole=False)
