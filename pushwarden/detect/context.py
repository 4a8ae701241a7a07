"""The lines around a place, bounded so that huge lines stay cheap."""

from __future__ import annotations

from typing import Final

CONTEXT_BYTES: Final = 2048
"""How far context is looked for on each side, whatever the number of lines."""


def context_bounds(data: bytes, start: int, end: int, lines: int) -> tuple[int, int]:
    """Return the offsets of the context of ``data[start:end]``: its lines and ``lines`` more, within CONTEXT_BYTES."""
    least, most = max(0, start - CONTEXT_BYTES), min(len(data), end + CONTEXT_BYTES)
    for _ in range(lines + 1):
        start = data.rfind(b"\n", least, start)
        if start < 0:
            start = least
            break
    for _ in range(lines + 1):
        end = data.find(b"\n", end, most)
        if end < 0:
            end = most
            break
        end += 1
    return start, end
