"""Read the small text files in which a repository's owners write suppressions."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pushwarden.errors import UsageError

CONFIG_NAME: Final = ".pushwarden.toml"
IGNORE_NAME: Final = ".pushwarden-ignore"
GITLEAKS_NAME: Final = ".gitleaksignore"
DETECT_SECRETS_NAME: Final = ".secrets.baseline"
MOST_BYTES: Final = 64 * 1024 * 1024
"""More than that is no list that people keep; reading it would only cost memory."""


class SuppressError(UsageError):
    """A suppression or configuration file cannot be used; the message names file, line and remedy."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where


def read_text(path: Path) -> str | None:
    """Return a file's text, or None where there is none; bytes that are no UTF-8 become surrogate escapes.

    Raises:
        SuppressError: There is something of that name, but it cannot be read.
    """
    try:
        if not path.exists():
            return None
        if not path.is_file():
            raise SuppressError(str(path), "this is no regular file; remove it, or put a file there")
        if path.stat().st_size > MOST_BYTES:
            raise SuppressError(str(path), f"the file is larger than {MOST_BYTES >> 20} MiB; shorten it")
        return path.read_bytes().decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    except OSError as error:
        raise SuppressError(str(path), f"cannot read it ({error.strerror}); mend its permissions") from error
