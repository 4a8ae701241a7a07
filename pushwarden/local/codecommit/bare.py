"""A bare git repository on disk: refs and objects, as the API needs them.

Objects are never collected, so whatever was pushed once stays readable by id, as it does in CodeCommit
(https://docs.aws.amazon.com/codecommit/latest/userguide/how-to-delete-branch.html). Refs are plain files; git itself
writes them, with its compare-and-swap.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pushwarden.errors import PushwardenError
from pushwarden.local.codecommit.objectreader import ObjectReader

ZERO_ID: Final = "0" * 40
OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}")
BRANCHES: Final = "refs/heads/"
TAGS: Final = "refs/tags/"

MAX_FILE_NAME_BYTES: Final = 250
"""Refs are files, whose names have at most 255 bytes; git adds ``.lock``."""

_CONFIG: Final = """
[gc]
\tauto = 0
[maintenance]
\tauto = false
[core]
\tfsync = none
\tlogAllRefUpdates = false
[receive]
\tautogc = false
\tadvertiseAtomic = false
\tadvertisePushOptions = false
\tdenyDeleteCurrent = ignore
[repack]
\tuseDeltaBaseOffset = false
[uploadpack]
\tallowTipSHA1InWant = true
\tallowReachableSHA1InWant = true
"""


class RefConflictError(PushwardenError):
    """A ref did not stand where the caller expected it, or its name clashes with another."""


class GitFailedError(PushwardenError):
    """A git command ended in a way that only a fault of this program or of the machine explains."""


def git_environment() -> dict[str, str]:
    """Return an environment in which git heeds no configuration but the repository's own.

    ``GIT_PROTOCOL`` is absent on purpose: CodeCommit speaks protocol version 0.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_DEFAULT_HASH": "sha1",
        "GIT_DEFAULT_REF_FORMAT": "files",
        "GIT_TERMINAL_PROMPT": "0",
    }


class BareRepository:
    """Refs and objects of one bare repository; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = ObjectReader(path, git_environment())

    @classmethod
    def create(cls, path: Path) -> BareRepository:
        """Make an empty repository at ``path``.

        Raises:
            GitFailedError: git could not make it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        repository = cls(path)
        repository.run("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(path), at=path.parent)
        with (path / "config").open("a", encoding="ascii") as config:
            config.write(_CONFIG)
        return repository

    def run(self, *arguments: str, at: Path | None = None, stdin: bytes = b"") -> bytes:
        """Run ``git arguments`` in the repository and return what it prints.

        Raises:
            GitFailedError: it exits with another status than 0.
        """
        done = self.try_run(*arguments, at=at, stdin=stdin)
        if done.returncode != 0:
            text = done.stderr.decode(errors="replace").strip()
            raise GitFailedError(f"git {arguments[0]} failed with status {done.returncode} in {self.path}: {text}")
        return done.stdout

    def try_run(
        self, *arguments: str, at: Path | None = None, stdin: bytes = b"", extra_env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``git arguments`` in the repository, whatever its exit status."""
        environment = git_environment() | dict(extra_env or {})
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=at or self.path, env=environment, input=stdin, capture_output=True, check=False
        )

    # Refs

    def refs(self) -> dict[str, str]:
        """Return every ref with the id it stands at, sorted by name."""
        found = self._packed_refs()
        for folder, _, names in os.walk(self.path / "refs"):
            for name in names:
                full = Path(folder, name).relative_to(self.path).as_posix()
                value = None if name.endswith(".lock") else self._loose_ref(full)
                if value is not None:
                    found[full] = value
        return dict(sorted(found.items(), key=lambda item: os.fsencode(item[0])))

    def branches(self) -> dict[str, str]:
        """Return the branches by short name."""
        return {name.removeprefix(BRANCHES): tip for name, tip in self.refs().items() if name.startswith(BRANCHES)}

    def ref(self, name: str) -> str | None:
        """Return the id at which the full ref ``name`` stands, None when there is no such ref."""
        if not _safe_ref_path(name):
            return None
        return self._loose_ref(name) or self._packed_refs().get(name)

    def head(self) -> str:
        """Return the full name of the branch that ``HEAD`` names; it need not exist."""
        return (self.path / "HEAD").read_text().strip().removeprefix("ref: ")

    def set_head(self, ref: str) -> None:
        """Let ``HEAD`` name ``ref``."""
        self.run("symbolic-ref", "HEAD", ref)

    def update_ref(self, name: str, new: str, old: str) -> None:
        """Move ``name`` from ``old`` to ``new`` in one step; the zero id means "does not exist".

        Raises:
            RefConflictError: it does not stand at ``old``, or the name cannot be a ref.
        """
        arguments = ["-d", name, old] if new == ZERO_ID else [name, new, old]
        done = self.try_run("update-ref", "--no-deref", *arguments)
        if done.returncode != 0:
            raise RefConflictError(f"{name} could not be moved from {old} to {new}; read it again, then retry")

    def is_ref_name(self, name: str) -> bool:
        """Tell whether git takes ``name`` as the full name of a ref."""
        return _safe_ref_path(name) and self.try_run("check-ref-format", name).returncode == 0

    def _loose_ref(self, name: str) -> str | None:
        try:
            text = (self.path / name).read_text(encoding="ascii").strip()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, UnicodeDecodeError):
            return None
        return text if OBJECT_ID.fullmatch(text) else None

    def _packed_refs(self) -> dict[str, str]:
        try:
            lines = os.fsdecode((self.path / "packed-refs").read_bytes()).splitlines()
        except FileNotFoundError:
            return {}
        pairs = (line.split(" ", 1) for line in lines if line and line[0] not in "#^")
        return {name: value for value, name in pairs}

    # Objects

    def write(self, kind: str, data: bytes) -> str:
        """Store one object (``kind`` is blob, tree, commit or tag) and return its id."""
        stored = b"%s %d\0%s" % (kind.encode(), len(data), data)
        object_id = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
        path = self.path / "objects" / object_id[:2] / object_id[2:]
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix="tmp_obj_", delete=False) as file:
                file.write(zlib.compress(stored, 1))
            Path(file.name).replace(path)
        return object_id

    def merge_bases(self, one: str, other: str) -> Sequence[str]:
        """Return the best common ancestors of two commits; empty when their histories share nothing."""
        return self.try_run("merge-base", "--all", one, other).stdout.decode("ascii").split()

    def remove(self) -> None:
        """Delete the repository from disk."""
        self.objects.close()
        shutil.rmtree(self.path)


def _safe_ref_path(name: str) -> bool:
    """Tell whether ``name`` can be read as a file below the repository: it comes from the network."""
    parts = os.fsencode(name).split(b"/")
    return (
        name.startswith("refs/")
        and "\0" not in name
        and b".." not in parts
        and not name.endswith(".lock")
        and all(len(part) <= MAX_FILE_NAME_BYTES for part in parts)
    )
