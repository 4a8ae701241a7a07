"""Files and folders as they are, without git; and a stream."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from pushwarden.errors import UsageError
from pushwarden.history.local.content import scan_content
from pushwarden.history.local.gaps import crash_gap, too_large, unreadable
from pushwarden.history.local.model import (
    MIB,
    Counts,
    Found,
    Hit,
    Limits,
    Outcome,
    Progress,
    Report,
    Scan,
    Scanner,
    silent,
)
from pushwarden.history.local.names import scan_names
from pushwarden.history.local.pool import Died, Pool
from pushwarden.model import Finding, Gap, Source

CHUNK_BYTES: Final = MIB
CHUNK_FILES: Final = 256
LARGE_BYTES: Final = MIB // 4
ALONE_BYTES: Final = 2 * MIB
"""Below this, starting a second process costs more than it gains."""
SHA1_DIGITS: Final = 40
STDIN_NAME: Final = "<stdin>"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file to scan."""

    path: str
    """Where it is, and the name it is reported by."""
    size: int
    """Bytes, when it was listed."""
    is_link: bool = False
    """A symbolic link: its target's name is scanned, and it is not followed."""
    blob: str = ""
    """Id of the index's version: a file that is no other was only touched, or copied with its repository."""


Piece = tuple[str, Source, Hit]
"""Path, source and hit."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a worker says of a chunk of files."""

    pieces: tuple[Piece, ...]
    gaps: tuple[Gap, ...]
    bytes: int
    touched: int
    """Files that are what the index has, and were not scanned."""


def scan_files(
    paths: Sequence[str], scanner: Scanner, *, jobs: int, limits: Limits | None = None, report: Report = silent
) -> Outcome:
    """Scan files and whole folders.

    Args:
        paths: Files and folders; findings carry these names as they are given (``data`` gives ``data/...``).
        scanner: The rules.
        jobs: Worker processes, from 1.
        limits: Bounds on one file.
        report: Told about the progress.

    Raises:
        UsageError: a path does not exist.
    """
    gaps: list[Gap] = []
    entries = list_files(paths, gaps)
    return scan_entries(entries, scanner, jobs=jobs, limits=limits or Limits(), report=report, gaps=gaps)


def scan_entries(
    entries: Sequence[FileEntry],
    scanner: Scanner,
    *,
    jobs: int,
    limits: Limits,
    report: Report,
    gaps: Sequence[Gap] = (),
    base: str = "",
) -> Outcome:
    """Scan listed files; ``gaps`` are those of the listing, ``base`` is the folder that their paths start from."""
    total = sum(entry.size for entry in entries)
    found: list[Found] = []
    all_gaps = list(gaps)
    done = touched = 0
    work = partial(_scan_chunk, scanner=scanner, limits=limits, base=base)
    with Pool(work, jobs if total >= ALONE_BYTES else 1) as pool:
        for chunk, result in _survive(pool, chunks(entries)):
            if isinstance(result, Died):
                all_gaps.append(crash_gap(chunk[0].path, result))
                continue
            found += [Found(Finding(hit.match, path, source), hit.allowed) for path, source, hit in result.pieces]
            all_gaps += result.gaps
            done += result.bytes
            touched += result.touched
            report(Progress(done, total, "files"))
    names, name_gaps = scan_names((entry.path for entry in entries), scanner, limits)
    found += names
    all_gaps += name_gaps
    return Outcome(tuple(found), tuple(all_gaps), Counts(files=len(entries) - touched, bytes=done))


def scan_stream(stream: BinaryIO, scanner: Scanner, limits: Limits) -> Outcome:
    """Scan what a stream holds; findings carry the path ``<stdin>``."""
    data = stream.read(min(limits.content_bytes, limits.whole_bytes) + 1)
    if len(data) > limits.content_bytes:
        return Outcome(gaps=(too_large(STDIN_NAME, None, limits),))
    size = len(data)
    if size > limits.whole_bytes:
        scan, size = _scan_endless(data, stream, scanner, limits)
    else:
        scan = scan_content(scanner, data, STDIN_NAME, limits)
    found = tuple(Found(Finding(hit.match, STDIN_NAME), hit.allowed) for hit in scan.hits)
    return Outcome(found, scan.gaps, Counts(files=1, bytes=size))


class _Stream:
    """A stream of which a part was read already, up to a limit."""

    def __init__(self, begun: bytes, stream: BinaryIO, limits: Limits) -> None:
        self._begun = BytesIO(begun)
        self._stream = stream
        self._left = limits.content_bytes - len(begun)
        self.is_over = False

    def read(self, size: int) -> bytes:
        """Return so many bytes or fewer; none at the end or at the limit."""
        if data := self._begun.read(size):
            return data
        data = self._stream.read(min(size, self._left + 1))
        self.is_over = len(data) > self._left
        self._left -= len(data)
        return b"" if self.is_over else data


def _scan_endless(begun: bytes, stream: BinaryIO, scanner: Scanner, limits: Limits) -> tuple[Scan, int]:
    from pushwarden.history.local.windows import scan_windows  # noqa: PLC0415 - hardly anybody has such a stream

    source = _Stream(begun, stream, limits)
    scan, size = scan_windows(scanner, source.read, STDIN_NAME, limits)
    return (replace(scan, gaps=(*scan.gaps, too_large(STDIN_NAME, None, limits))) if source.is_over else scan), size


def list_files(paths: Iterable[str], gaps: list[Gap]) -> list[FileEntry]:
    """Return every file under ``paths`` in order of name; what cannot be listed goes to ``gaps``.

    Raises:
        UsageError: a path does not exist.
    """
    entries: list[FileEntry] = []
    for path in paths:
        try:
            # A link that is named is followed; links inside a folder are not.
            info = Path(path).stat()
        except OSError as error:
            raise UsageError(f"cannot read {path} ({error.strerror}); give an existing file or folder") from error
        if stat.S_ISDIR(info.st_mode):
            entries.extend(_walk(path, gaps))
        else:
            entries.append(FileEntry(path, info.st_size))
    return entries


def _walk(folder: str, gaps: list[Gap]) -> Iterator[FileEntry]:
    """Yield the files below a folder, without recursion: a tree may be deeper than Python's stack."""
    stack = [folder]
    while stack:
        here = stack.pop()
        try:
            with os.scandir(here) as listing:
                children = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            gaps.append(unreadable(here, error))
            continue
        folders: list[str] = []
        for child in children:
            try:
                if child.is_symlink():
                    yield FileEntry(child.path, 0, is_link=True)
                elif child.is_dir(follow_symlinks=False):
                    if not _is_object_store(here, child.name):
                        folders.append(child.path)
                elif child.is_file(follow_symlinks=False):
                    yield FileEntry(child.path, child.stat(follow_symlinks=False).st_size)
            except OSError as error:
                gaps.append(unreadable(child.path, error))
        stack.extend(reversed(folders))


def _is_object_store(parent: str, name: str) -> bool:
    """Return whether a folder is git's own store of compressed objects, which only a history scan can read."""
    return name == "objects" and Path(parent).name == ".git"


def chunks(entries: Iterable[FileEntry]) -> Iterator[tuple[FileEntry, ...]]:
    """Group files so that each task is worth its hand-over; large files first, so that nobody waits for one at the end."""
    chunk: list[FileEntry] = []
    size = 0
    for entry in sorted(entries, key=_largest_first):
        chunk.append(entry)
        size += entry.size
        if size >= CHUNK_BYTES or len(chunk) >= CHUNK_FILES:
            yield tuple(chunk)
            chunk, size = [], 0
    if chunk:
        yield tuple(chunk)


def _largest_first(entry: FileEntry) -> int:
    return -entry.size if entry.size >= LARGE_BYTES else 0  # the others keep their order: neighbours on disk


Work = tuple[FileEntry, ...]


def _survive(pool: Pool[Work, Chunk], tasks: Iterable[Work]) -> Iterator[tuple[Work, Chunk | Died]]:
    """Run the tasks; a task that killed its worker is done again file by file, so that one file is to blame."""
    again: list[Work] = []
    for task, result in pool.map(tasks):
        if isinstance(result, Died) and len(task) > 1:
            again += [(entry,) for entry in task]
        else:
            yield task, result
    if again:
        yield from pool.map(again)


def _scan_chunk(entries: Work, *, scanner: Scanner, limits: Limits, base: str) -> Chunk:
    """Run in a worker: read and scan files."""
    pieces: list[Piece] = []
    gaps: list[Gap] = []
    size = touched = 0
    for entry in entries:
        if entry.size > limits.content_bytes:
            gaps.append(too_large(entry.path, entry.size, limits))
            continue
        try:
            place = os.path.join(base, entry.path)  # noqa: PTH118 - speed
            if entry.size > limits.whole_bytes:
                scan, read = _scan_large(place, entry.path, scanner, limits)
                size += read
                pieces += [(entry.path, Source.FILE, hit) for hit in scan.hits]
                gaps += scan.gaps
                continue
            data = os.fsencode(os.readlink(place)) if entry.is_link else _read(place)  # noqa: PTH115 - speed
        except OSError as error:
            gaps.append(unreadable(entry.path, error))
            continue
        if entry.blob and blob_id(data, len(entry.blob)) == entry.blob:
            touched += 1
            continue
        size += len(data)
        scan = scan_content(scanner, data, entry.path, limits)
        if scan:
            source = Source.SYMLINK if entry.is_link else Source.FILE
            pieces += [(entry.path, source, hit) for hit in scan.hits]
            gaps += scan.gaps
    return Chunk(tuple(pieces), tuple(gaps), size, touched)


def _scan_large(place: str, path: str, scanner: Scanner, limits: Limits) -> tuple[Scan, int]:
    from pushwarden.history.local.windows import scan_windows  # noqa: PLC0415 - hardly anybody has such a file

    with open(place, "rb", buffering=0) as file:  # noqa: PTH123 - as in _read
        return scan_windows(scanner, file.read, path, limits)


def blob_id(data: bytes, digits: int) -> str:
    """Return the id that git gives to content (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects).

    Args:
        data: The content.
        digits: Length of the repository's ids: 40 (SHA-1) or 64 (SHA-256).
    """
    digest = hashlib.sha1(usedforsecurity=False) if digits == SHA1_DIGITS else hashlib.sha256()
    digest.update(b"blob %d\0" % len(data))
    digest.update(data)
    return digest.hexdigest()


def _read(path: str) -> bytes:
    # Twice as fast as Path.read_bytes on small files, which is what source trees are made of.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor has no path
        return file.read()
