"""Apply a repository's suppressions to findings, and say which of them did nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from pushwarden.model import Finding
from pushwarden.suppress.model import Entry, Suppressed

PUBLIC_KEY: Final = b"pushwarden: no key of its own"
"""Key of the fingerprints where a repository stores none; known to everybody, see ``docs/findings.md``."""


@dataclass(frozen=True, slots=True)
class Suppressions:
    """All suppressions of one repository. ``Suppressions()`` has none."""

    keys: tuple[bytes, ...] = ()
    """The repository's fingerprint keys; the first one is used in reports, the others only to recognise entries."""
    entries: tuple[Entry, ...] = ()

    def fingerprint(self, finding: Finding) -> str:
        """Return the fingerprint that reports show: 32 lower-case hex digits."""
        match = finding.match
        return match.secret.fingerprint(self.keys[0] if self.keys else PUBLIC_KEY, match.rule_id)

    def apply(
        self,
        findings: Iterable[Finding],
        *,
        inline: Callable[[Finding], bool] = lambda _: False,
        whole: bool = True,
    ) -> tuple[tuple[Finding, ...], Suppressed]:
        """Return the findings that are left, and the account of the others.

        Args:
            findings: What the scan found.
            inline: Says of a finding that a comment in its content allows it (:mod:`pushwarden.suppress.inline`).
            whole: Whether everything was scanned. Only then is a suppression that met nothing reported as unused.
        """
        del inline, whole
        return tuple(findings), Suppressed()


def load(root: Path, *, config: Path | None = None, today: date | None = None) -> Suppressions:
    """Read ``.pushwarden.toml``, ``.pushwarden-ignore``, ``.gitleaksignore`` and ``.secrets.baseline`` of a folder.

    Args:
        root: Folder of the repository's working tree; a missing file is no suppression.
        config: Read this file in place of ``.pushwarden.toml``; it must exist.
        today: The day that expiry is judged by; default: today, UTC.

    Raises:
        UsageError: A file cannot be read or understood; the message names file and line.
    """
    del root, config, today
    return Suppressions()
