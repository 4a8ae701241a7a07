"""Where expressions end: of some content there are millions of places, so they are kept small, and not without limit."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from heapq import merge
from itertools import groupby
from operator import gt, itemgetter
from typing import Final

Ends = defaultdict[int, "array[int]"]
"""Where expressions end, by their numbers: four bytes a place, for there may be millions."""
ENDS_MOST: Final = 1 << 25
"""So many places are kept of one piece of content: 128 MB."""


def no_ends() -> Ends:
    """Return where ends are collected."""
    return defaultdict(partial(array, "I"))


def in_order(places: array[int]) -> Sequence[int]:
    """Return places in ascending order; many of them without a copy, for hyperscan mostly tells them so."""
    if len(places) > _MANY and not any(map(gt, places, places[1:])):
        return places
    return sorted(places)


class DenseError(Exception):
    """There is more of something than is looked at."""


def united(places: Sequence[Sequence[int]]) -> Sequence[int]:
    """Return all of the places, each of them ascending, as one: ascending, each once."""
    filled = [each for each in places if each]
    if sum(map(len, filled)) < _MANY:
        return sorted({end for each in filled for end in each})
    if len(filled) == 1:
        return filled[0]
    return array("I", map(_FIRST, groupby(merge(*filled))))


_FIRST: Final = itemgetter(0)
_MANY: Final = 1 << 16
