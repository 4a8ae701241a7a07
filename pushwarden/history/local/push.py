"""What git tells its hooks about a push, on standard input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pushwarden.errors import UsageError

_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push brings."""

    tips: tuple[str, ...]
    """New ids of the refs; deleted refs have none."""
    old: tuple[str, ...]
    """Ids that the receiving side has at these refs."""


def parse_pre_receive(text: str) -> Pushed:
    """Read the lines ``old new ref`` (https://git-scm.com/docs/githooks#pre-receive).

    Raises:
        UsageError: a line is something else.
    """
    return _parse(text, new=1, old=0, fields=3, shape="<old id> <new id> <ref>")


def parse_pre_push(text: str) -> Pushed:
    """Read the lines ``local-ref local-id remote-ref remote-id`` (https://git-scm.com/docs/githooks#_pre_push).

    Raises:
        UsageError: a line is something else.
    """
    return _parse(text, new=1, old=3, fields=4, shape="<local ref> <local id> <remote ref> <remote id>")


def from_pre_commit(environment: Mapping[str, str]) -> Pushed | None:
    """Return what the pre-commit framework says in its variables, None where it does not run us.

    https://pre-commit.com/#pre-push
    """
    tip = environment.get("PRE_COMMIT_TO_REF")
    if not tip:
        return None
    old = environment.get("PRE_COMMIT_FROM_REF", "")
    return Pushed((tip,), (old,) if old.strip("0") else ())


def _parse(text: str, *, new: int, old: int, fields: int, shape: str) -> Pushed:
    tips: dict[str, None] = {}
    known: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split(" ")
        if len(parts) < fields or not (_ID.fullmatch(parts[new]) and _ID.fullmatch(parts[old])):
            raise UsageError(f"line {number} of standard input is not '{shape}'; run this as a git hook")
        if parts[new].strip("0"):
            tips[parts[new]] = None
        if parts[old].strip("0"):
            known[parts[old]] = None
    return Pushed(tuple(tips), tuple(known))
