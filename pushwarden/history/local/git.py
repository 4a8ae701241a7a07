"""Run git on a repository that nobody vouches for.

Argument lists only, no user or system configuration, no hooks, no monitors, no pagers, no signatures checked, no fetch
of missing objects: a repository must not be able to make a scan run something. See ``git help git`` (environment) and
``git help config``.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Final

from pushwarden.errors import PushwardenError, UsageError

TIMEOUT_S: Final = 600.0
MESSAGE_LENGTH: Final = 200
PIPE_BYTES: Final = 1 << 20
OVERRIDES: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.pager=cat",
    "core.attributesFile=/dev/null",
    "core.useReplaceRefs=false",
    "log.showSignature=false",
    "log.showRoot=true",
    "log.mailmap=false",
    "diff.relative=false",
    "diff.orderFile=/dev/null",
    "submodule.recurse=false",
    "protocol.allow=never",
)
"""Settings of the repository that must not change what we run or see."""
ENVIRONMENT: Final = {
    "LC_ALL": "C",
    "LANG": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # git before 2.45 does not know GIT_NO_LAZY_FETCH, but cannot fetch without a protocol
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": f"{os.devnull}/none",
    "GIT_PAGER": "cat",
}
QUARANTINE: Final = ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
"""What git tells a pre-receive hook about objects that are not accepted yet (``git help receive-pack``)."""

_USERINFO: Final = re.compile(r"://[^/@\s]*@")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class GitError(PushwardenError):
    """A git command failed."""

    def __init__(self, command: str, stderr: bytes, exit_code: int | None) -> None:
        self.said = tidy(stderr)
        """What git said: one line, without control characters and without credentials of URLs."""
        self.exit_code = exit_code
        super().__init__(f"git {command} failed ({self.said or f'exit code {exit_code}'})")


def tidy(stderr: bytes) -> str:
    """Return the line of git's complaint that says most, fit to show."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    return _CONTROL.sub(" ", _USERINFO.sub("://", telling))[:MESSAGE_LENGTH]


@dataclass(frozen=True, slots=True)
class Git:
    """Git in one folder."""

    folder: str
    settings: tuple[str, ...] = ()
    """More ``name=value`` settings."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """More environment variables."""

    def run(self, *args: str, stdin: bytes = b"", timeout_s: float = TIMEOUT_S) -> bytes:
        """Run a command and return what it prints.

        Raises:
            GitError: it failed, or took longer than ``timeout_s`` seconds.
            UsageError: git is not installed.
        """
        try:
            done = subprocess.run(
                self.command(args), input=stdin, capture_output=True, env=self.env(), timeout=timeout_s, check=False
            )
        except FileNotFoundError as error:
            raise UsageError("git is not installed or not on PATH; install it") from error
        except subprocess.TimeoutExpired as error:
            raise GitError(args[0], f"no answer in {timeout_s:.0f} s".encode(), None) from error
        if done.returncode != 0:
            raise GitError(args[0], done.stderr, done.returncode)
        return done.stdout

    def start(
        self,
        *args: str,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start a command whose output is read as it comes; the caller ends it.

        Raises:
            UsageError: git is not installed.
        """
        try:
            return subprocess.Popen(
                self.command(args), stdin=stdin, stdout=stdout, stderr=stderr, env=self.env(), bufsize=PIPE_BYTES
            )
        except FileNotFoundError as error:
            raise UsageError("git is not installed or not on PATH; install it") from error

    def command(self, args: Iterable[str]) -> list[str]:
        """Return the argument list of a command."""
        settings = [part for each in (*OVERRIDES, *self.settings) for part in ("-c", each)]
        return ["git", "-C", self.folder, *settings, *args]

    def env(self) -> dict[str, str]:
        """Return the environment of a command: ours, without anything that steers git."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return {**kept, **ENVIRONMENT, **self.environment}


def hook_environment() -> dict[str, str]:
    """Return what git has told the hook that runs us about where its objects are, as absolute paths."""
    said = {name: os.environ[name] for name in QUARANTINE if name in os.environ}
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY"):
        if name in said:
            said[name] = os.path.abspath(said[name])  # noqa: PTH100 - not resolved: git compares names
    return said
