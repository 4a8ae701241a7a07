"""The inputs that are kept: one file for each target, one input on each line, in base64; ``#`` begins a comment.

They were made up, or found by fuzzing; none holds a secret that ever was one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


def path_of(target: str) -> Path:
    """Return the place of a target's inputs."""
    return FOLDER / f"{target}.txt"


def read(target: str) -> list[bytes]:
    """Return the inputs of a target; none where there is no file."""
    path = path_of(target)
    lines = path.read_text().splitlines() if path.exists() else []
    return [base64.b64decode(line, validate=True) for line in lines if line and not line.startswith("#")]


def write(target: str, named: Iterable[tuple[str, bytes]], found: Iterable[bytes]) -> None:
    """Write the inputs of a target: those with a story of their own, then what fuzzing found."""
    lines: list[str] = []
    for story, data in named:
        lines += [f"# {story}", base64.b64encode(data).decode()]
    lines += [
        "# Found by coverage.",
        *(base64.b64encode(each).decode() for each in sorted(found, key=lambda each: (len(each), each))),
    ]
    path_of(target).write_text("\n".join(lines) + "\n")


def stories(target: str) -> list[tuple[str, bytes]]:
    """Return the inputs that have a story, each with it."""
    path = path_of(target)
    lines = path.read_text().partition("# Found by coverage.")[0].splitlines() if path.exists() else []
    return [(text[2:], base64.b64decode(data)) for text, data in zip(lines[::2], lines[1::2], strict=True)]
