"""Rule files as text: which they are, what they hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushwarden.detect.errors import RuleError


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The text of a rule file and where it came from."""

    path: Path
    text: str
    checked: bool = False
    """It comes with Pushwarden, whose tests compile every pattern; a first use need not do that again."""

    @classmethod
    def read(cls, path: Path) -> RuleFile:
        """Read the file.

        Raises:
            RuleError: it cannot be read, or is not UTF-8.
        """
        try:
            # As text would be read, but half as long.
            return cls(path, path.read_bytes().decode().replace("\r\n", "\n"))
        except OSError as error:
            raise RuleError(str(path), f"cannot be read ({error.strerror}); give a file or folder of rules") from error
        except UnicodeDecodeError as error:
            raise RuleError(str(path), "is not UTF-8; save it as UTF-8") from error

    def parse(self) -> dict[str, Any]:
        """Return the file's tables.

        Raises:
            RuleError: it is not TOML.
        """
        import tomllib  # noqa: PLC0415 - not needed where the compiled rules are read

        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise RuleError(str(self.path), f"is not valid TOML: {error}") from error


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files to read: each file as given, and for each folder its ``*.toml`` files in order of name.

    Raises:
        RuleError: a path does not exist, or a folder has no rule file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob("*.toml"))
            if not inside:
                raise RuleError(str(path), "holds no *.toml file; give a folder of rule files or one file")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise RuleError(str(path), "does not exist; check the path given for rules")
    return found
