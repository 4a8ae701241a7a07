"""Answers in pages: a token is the opaque place where the next page starts."""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from pushwarden.local.codecommit.errors import ApiError

T = TypeVar("T")


def page(
    items: Iterable[T], token: str | None, size: int, *, error: str = "InvalidContinuationTokenException"
) -> tuple[Sequence[T], str | None]:
    """Return up to ``size`` items from where ``token`` points, and the token of the next page (None at the end).

    Raises:
        ApiError: with the code ``error``, when the token is none of ours.
    """
    start = _place(token, error)
    window = list(islice(items, start, start + size + 1))
    return window[:size], _token(start + size) if len(window) > size else None


def max_results(params: dict[str, Any] | Any, name: str, default: int, most: int) -> int:
    """Return the wanted page size.

    Raises:
        ApiError: it is not positive.
    """
    wanted = params.get(name)
    if wanted is None:
        return default
    if wanted < 1:
        raise ApiError("InvalidMaxResultsException", f"{name} must be at least 1, not {wanted}")
    return min(int(wanted), most)


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"page:{start}".encode()).decode("ascii")


def _place(token: str | None, error: str) -> int:
    if token is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(token.encode("ascii")).decode("ascii")
        start = int(text.removeprefix("page:"))
    except (binascii.Error, ValueError):
        start = -1
    if not 0 <= start <= sys.maxsize // 2:
        raise ApiError(error, "The continuation token is not valid")
    return start
