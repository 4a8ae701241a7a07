"""A person with a clone: real git, with the person's own AWS credentials."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pushwarden.errors import PushwardenError
from pushwarden.local.codecommit import Principal
from pushwarden.local.service import LocalService


class CommandFailedError(PushwardenError):
    """A command that should have worked did not."""


def git_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which git signs for CodeCommit and reads no configuration of the machine's owner."""
    helper = f"!'{sys.executable}' -m pushwarden.local.credential"
    settings = {"credential.helper": helper, "credential.useHttpPath": "true", "init.defaultBranch": "main"}
    numbered = {f"GIT_CONFIG_KEY_{i}": key for i, key in enumerate(settings)}
    numbered |= {f"GIT_CONFIG_VALUE_{i}": value for i, value in enumerate(settings.values())}
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH") if key in os.environ}
    return {
        **kept,
        **variables,
        "GIT_CONFIG_COUNT": str(len(settings)),
        **numbered,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works on one repository."""

    service: LocalService
    principal: Principal
    name: str
    repository: str
    folder: Path

    @property
    def url(self) -> str:
        """The repository's clone URL, without credentials."""
        return self.service.codecommit.clone_url(self.repository)

    def clone(self) -> None:
        """Clone the repository into the person's folder."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._run(["git", "clone", "--quiet", self.url, str(self.folder)], self.folder.parent)

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run git in the clone.

        Raises:
            CommandFailedError: it failed, and ``check`` is set.
        """
        return self._run(["git", *arguments], self.folder, check=check)

    def commit(self, files: Mapping[str, str | bytes], message: str) -> str:
        """Write files, commit everything, and return the commit's id."""
        for path, content in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head()

    def head(self) -> str:
        """Return the id of the commit that the clone has checked out."""
        return self.git("rev-parse", "HEAD").stdout.strip()

    def remote_tip(self, ref: str) -> str | None:
        """Return what a ref of the repository stands at, asked of the server."""
        return self.service.tip(self.repository, ref)

    def pushwarden(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Pushwarden's own command line with the person's rights."""
        return self._run([sys.executable, "-m", "pushwarden", *arguments], self.folder, check=False)

    def _run(self, command: list[str], folder: Path, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = git_environment(self.service.person_environment(self.principal))
        mail = f"{self.name.lower()}@example.com"
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_NAME": self.name, f"GIT_{role}_EMAIL": mail}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        if check and done.returncode:
            raise CommandFailedError(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-500:]}")
        return done
