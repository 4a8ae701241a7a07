"""Where the expressions are tried: everywhere, or only around places that few files have (:mod:`pushwarden.detect.sieve`)."""

from __future__ import annotations

import enum
from typing import Final

RUN: Final = 24
"""So many letters of base64 in a row (``-`` and ``_`` not counted) make a long run: 18 bytes of text."""
MARGIN: Final = 256
"""Bytes on each side of a long run that are looked at; wider rules are tried everywhere."""


class Layer(enum.IntEnum):
    """Where an expression is tried."""

    EVERYWHERE = 0
    RUNS = 1
    """Around long runs."""
    NAMED = 2
    """Around long values that are given to a telling name."""
