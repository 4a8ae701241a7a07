"""Where the slower half of the expressions is tried: only around places that few files have.

Most keys are long runs of letters, or long values that are given to a telling name. Two quick *gates* find those places in
one go over the content; what must hold such a run, and the names of services, are then looked for around them alone.
That finds no less than looking everywhere: :mod:`pushwarden.detect.longrun` and :func:`pushwarden.detect.service.is_assigned`
say for which expressions a gate must open.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import hyperscan

from pushwarden.detect.context import context_bounds
from pushwarden.detect.ends import ENDS_MOST, DenseError, Ends, no_ends
from pushwarden.detect.layers import MARGIN, RUN

LINES: Final = 4
"""Lines around a named value that are looked at: one more than a service's name may be away."""
NAME_BYTES: Final = 96
"""An assignment begins at most this far before the place where its gate reports it."""


RUN_GATE: Final = b"[A-Za-z0-9+/]{%d}" % RUN
_MORE: Final = re.compile(rb"[A-Za-z0-9+/]*")
_VALUE: Final = re.compile(rb"[A-Za-z0-9+/_=-]*")

Stretch = tuple[int, int]


def compile_run_gate() -> hyperscan.Database:
    """Compile the gate of long runs: it reports where the first one is long enough, and stops there."""
    gate = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    gate.compile(expressions=[RUN_GATE], ids=[0], elements=1, flags=hyperscan.HS_FLAG_SINGLEMATCH)
    return gate


def around_runs(data: bytes, gate: hyperscan.Database) -> list[Stretch]:
    """Return the stretches of ``data`` around its long runs, in order, without overlap."""
    stretches: list[Stretch] = []
    places: list[int] = []
    append = places.append
    at = count = since = 0
    view = memoryview(data)
    while True:
        # The stub asks for bytes; the function takes any buffer, and a view copies nothing.
        gate.scan(view[at:], lambda _number, _start, end, _flags, _context: append(end))  # type: ignore[type-var]
        if not places:
            return stretches
        end = at + places.pop()
        close = end - at <= _CLOSE and at > 0
        at = _end(_MORE, data, end)
        if close:
            # The next one is most likely close, too; one that goes on behind this place opens the gate once more.
            at = min(len(data), at + _CLOSE)
        _add(stretches, max(0, end - _BEFORE), at + _BEHIND)
        at -= RUN - 1 if close else 0
        count += 1
        if count == _A_FEW:
            if at - since < _A_FEW * _DENSE:
                at = _end(_MORE, data, min(len(data), at + _BLOCK))
                _add(stretches, max(0, end - _BEFORE), at + _BEHIND)
            count, since = 0, at


_BEFORE: Final = MARGIN
_BEHIND: Final = MARGIN - RUN
_CLOSE: Final = 512
"""Bytes from one run to the next: less is looked at as it is, for asking the gate takes longer."""
_A_FEW: Final = 8
_DENSE: Final = 1024
"""Bytes from one run to the next, on average: where they are closer, it is quicker to look at all of a _BLOCK."""
_BLOCK: Final = 1 << 15


def around_values(data: bytes, ends: Sequence[int]) -> list[Stretch]:
    """Return the lines around the values whose gate opened at ``ends`` (ascending), in order, without overlap."""
    stretches: list[Stretch] = []
    done = -1
    first = -1
    for end in ends:
        if end <= done:
            continue
        if first >= 0 and end - done > _TOGETHER:
            _add(stretches, *context_bounds(data, max(0, first - NAME_BYTES), done, LINES))
            first = -1
        done = _end(_VALUE, data, end)
        if first < 0:
            first = end
    if first >= 0:
        _add(stretches, *context_bounds(data, max(0, first - NAME_BYTES), done, LINES))
    return stretches


_TOGETHER: Final = 256
"""Values so close to each other are looked at together, with what is between them."""


def _end(expression: re.Pattern[bytes], data: bytes, start: int) -> int:
    found = expression.match(data, start)
    return found.end() if found else start


def _add(stretches: list[Stretch], low: int, high: int) -> None:
    """Add a stretch that does not begin before the last one, or make that one longer."""
    if stretches and low <= stretches[-1][1]:
        first, last = stretches[-1]
        stretches[-1] = (min(first, low), max(last, high))
    else:
        stretches.append((low, high))


def collect(database: hyperscan.Database, data: bytes, ends: Ends, most: int = ENDS_MOST) -> None:
    """Add to ``ends`` what ``database`` finds in ``data``.

    Raises:
        DenseError: that would be more than ``most`` places; the first ones were added.
    """
    left = most - sum(map(len, ends.values()))

    def take(number: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
        nonlocal left
        left -= 1
        if left < 0:
            return True
        ends[number].append(end)
        return None

    try:
        database.scan(data, take)
    except hyperscan.ScanTerminated:
        raise DenseError from None


def scan_stretches(database: hyperscan.Database, data: bytes, stretches: Sequence[Stretch], ends: Ends) -> None:
    """Add to ``ends`` what ``database`` finds in the stretches.

    Some of it may be an artefact of where they are cut, so the caller must confirm it.

    Raises:
        DenseError: there is too much of it; the first places were added.
    """
    if sum(high - low for low, high in stretches) * 2 > len(data):
        collect(database, data, ends)
        return
    parts: list[bytes] = []
    bounds: list[int] = []
    shifts: list[int] = []
    length = 0
    for low, high in stretches:
        part = data[low:high]
        parts.append(part)
        shifts.append(low - length)
        length += len(part)
        bounds.append(length)
        length += len(_BETWEEN)
    found = no_ends()
    try:
        collect(database, _BETWEEN.join(parts), found)
    finally:
        for number, places in found.items():
            for end in places:
                at = bisect_left(bounds, end)
                if at < len(bounds) and end > bounds[at] - len(parts[at]):
                    ends[number].append(end + shifts[at])


_BETWEEN: Final = b"\n\n"
