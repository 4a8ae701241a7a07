"""Shannon entropy of bytes."""

from __future__ import annotations

import math
from collections import Counter


def entropy(data: bytes) -> float:
    """Return the Shannon entropy of ``data`` in bits per byte: 0.0 for nothing or one repeated byte, at most 8.0."""
    total = len(data)
    if not total:
        return 0.0
    return -sum(n / total * math.log2(n / total) for n in Counter(data).values()) + 0.0
