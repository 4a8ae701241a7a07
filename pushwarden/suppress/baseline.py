"""Write today's findings into ``.pushwarden-ignore``, so that only new ones count from now on."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from pushwarden.model import Finding
from pushwarden.suppress.apply import PUBLIC_KEY, Suppressions
from pushwarden.suppress.files import IGNORE_NAME, SuppressError, read_text
from pushwarden.suppress.ignore_file import IgnoreFile, render
from pushwarden.suppress.model import Entry, Kind, Stale

ATTRIBUTES_NAME: Final = ".gitattributes"
ATTRIBUTES_LINE: Final = f"/{IGNORE_NAME} merge=union"
"""Git then keeps the lines of both sides of a merge (https://git-scm.com/docs/gitattributes#_built_in_merge_drivers)."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said beside each new entry."""

    reason: str = ""
    author: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """The new content of the file, and what changed."""

    file: IgnoreFile
    added: int
    kept: int
    removed: int


def update(
    file: IgnoreFile,
    suppressions: Suppressions,
    *,
    found: Iterable[Finding],
    left: Iterable[Finding],
    new_key: Callable[[], bytes],
    words: Words = Words(),
    remove: Iterable[Stale] = (),
) -> Update:
    """Return the baseline that accepts every finding of ``left``.

    Args:
        file: The file as it is.
        suppressions: The repository's suppressions.
        found: All findings of the scan; entries under another key than the first are rewritten to the first.
        left: The findings that nothing suppresses so far.
        new_key: Makes 32 random bytes; called where the repository has no key yet.
        words: Reason, author and last day of new entries.
        remove: Entries to leave out, by their place: the unused and expired ones, where that is wanted.
    """
    keys = suppressions.keys or (new_key(),)
    keyed = replace(suppressions, keys=keys)
    gone = {each.where for each in remove}
    kept = [each for each in file.entries if each.where not in gone]
    current = _current_names(keyed, found)
    renamed = [
        replace(each, fingerprints=frozenset(current.get(one, one) for one in each.fingerprints)) for each in kept
    ]
    new = _entries(keyed, left, words)
    stored = file.keys or (() if suppressions.keys else keys)
    return Update(IgnoreFile(stored, (*renamed, *new)), len(new), len(kept), len(file.entries) - len(kept))


def _current_names(suppressions: Suppressions, found: Iterable[Finding]) -> dict[str, str]:
    """Map the fingerprints under every other key to the one under the first."""
    names: dict[str, str] = {}
    for finding in found:
        match = finding.match
        for key in (*suppressions.keys[1:], PUBLIC_KEY):
            names[match.secret.fingerprint(key, match.rule_id)] = suppressions.fingerprint(finding)
    return names


def _entries(suppressions: Suppressions, findings: Iterable[Finding], words: Words) -> list[Entry]:
    """Make one entry per (rule, secret), wherever it stands; its first path is written down for people."""
    first: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda finding: finding.path):
        first.setdefault(suppressions.fingerprint(finding), finding)
    return [
        Entry(
            kind=Kind.IGNORE_FILE,
            where=IGNORE_NAME,
            fingerprints=frozenset({fingerprint}),
            rules=(finding.match.rule_id,),
            reason=words.reason,
            author=words.author,
            until=words.until,
            seen=finding.path,
        )
        for fingerprint, finding in sorted(first.items())
    ]


def save(root: Path, file: IgnoreFile) -> None:
    """Write ``.pushwarden-ignore`` whole or not at all.

    Raises:
        SuppressError: The folder cannot be written.
    """
    _replace(root / IGNORE_NAME, render(file))


def make_mergeable(root: Path) -> bool:
    """Make git merge the file line by line, through ``.gitattributes``; return whether that file was changed.

    Raises:
        SuppressError: ``.gitattributes`` cannot be read or written.
    """
    path = root / ATTRIBUTES_NAME
    text = read_text(path) or ""
    if not (root / ".git").exists() or any(IGNORE_NAME in line.split("#")[0] for line in text.splitlines()):
        return False
    _replace(path, text + ("\n" if text and not text.endswith("\n") else "") + ATTRIBUTES_LINE + "\n")
    return True


def _replace(path: Path, text: str) -> None:
    # A name that nobody can foresee, and O_EXCL: the folder's content is a stranger's, links included.
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise SuppressError(str(path), f"cannot write it ({error.strerror}); nothing was changed") from error
