"""Shannon entropy of bytes."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from typing import Final

_COUNTED: Final = tuple(n * math.log2(n) if n else 0.0 for n in range(256))


def entropy(data: bytes) -> float:
    """Return the Shannon entropy of ``data`` in bits per byte: 0.0 for nothing or one repeated byte, at most 8.0."""
    total = len(data)
    if not total:
        return 0.0
    counts = Counter(data).values()
    table = _COUNTED if total < len(_COUNTED) else {n: n * math.log2(n) for n in counts}
    return math.log2(total) - sum([table[n] for n in counts]) / total


def reaches(data: bytes, least: float) -> bool:
    """Tell whether the entropy of ``data`` is at least ``least``; mostly the number of different bytes tells."""
    return _least(len(data), len(set(data))) >= least or entropy(data) >= least


@cache
def _least(total: int, different: int) -> float:
    """Return the least entropy of so many bytes of which so many are different: all others are one and the same."""
    if different <= 1:
        return 0.0
    rest = total - different + 1
    return math.log2(total) - rest * math.log2(rest) / total - _ROUNDING


_ROUNDING: Final = 1e-9
