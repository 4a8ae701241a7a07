"""What a target may raise, and how long it may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pushwarden.errors import PushwardenError

CPU_S: Final = 1.0
"""Longer than that for a few kilobytes is a hang. Processor time: others may be busy on the machine."""


class SlowError(Exception):
    """An input took longer than :data:`CPU_S`."""


def foreseen(call: Callable[[], object]) -> None:
    """Call it; errors that Pushwarden foresaw are fine."""
    try:
        call()
    except PushwardenError as error:
        str(error).encode()  # fit to show


def timed(target: Callable[[bytes], None], limit_s: float = CPU_S) -> Callable[[bytes], None]:
    """Return the target, which raises SlowError where an input takes too long."""

    def run(data: bytes) -> None:
        begin = time.process_time()
        target(data)
        took = time.process_time() - begin
        if took > limit_s:
            raise SlowError(f"{took:.1f} s for {len(data)} bytes")

    return run
