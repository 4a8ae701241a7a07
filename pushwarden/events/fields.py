"""The fields of events, checked: whoever pushes chooses the names in them.

What is not as it should be raises :class:`MalformedEventError`, which quotes no more than the start of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pushwarden.errors import PushwardenError

OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}")
REPOSITORY: Final = re.compile(r"[\w.-]{1,100}", re.ASCII)
ARN: Final = re.compile(r"arn:(aws[\w-]*):codecommit:([a-z0-9-]+):(\d{12}):([\w.-]{1,100})", re.ASCII)
# What git forbids in ref names: https://git-scm.com/docs/git-check-ref-format ; control characters above all, because a
# ref travels in line-based protocols and mails.
_BAD_REF: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.$|\.lock(/|$)|/\.")
_REF: Final = re.compile(r"refs/(heads|tags)/.+")


GARBLED: Final = (KeyError, TypeError, IndexError, ValueError, AttributeError, OverflowError)
"""What reading an event raises where something in it is missing or of another kind; infinity is no whole number."""


class MalformedEventError(PushwardenError):
    """An event is not what its sender promised; trying it again cannot help."""


def text(value: Any, name: str) -> str:
    """Return a short text, as an id is."""
    if not isinstance(value, str) or not value or len(value) > 256:  # noqa: PLR2004 - longer than any id AWS gives
        raise MalformedEventError(f"{name} of an event is not a short text")
    return value


def moment(value: Any, precision: str = "seconds") -> str:
    """Return a time (ISO 8601) in one spelling, in UTC, so that text order is time order.

    Raises:
        ValueError, TypeError: it is none.
    """
    # EventBridge writes a Z, Python +00:00.
    try:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat(timespec=precision)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def checked(value: Any, pattern: re.Pattern[str], name: str) -> str:
    """Return a text that is wholly what the pattern says."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedEventError(f"{name} of an event is not one: {str(value)[:120]!r}")
    return value


def checked_ref(value: Any) -> str:
    """Return the full name of a branch or tag."""
    if not isinstance(value, str) or not _REF.fullmatch(value) or _BAD_REF.search(value):
        raise MalformedEventError(f"referenceFullName of an event is not a branch or tag: {str(value)[:120]!r}")
    return value


def optional_id(detail: Mapping[str, Any], name: str) -> str | None:
    """Return the id of a commit, or None where there is none."""
    value = detail.get(name)
    return None if value is None else checked(value, OBJECT_ID, name)


def optional_text(value: Any) -> str | None:
    """Return a text, or None where there is none."""
    return None if value is None else str(value)
