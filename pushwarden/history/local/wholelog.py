"""The log of a whole history, written by several gits at once: comparing trees is most of git's work."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import IO, Final, Self

from pushwarden.history.local.git import Git, tidy
from pushwarden.history.local.log import FORMAT, Commit, parse, tokens

DIFF: Final = (
    "diff-tree", "--stdin", "-c", "-r", "--raw", "-z", "--no-abbrev", "--no-renames", "--root", "--always", FORMAT,
)  # fmt: skip
"""Writes byte for byte what :data:`~pushwarden.history.local.log.LOG` does, for the commits that it reads."""
PARTS_MOST: Final = 8
BASES: Final = "core.deltaBaseCacheLimit=32m"
"""Git's own default is three times as much, for each of the gits; they are not faster with it."""
PART_COMMITS: Final = 1000
"""Fewer are not worth a git of their own."""


class WholeLog:
    """All commits that some revisions reach, newest first, kept in temporary files; they may be read more than once."""

    def __init__(self, git: Git, revisions: Sequence[str]) -> None:
        """Let git begin to list the commits."""
        self._git = replace(git, settings=(*git.settings, BASES))
        self._list: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._lister = git.start("rev-list", "--topo-order", *revisions, stdout=self._list)
        self._count = 0
        self._parts: list[_Part] | None = None
        self.problem: str | None = None
        """What git complained about; None: the log is whole. Known after the first reading."""

    def split(self, parts: int) -> None:
        """Wait for the list and start the gits that write the log; does nothing the second time.

        Args:
            parts: How many of them at most.
        """
        if self._parts is not None:
            return
        self._parts = []
        _, stderr = self._lister.communicate()
        if self._lister.returncode != 0:
            self.problem = tidy(stderr) or f"git rev-list ended with {self._lister.returncode}"
        self._list.seek(0)
        names = self._list.read()
        width = names.find(b"\n") + 1  # ids are all of one length
        self._count = len(names) // width if width else 0
        count = max(1, min(parts, PARTS_MOST, self._count // PART_COMMITS))
        cuts = [number * self._count // count * width for number in range(count + 1)]
        self._parts += (_Part(self._git, names[low:high]) for low, high in pairwise(cuts))

    def is_running(self) -> bool:
        """Return whether git still writes."""
        return self._parts is None or any(part.process.poll() is None for part in self._parts)

    def commits(self) -> Iterator[Commit]:
        """Yield the commits; waits for git to end first."""
        self.split(1)
        parts = self._parts or []
        for part in parts:
            said = part.wait()
            self.problem = self.problem or said
        return self._read(parts)

    def _read(self, parts: Sequence[_Part]) -> Iterator[Commit]:
        count = 0
        for commit in chain.from_iterable(part.commits() for part in parts):
            count += 1
            yield commit
        if count < self._count and self.problem is None:
            # git diff-tree passes over what it cannot read in silence.
            self.problem = f"{self._count - count:,} commits are listed but cannot be read"

    def close(self) -> None:
        """End git and drop the files."""
        if self._parts is None:
            self._parts = []
            self._lister.kill()
            self._lister.communicate()
        for part in self._parts:
            part.close()
        self._list.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Part:
    """One git that writes the log of some commits."""

    def __init__(self, git: Git, names: bytes) -> None:
        self._input: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._input.write(names)
        self._input.seek(0)
        self._heard = False
        self.process: subprocess.Popen[bytes] = git.start(*DIFF, stdin=self._input, stdout=self._file)

    def wait(self) -> str | None:
        """Wait for git to end and return its complaint, the first time."""
        if self._heard:
            return None
        self._heard = True
        _, stderr = self.process.communicate()
        return None if self.process.returncode == 0 else tidy(stderr) or f"git ended with {self.process.returncode}"

    def commits(self) -> Iterator[Commit]:
        """Yield the commits."""
        self._file.seek(0)
        return parse(tokens(self._file))

    def close(self) -> None:
        """End git and drop the files."""
        if not self._heard:
            self._heard = True
            self.process.kill()
            self.process.communicate()
        self._input.close()
        self._file.close()
