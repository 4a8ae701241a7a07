"""Turn any bytes into decisions, so that a fuzzer that only knows bytes can build what has a structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

NASTY: Final = (
    "", "a", "main", "../../etc/passwd", "/abs", "a/b", "\n", "\r\n::error::x", "\x1b[2J\x1b]0;x\x07", "\u202egnp", "\u200b", "\u2028",
    "<script>alert(1)</script>", "</script><!--", "]]>", "&amp;", '"', "'", "\\", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1",
    "##vso[task.setvariable]x", "%0A::error::", "$(id)", "`id`", "${x}", "%s%n", "{0}", "\x00", "\x7f", "\x85", "\udcff", "\ud800",
    "\U0001f600", "https://evil.example/x", "A" * 300, ",", ";", ":", "#", "```",
)  # fmt: skip
"""What names, paths and messages of a stranger may hold."""


class Choices:
    """Reads decisions from bytes; zeros when there are none left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def number(self, most: int) -> int:
        """Return a number from 0 to ``most``."""
        width = max(1, (most.bit_length() + 7) // 8)
        return int.from_bytes(self.take(width), "big") % (most + 1)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of ``options``."""
        return options[self.number(len(options) - 1)]

    def flag(self) -> bool:
        """Return true or false."""
        return bool(self.number(255) & 1)

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes, fewer at the end."""
        found = self._data[self._at : self._at + count]
        self._at += count
        return found

    def some(self, most: int = 255) -> bytes:
        """Return up to ``most`` bytes."""
        return self.take(self.number(most))

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self._data))

    def text(self) -> str:
        """Return a text such as a stranger may write."""
        parts = [self.pick(NASTY) if self.flag() else self.some(24).decode("utf-8", "surrogateescape")]
        while len(parts) < 4 and self.number(3) == 3:
            parts.append(self.pick(NASTY))
        return "".join(parts)

    def value(self, depth: int = 0) -> object:
        """Return any value that TOML could hold."""
        kind = self.number(9 if depth < 3 else 6)
        if kind == 7:
            return [self.value(depth + 1) for _ in range(self.number(4))]
        if kind >= 8:
            return {
                self.text().encode("utf-8", "replace").decode(): self.value(depth + 1) for _ in range(self.number(4))
            }
        plain: tuple[object, ...] = (None, True, 0, -1, 10**30, 1.5, float("inf"))
        return self.text().encode("utf-8", "replace").decode() if kind in {0, 1} else self.pick(plain)
