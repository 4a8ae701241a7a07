"""Colours for terminal text. Plain text needs no import of rich: a hook that finds nothing starts faster without it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias


class Part(NamedTuple):
    """A piece of a line with one style."""

    text: str
    style: str
    """A style in rich's words (``bold red``), or nothing."""


Line: TypeAlias = list[Part]


def part(text: str, style: str = "") -> Part:
    """Return a piece of a line."""
    return Part(text, style)


def paint(lines: Iterable[Line], *, color: bool) -> bytes:
    """Return the lines in UTF-8, each with a line feed; styles become SGR sequences where colour is on."""
    render = _ansi if color else _plain
    return "".join(f"{render(line)}\n" for line in lines).encode("utf-8", "backslashreplace")


def _plain(line: Line) -> str:
    return "".join(piece.text for piece in line).rstrip()


def _ansi(line: Line) -> str:
    from rich.color import ColorSystem  # noqa: PLC0415 - only where there is colour
    from rich.style import Style  # noqa: PLC0415

    pieces = (
        Style.parse(piece.style).render(piece.text, color_system=ColorSystem.STANDARD) if piece.style else piece.text
        for piece in line
    )
    return "".join(pieces)
