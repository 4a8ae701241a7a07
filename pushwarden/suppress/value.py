"""Check single values that people wrote; each error says what is wrong, where, and how it is written right."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, Final

from pushwarden.detect.errors import nearest
from pushwarden.model import FINGERPRINT_HEX_DIGITS
from pushwarden.suppress.files import SuppressError

KEY_BYTES: Final = 32

_FINGERPRINT: Final = re.compile(rf"[0-9a-f]{{{FINGERPRINT_HEX_DIGITS}}}")
_KEY: Final = re.compile(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}")


def a_text(where: str, name: str, value: Any) -> str:
    """Return ``value`` if it is text."""
    if not isinstance(value, str):
        raise SuppressError(where, f'{name} is a text; write {name} = "..."')
    return value


def texts(where: str, name: str, value: Any) -> tuple[str, ...]:
    """Return ``value`` if it is a list of texts."""
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise SuppressError(where, f'{name} is a list of texts; write {name} = ["...", "..."]')
    return tuple(value)


def a_bool(where: str, name: str, value: Any) -> bool:
    """Return ``value`` if it is true or false."""
    if not isinstance(value, bool):
        raise SuppressError(where, f"{name} is true or false, without quotes")
    return value


def a_count(where: str, name: str, value: Any) -> int:
    """Return ``value`` if it is a number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SuppressError(where, f"{name} is a whole number from 1, without quotes")
    return value


def a_choice(where: str, name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``choices``."""
    if value not in choices:
        hint = nearest(value, choices) if isinstance(value, str) else "known are: " + ", ".join(choices)
        raise SuppressError(where, f"{name} cannot be {value!r}; {hint}")
    return str(value)


def a_date(where: str, name: str, value: Any) -> date:
    """Return ``value`` if it is a date, or the text of one."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise SuppressError(where, f"{name} is a date; write {name} = 2027-01-31") from None


def a_fingerprint(where: str, value: str) -> str:
    """Return ``value`` if it is a fingerprint as reports show it."""
    if not _FINGERPRINT.fullmatch(value):
        raise SuppressError(
            where,
            f"a fingerprint is {FINGERPRINT_HEX_DIGITS} digits of 0-9 and a-f; copy it from a report, never the secret",
        )
    return value


def a_key(where: str, value: Any) -> bytes:
    """Return the bytes of a fingerprint key. The key itself is never in the message."""
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise SuppressError(where, f"key is {2 * KEY_BYTES} random hex digits; `pushwarden baseline` makes one")
    return bytes.fromhex(value)
