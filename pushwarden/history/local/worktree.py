"""What is in the working tree and the index but in no commit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pushwarden.history.local.gaps import unreadable
from pushwarden.history.local.git import Git, GitError
from pushwarden.history.local.log import GITLINK, Change, parse_raw
from pushwarden.history.local.repository import Repository
from pushwarden.model import Gap

if TYPE_CHECKING:  # imported at run time where files are listed: what is staged stands in objects
    from pushwarden.history.local.files import FileEntry

UNTRACKED: Final = ("ls-files", "-z", "--others", "--exclude-standard")
NESTED: Final = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")


@dataclass(frozen=True, slots=True)
class OnDisk:
    """Files of the working tree to read."""

    entries: tuple[FileEntry, ...]
    """Paths from the top of the working tree."""
    index: dict[str, bytes]
    """Path to the id that the index has for it."""
    gaps: tuple[Gap, ...]


def head_commit(git: Git) -> bytes | None:
    """Return the commit of HEAD; None before the first commit."""
    try:
        return git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip()
    except GitError:
        return None


def staged_changes(repository: Repository, head: bytes | None) -> tuple[Change, ...]:
    """Return what the next commit would change.

    Raises:
        GitError: the index or HEAD's tree cannot be read.
    """
    tree = head.decode() if head else repository.empty_tree
    out = repository.git.run("diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", tree, "--")
    return tuple(change for change in parse_raw(out.split(b"\0")) if change.mode != GITLINK)


def on_disk(repository: Repository) -> OnDisk:
    """Return the files that differ from the index, and those that are not in it and not ignored.

    Raises:
        GitError: the index cannot be read.
    """
    git = without_filters(repository.git)
    raw = git.run("diff-files", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=all")
    index: dict[str, bytes] = {}
    for change in parse_raw(raw.split(b"\0")):
        index[os.fsdecode(change.path)] = change.old[0]
    untracked = list(_untracked(git, repository.root, ""))
    gaps: list[Gap] = []
    entries = tuple(
        replace(entry, blob=index[entry.path].decode() if entry.path in index else "")
        for entry in _entries(repository.root, sorted({*index, *untracked}), gaps)
    )
    return OnDisk(entries, index, tuple(gaps))


def without_filters(git: Git) -> Git:
    """Return git with the repository's content filters switched off: they are programs that it could make us run."""
    try:
        names = git.run("config", "--name-only", "-z", "--get-regexp", r"^filter\.")
    except GitError:  # exit code 1: there are none
        return git
    drivers = {os.fsdecode(name).rpartition(".")[0] for name in names.split(b"\0") if name}
    off = tuple(f"{driver}.{what}" for driver in sorted(drivers) for what in ("clean=", "process=", "required=false"))
    return replace(git, settings=(*git.settings, *off))


def _untracked(git: Git, root: Path, prefix: str) -> Iterator[str]:
    """Yield untracked paths; those of a repository inside the working tree, which git names by its folder, as well."""
    stack: list[tuple[str, tuple[str, ...]]] = [(prefix, UNTRACKED)]
    while stack:
        folder, command = stack.pop()
        out = replace(git, folder=str(root / folder)).run(*command)
        for name in os.fsdecode(out).split("\0"):
            if name.endswith("/"):
                stack.append((folder + name, NESTED))
            elif name:
                yield folder + name


def _entries(root: Path, paths: Iterable[str], gaps: list[Gap]) -> Iterator[FileEntry]:
    from pushwarden.history.local.files import FileEntry  # noqa: PLC0415 - see above

    for path in paths:
        try:
            info = (root / path).lstat()
        except FileNotFoundError:  # deleted and not staged
            continue
        except OSError as error:
            gaps.append(unreadable(path, error))
            continue
        if stat.S_ISLNK(info.st_mode):
            yield FileEntry(path, 0, is_link=True)
        elif stat.S_ISREG(info.st_mode):
            yield FileEntry(path, info.st_size)
