"""Share work between two processes, for a first use that somebody waits for."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

_WORTHWHILE: Final = 200
"""Fewer things are made before another process is there."""


def share_out(make: Callable[[Given], Made], things: Sequence[Given]) -> list[Made]:
    """Return ``[make(each) for each in things]``, of which a forked process makes the second half.

    Where it fails, this process makes all of them, and raises what ``make`` raises. What is made must survive pickling.
    """
    half = len(things) // 2
    # A fork of a process with threads may wait for ever for a lock that one of them had.
    if len(things) < _WORTHWHILE or (os.cpu_count() or 1) == 1 or threading.active_count() > 1:
        return [make(each) for each in things]
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _work(lambda: [make(each) for each in things[half:]], theirs)
    os.close(theirs)
    with open(ours, "rb") as pipe:  # noqa: PTH123 - a descriptor has no path
        made = [make(each) for each in things[:half]]
        rest: list[Made] | None = _received(pipe)
    os.waitpid(child, 0)
    return made + (rest if rest is not None else [make(each) for each in things[half:]])


def _work(make: Callable[[], list[Made]], pipe: int) -> None:
    """Send what is made, and end the process: nothing of what the caller had open may be flushed or ended twice."""
    code = 1
    try:
        with open(pipe, "wb") as out:
            pickle.dump(make(), out)
        code = 0
    finally:
        os._exit(code)


def _received(pipe: BinaryIO) -> list[Made] | None:
    """Return what the other process sent; None where it failed."""
    try:
        made: list[Made] = pickle.load(pipe)  # noqa: S301 - from a fork of this process
    except (EOFError, pickle.UnpicklingError):
        return None
    return made
