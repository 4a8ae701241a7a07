"""Find a repository and what is special about it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pushwarden.errors import UsageError
from pushwarden.history.local.git import Git, GitError
from pushwarden.history.local.packs import Packs

SHA256: Final = "sha256"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on this machine."""

    git: Git
    root: Path
    """The top of the working tree; the repository itself where there is none."""
    git_dir: Path
    common_dir: Path
    """Where objects and refs are: another one than :attr:`git_dir` in a linked working tree."""
    has_tree: bool
    """Whether there is a working tree."""
    is_shallow: bool
    object_format: str
    """``sha1`` or ``sha256``."""

    @property
    def null_id(self) -> bytes:
        """The id that stands for "no object"."""
        return b"0" * (64 if self.object_format == SHA256 else 40)

    def shallow_commits(self) -> frozenset[bytes]:
        """Return the commits whose parents are cut off (https://git-scm.com/docs/shallow)."""
        try:
            return frozenset((self.common_dir / "shallow").read_bytes().split())
        except FileNotFoundError:
            return frozenset()

    def packs(self) -> Packs:
        """Map the packs as they are now."""
        return Packs.open(self.common_dir, len(self.null_id) // 2)

    @property
    def empty_tree(self) -> str:
        """The id of the tree without entries, which every git knows."""
        if self.object_format == SHA256:
            return "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        return "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def open_repository(folder: str, environment: Mapping[str, str] | None = None) -> Repository:
    """Return the repository that ``folder`` is in.

    Raises:
        UsageError: there is none, it belongs to somebody else, or git cannot read it.
    """
    if not Path(folder).is_dir():
        what = "is a file" if Path(folder).exists() else "does not exist"
        raise UsageError(f"{folder} {what}; give the folder of a git repository, or add --files")
    git = Git(folder, environment=dict(environment or {}))
    try:
        facts = _facts(git)
    except GitError as error:
        if "dubious ownership" in error.said and _user_trusts(git):
            # What follows runs with the user's own decision, which our isolation had hidden.
            git = replace(git, settings=("safe.directory=*",))
            facts = _facts(git)
        else:
            raise UsageError(_explain(folder, error)) from error
    return _describe(git, facts)


def _facts(git: Git) -> list[str]:
    out = git.run(
        "rev-parse",
        "--is-inside-work-tree",
        "--is-shallow-repository",
        "--show-object-format",
        "--absolute-git-dir",
        "--git-common-dir",
        "--show-cdup",
    )
    return os.fsdecode(out).split("\n")


def _describe(git: Git, facts: list[str]) -> Repository:
    inside, shallow, object_format, git_dir, common_dir, up = facts[:6]
    folder = Path(git.folder).resolve()
    has_tree = inside == "true"
    root = (folder / up).resolve() if has_tree else Path(git_dir)
    return Repository(
        git=replace(git, folder=str(root)),
        root=root,
        git_dir=Path(git_dir),
        common_dir=(folder / common_dir).resolve(),
        has_tree=has_tree,
        is_shallow=shallow == "true",
        object_format=object_format,
    )


def _explain(folder: str, error: GitError) -> str:
    if "not a git repository" in error.said:
        return f"{folder} is not in a git repository; to scan it as it is, add --files"
    if "dubious ownership" in error.said:
        return (
            f"{folder} belongs to another user, and git does not trust it; if you do, run "
            f"git config --global --add safe.directory {folder}"
        )
    return f"{folder} cannot be read by git: {error.said}; check it with git fsck"


def _user_trusts(git: Git) -> bool:
    """Return whether the user's own configuration names the folder as safe.

    Only asked when git refuses: https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
    """
    command = ["git", "config", "--get-all", "-z", "safe.directory"]
    kept = {key: text for key, text in os.environ.items() if not key.startswith("GIT_") or key.startswith("GIT_CONFIG")}
    said = subprocess.run(command, capture_output=True, env=kept, cwd="/", timeout=60, check=False).stdout
    trusted: set[str] = set()
    for value in os.fsdecode(said).split("\0")[:-1]:
        trusted = trusted | {value} if value else set()  # an empty value takes back the ones before it
    folder = Path(git.folder).resolve()
    above = {f"{parent}/*" for parent in folder.parents}
    return bool(trusted & {"*", str(folder), *map(str, folder.parents), *above})
