"""Short texts of which every match of a pattern must hold one: a quick look for them spares most searches."""

from __future__ import annotations

from typing import Final

from pushwarden.detect.form import Needs
from pushwarden.detect.syntax import Alt, Chars, Look, Mark, Node, Repeat, Seq

_MOST: Final = 6
"""More texts than these are slower to look for than the pattern itself."""
_LEAST: Final = 2
_ENOUGH: Final = 8
"""Bytes of a text; more of them make it no rarer."""
_CASES: Final = 2


def needs_of(node: Node) -> Needs | None:
    """Return what must stand in any match of ``node``; None where nothing certain must."""
    best = max(_sets(node), key=_worth, default=frozenset[bytes]())
    if not best or _worth(best)[0] < _LEAST:
        return None
    folded = any(text != text.swapcase() and text.startswith(_FOLDED) for text in best)
    texts = {(text.lower() if folded else text).removeprefix(_FOLDED) for text in best}
    # What holds another of them is found by that one.
    least = sorted(text for text in texts if not any(other in text and other != text for other in texts))
    return Needs(tuple(least), folded)


def worth(needs: Needs) -> tuple[int, int]:
    """Return a measure of how much a look for ``needs`` spares."""
    return _worth(frozenset(needs.texts))


_FOLDED: Final = b"\0"
"""Marks a text of letters of either case."""


def _worth(texts: frozenset[bytes]) -> tuple[int, int]:
    return min((min(_ENOUGH, len(text.removeprefix(_FOLDED))) for text in texts), default=0), -len(texts)


def _sets(node: Node) -> list[frozenset[bytes]]:
    """Return sets of texts; of each, one must stand in any match of ``node``."""
    match node:
        case Seq(items):
            return _of_sequence(items)
        case Alt(branches):
            every = [max(_sets(each), key=_worth, default=frozenset[bytes]()) for each in branches]
            joined = frozenset[bytes]().union(*every)
            return [joined] if all(every) and len(joined) <= _MOST else []
        case Repeat(item, least) if least:
            return _sets(item)
        case Chars():
            return _of_sequence((node,))
        case _:
            return []


def _of_sequence(items: tuple[Node, ...]) -> list[frozenset[bytes]]:
    found: list[frozenset[bytes]] = []
    run, folded = b"", False
    for each in (*items, None):
        letter, cases = _letter(each)
        if letter:
            run, folded = run + letter, folded or cases
            continue
        if isinstance(each, Look | Mark):
            continue
        if run:
            found.append(frozenset({_FOLDED + run.lower() if folded else run}))
        run, folded = b"", False
        if each is not None and not isinstance(each, Chars):
            found += _sets(each)
    return found


def _letter(node: Node | None) -> tuple[bytes, bool]:
    """Return the one byte that ``node`` stands for, in lower case where it may be a letter of either case, and whether it may."""
    if isinstance(node, Chars) and node.mask.bit_count() <= _CASES:
        byte = bytes((node.mask.bit_length() - 1,))
        if node.mask.bit_count() == 1:
            return byte, False
        if byte.isalpha() and node.mask == 1 << ord(byte.upper()) | 1 << ord(byte.lower()):
            return byte.lower(), True
    return b"", False
