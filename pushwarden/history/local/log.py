"""The history as git tells it: one raw, combined diff per commit.

``git log -c --raw`` lists for a merge exactly the paths that differ from *every* parent, with all the old ids: what came
in with the merge itself (https://git-scm.com/docs/git-diff-tree#_combined_diff_format).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final, Self

from pushwarden.history.local.git import Git, tidy

BLOCK: Final = 1 << 22
HEADER: Final = 1
"""The byte that starts a commit's header in our format; paths follow a raw line, so they cannot be taken for one."""
GITLINK: Final = b"160000"
SYMLINK: Final = b"120000"
FORMAT: Final = "--format=%x01%H %P"
LOG: Final = (
    "log",
    "-c",
    "--raw",
    "-z",
    "--no-abbrev",
    "--no-renames",
    "--root",
    "--topo-order",
    "--no-notes",
    FORMAT,
)


@dataclass(frozen=True, slots=True)
class Change:
    """A path that a commit changed."""

    path: bytes
    mode: bytes
    """Mode after the commit, six octal digits; zeros: deleted."""
    new: bytes
    """Id after the commit; zeros: deleted."""
    old: tuple[bytes, ...]
    """Ids before, one per parent; zeros: not there."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and what it changed against every parent."""

    id: bytes
    parents: tuple[bytes, ...]
    changes: tuple[Change, ...]


class History:
    """The log of some commits, newest first, kept in a temporary file: it may be read more than once."""

    def __init__(self, git: Git, revisions: Sequence[str], stdin: bytes = b"") -> None:
        """Start the log; it is written while the caller does something else."""
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._input: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._input.write(stdin)
        self._input.seek(0)
        self._process = git.start(*LOG, *revisions, stdin=self._input, stdout=self._file)
        self._heard = False
        self.problem: str | None = None
        """What git complained about; None: the log is whole. Known after the first reading."""

    def commits(self) -> Iterator[Commit]:
        """Yield the commits; waits for git to end first."""
        if not self._heard:
            self._heard = True
            _, stderr = self._process.communicate()
            if self._process.returncode != 0:
                self.problem = tidy(stderr) or f"git log ended with {self._process.returncode}"
        self._file.seek(0)
        return parse(tokens(self._file))

    def close(self) -> None:
        """End git and drop the file."""
        if not self._heard:
            self._heard = True
            self._process.kill()
            self._process.communicate()
        self._file.close()
        self._input.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def tokens(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what stands between NUL bytes."""
    rest = b""
    while block := stream.read(BLOCK):
        parts = (rest + block).split(b"\0")
        rest = parts.pop()
        yield from parts
    if rest.strip():
        yield rest


def parse(parts: Iterable[bytes]) -> Iterator[Commit]:
    """Yield the commits of ``git log`` with our options; a last record that was cut off is left out."""
    stream = iter(parts)
    head: list[bytes] = []
    changes: list[Change] = []
    for part in stream:
        token = part.lstrip(b"\n")
        if not token:
            continue
        if token[0] == HEADER:
            if head:
                yield Commit(head[0], tuple(head[1:]), tuple(changes))
            head, changes = token[1:].split(), []
            continue
        path = next(stream, None)
        if path is not None:
            changes.append(_change(token, path))
    if head:
        yield Commit(head[0], tuple(head[1:]), tuple(changes))


def parse_raw(parts: Iterable[bytes]) -> Iterator[Change]:
    """Yield the changes of a raw diff without headers (``git diff-index --raw -z`` and the like)."""
    stream = iter(parts)
    for part in stream:
        path = next(stream, None)
        if part and path is not None:
            yield _change(part, path)


def _change(line: bytes, path: bytes) -> Change:
    fields = line.split(b" ")
    # n old modes, the new mode, n old ids, the new id, the status letters
    parents = (len(fields) - 3) // 2
    return Change(path, fields[parents][-6:], fields[2 * parents + 1], tuple(fields[parents + 1 : 2 * parents + 1]))
