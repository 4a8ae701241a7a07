"""Objects of a repository: list all of them, read many of them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Final, Self

from pushwarden.history.local.git import PIPE_BYTES, Git, GitError, tidy
from pushwarden.history.local.packs import PackReader, Packs, Stored

if sys.platform == "linux":
    import fcntl

ASK_BYTES: Final = 48_000
"""Ids written before their objects are read: less than a pipe holds, or both ends would wait for each other."""
LIST_FORMAT: Final = "--batch-check=%(objectname) %(objecttype) %(objectsize)"


@dataclass(frozen=True, slots=True)
class Listing:
    """Every object that a repository holds, reachable or not, in the order in which the packs store them."""

    blobs: dict[bytes, int] = field(default_factory=dict)
    """Id to size in bytes."""
    commits: dict[bytes, int] = field(default_factory=dict)
    tags: dict[bytes, int] = field(default_factory=dict)
    damaged: tuple[bytes, ...] = ()
    """Ids that git knows but cannot read."""
    missing: tuple[bytes, ...] = ()
    """Ids that were asked for and are not there."""
    problem: str | None = None
    """Git's complaint where the list is not whole."""


class ListJob:
    """``git cat-file --batch-all-objects``, running beside the caller.

    Alternates are included (https://git-scm.com/docs/git-cat-file).
    """

    def __init__(self, git: Git) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by finish()
        self._process = git.start("cat-file", "--batch-all-objects", "--unordered", LIST_FORMAT, stdout=self._file)

    def close(self) -> None:
        """End git, where it still runs, and drop what it said."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()
        self._file.close()

    def finish(self) -> Listing:
        """Wait for git and return the list."""
        _, stderr = self._process.communicate()
        problem = tidy(stderr) or "git cat-file failed" if self._process.returncode != 0 else None
        with self._file as file:
            file.seek(0)
            return parse_listing(file, problem)


def parse_listing(lines: IO[bytes], problem: str | None) -> Listing:
    """Sort the lines ``id type size`` by type; trees are left out."""
    kinds: dict[bytes, dict[bytes, int]] = {b"blob": {}, b"commit": {}, b"tag": {}}
    damaged: list[bytes] = []
    missing: list[bytes] = []
    for line in lines:
        name, _, rest = line.partition(b" ")
        kind, _, size = rest.partition(b" ")
        if kind in kinds:
            kinds[kind][name] = int(size)
        elif kind == b"missing\n":
            missing.append(name)
        elif kind != b"tree":
            damaged.append(name.strip())
    return Listing(kinds[b"blob"], kinds[b"commit"], kinds[b"tag"], tuple(damaged), tuple(missing), problem)


def list_some(git: Git, names: Sequence[bytes]) -> Listing:
    """Return type and size of some objects.

    Args:
        git: The repository.
        names: Their ids.

    Raises:
        GitError: git cannot read the repository.
    """
    if not names:
        return Listing()
    try:
        out = git.run("cat-file", LIST_FORMAT, stdin=b"\n".join(names) + b"\n")
    except GitError:
        # In a partial clone git ends at the first object that is not here, for it may not fetch any.
        return _select(ListJob(git).finish(), names)
    return parse_listing(BytesIO(out), None)


def _select(listing: Listing, names: Sequence[bytes]) -> Listing:
    """Return what a list of everything says of some objects.

    Raises:
        GitError: git could not make the list.
    """
    if listing.problem is not None:
        raise GitError("cat-file", listing.problem.encode(), None)
    asked = dict.fromkeys(names)
    damaged = tuple(name for name in listing.damaged if name in asked)
    blobs, commits, tags = (
        {name: each[name] for name in asked if name in each} for each in (listing.blobs, listing.commits, listing.tags)
    )
    missing = tuple(name for name in asked if name not in {**blobs, **commits, **tags} and name not in damaged)
    return Listing(blobs, commits, tags, damaged, missing)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that git could not give."""

    why: str


@contextlib.contextmanager
def read_through(git: Git, name: bytes) -> Iterator[IO[bytes]]:
    """Give the content of a blob as a stream, for one that is too large to be held.

    Raises:
        GitError: git could not read it to the end; what was read of it may be used.
    """
    with tempfile.TemporaryFile() as stderr:
        process = git.start("cat-file", "blob", name.decode(), stderr=stderr)
        assert process.stdout is not None
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        finally:
            process.stdout.close()
            code = process.wait()
        if code != 0:
            stderr.seek(0)
            raise GitError("cat-file", stderr.read(), code)


class ObjectReader:
    """Reads objects: from the packs where it can, else through one ``git cat-file --batch``.

    Git is started at the first object that needs it, and again after an object that kills it.
    """

    def __init__(self, git: Git, packs: Packs | None = None) -> None:
        self.git = git
        self._packs = PackReader(packs) if packs is not None else None
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None

    def read(self, names: Sequence[bytes]) -> Iterator[tuple[bytes, bytes | Unreadable]]:
        """Yield each id with the object's bytes; what only git can read comes last."""
        for name, stored in self.read_stored(names):
            yield name, stored if isinstance(stored, Unreadable) else stored.data

    def read_stored(self, names: Sequence[bytes]) -> Iterator[tuple[bytes, Stored | Unreadable]]:
        """Yield each id with the object and how it is stored; what only git can read comes last."""
        left = names
        if self._packs is not None:
            left = []
            for name in names:
                stored = self._packs.read(name)
                if stored is None:
                    left.append(name)
                else:
                    yield name, stored
        for name, data in self._read_by_git(left):
            yield name, data if isinstance(data, Unreadable) else Stored(data)

    def _read_by_git(self, names: Sequence[bytes]) -> Iterator[tuple[bytes, bytes | Unreadable]]:
        start = 0
        while start < len(names):
            done = 0
            asked = _some(names, start)
            for each in self._ask(asked):
                done += 1
                yield each
            start += done

    def _ask(self, names: Sequence[bytes]) -> Iterator[tuple[bytes, bytes | Unreadable]]:
        """Yield objects until one of them ends git; that one is the last."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # reading from it says what happened
            process.stdin.write(b"\n".join(names) + b"\n")
            process.stdin.flush()
        for name in names:
            head = process.stdout.readline()
            fields = head.split()
            if len(fields) == 3 and head.endswith(b"\n"):  # noqa: PLR2004 - id, type, size
                size = int(fields[2])
                data = process.stdout.read(size + 1)
                if len(data) == size + 1:
                    yield name, data[:-1]
                    continue
            elif head.endswith(b"\n"):
                yield name, Unreadable(fields[-1].decode("ascii", "replace"))
                continue
            yield name, Unreadable(self._end())
            return

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _end()
            self._process = self.git.start("cat-file", "--batch", stdin=subprocess.PIPE, stderr=self._stderr)
            assert self._process.stdout is not None
            if sys.platform == "linux":
                with contextlib.suppress(OSError):  # fewer switches between the processes; not every system lets us
                    fcntl.fcntl(self._process.stdout.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return self._process

    def _end(self) -> str:
        """End git and return its complaint."""
        if self._process is None or self._stderr is None:
            return ""
        with contextlib.suppress(BrokenPipeError):
            self._process.kill()
            self._process.communicate()
        with self._stderr as file:
            file.seek(0)
            said = tidy(file.read())
        self._process = self._stderr = None
        return said or "git cat-file ended"

    def close(self) -> None:
        """End git."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _some(names: Sequence[bytes], start: int) -> Sequence[bytes]:
    """Return the next ids, as many as may be asked for at once."""
    return names[start : start + max(1, ASK_BYTES // (len(names[start]) + 1))]
