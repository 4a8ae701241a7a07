"""Scan objects in worker processes: each blob once, by content."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pushwarden.history.local.content import scan_content
from pushwarden.history.local.gaps import crash_gap
from pushwarden.history.local.git import Git, GitError
from pushwarden.history.local.lineage import Lineage
from pushwarden.history.local.model import MIB, Limits, Progress, Report, Scan, Scanner
from pushwarden.history.local.objects import ObjectReader, Unreadable, read_through
from pushwarden.history.local.packs import Packs, Stored
from pushwarden.history.local.pool import Died, Pool
from pushwarden.history.local.texts import parse_written
from pushwarden.model import Gap, Source

TASK_BYTES: Final = 2 * MIB
TASK_OBJECTS: Final = 512
ALONE_BYTES: Final = 2 * MIB
COMMIT: Final = "<commit-message>"
TAG: Final = "<tag-message>"
AUTHOR: Final = "<author>"
VARIANT_BYTES: Final = 64 * MIB
"""The most that one blob under many names may cost."""
OVERHEAD: Final = 64
"""What an object costs beside its bytes, in bytes, so that a million empty ones are not one task."""


def variant(path: bytes) -> bytes:
    """Return what of a path rules may look at: the file's name, with a folder such as ``.aws`` before it.

    The same content under two names of which rules may think differently is scanned for each.
    """
    parent, _, name = path.lower().rpartition(b"/")
    folder = parent.rpartition(b"/")[2]
    return folder + b"/" + name if folder.startswith(b".") else name


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to scan."""

    name: bytes
    """Its id."""
    kind: Source
    """FILE for a blob, COMMIT_MESSAGE or TAG_MESSAGE for a commit or tag object."""
    size: int
    """Bytes; 0 where it is not known yet."""
    paths: tuple[bytes, ...] = (b"",)
    """Where it stands, one path of each variant."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in an object."""

    name: bytes
    kind: Source
    """As wanted, or AUTHOR for the people of a commit or tag."""
    variant: bytes
    scan: Scan
    of_tag: bool = False
    """Whether the object is a tag."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a worker says of some objects."""

    seen: tuple[Seen, ...]
    gaps: tuple[Gap, ...]
    size: int
    """Bytes that were read."""
    missing: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Results:
    """What is known of objects; filled while a scan runs."""

    scans: dict[tuple[bytes, bytes], Scan] = field(default_factory=dict)
    """(blob, variant) to what was found; a blob that is not here is clean, or was not asked for."""
    texts: dict[bytes, list[Seen]] = field(default_factory=dict)
    """Commit or tag to what was found in its message or people."""
    gaps: list[Gap] = field(default_factory=list)
    missing: list[bytes] = field(default_factory=list)
    """Objects that are not there."""
    size: int = 0
    """Bytes that were read."""
    blobs: int = 0

    def hits(self, name: bytes, path: bytes) -> Scan | None:
        """Return what was found in a blob under this path."""
        return self.scans.get((name, variant(path)))


Task = tuple[Wanted, ...]


def tasks(wanted: Iterable[Wanted]) -> Iterator[Task]:
    """Group objects into tasks in the order of the packs, where neighbours are made of each other; large ones first.

    A large one at the end would keep one worker busy while the others have nothing left to do.
    """
    task: list[Wanted] = []
    size = 0
    for each in sorted(wanted, key=_largest_first):
        task.append(each)
        size += each.size + OVERHEAD
        if size >= TASK_BYTES or len(task) >= TASK_OBJECTS:
            yield tuple(task)
            task, size = [], 0
    if task:
        yield tuple(task)


def _largest_first(each: Wanted) -> int:
    return -each.size if each.size >= TASK_BYTES else 0


class BlobWorker:
    """Scans tasks of objects; has its own git and remembers the people it has seen."""

    def __init__(self, git: Git, scanner: Scanner, limits: Limits, packs: Packs | None) -> None:
        self._scanner = scanner
        self._limits = limits
        self._reader = ObjectReader(git, packs)
        self._lineage = Lineage(scanner, limits)
        self._people: dict[bytes, Scan] = {}

    def __call__(self, task: Task) -> Batch:
        """Scan one task."""
        by_name = {each.name: each for each in task if each.size <= self._limits.whole_bytes}
        seen: list[Seen] = []
        gaps: list[Gap] = []
        missing: list[bytes] = []
        size = 0
        for name, stored in self._reader.read_stored(list(by_name)):
            wanted = by_name[name]
            if isinstance(stored, Unreadable):
                if stored.why == "missing":
                    missing.append(name)
                else:
                    gaps.append(_damaged(wanted, stored.why))
            else:
                size += len(stored.data)
                seen += self._scan(wanted, stored)
        for large in (each for each in task if each.name not in by_name):
            size += large.size
            try:
                seen += scan_large(self._reader.git, self._scanner, self._limits, large)
            except GitError as error:
                gaps.append(_damaged(large, error.said))
        gaps += [gap for each in seen for gap in each.scan.gaps]
        return Batch(tuple(seen), tuple(gaps), size, tuple(missing))

    def close(self) -> None:
        """End git."""
        self._reader.close()

    def _scan(self, wanted: Wanted, stored: Stored) -> Iterator[Seen]:
        if wanted.kind is not Source.FILE:
            yield from self._scan_written(wanted, stored.data)
            return
        scans: dict[Hashable, Scan] = {}
        for path in wanted.paths:
            shown = path.decode("utf-8", "surrogateescape")
            place = self._lineage.path_class(shown)
            scan = scans.get(place)
            if scan is None or scan.gaps:  # a gap names the path
                scan = scans[place] = self._lineage.scan(stored, shown)
            if scan:
                yield Seen(wanted.name, Source.FILE, variant(path), scan)

    def _scan_written(self, wanted: Wanted, data: bytes) -> Iterator[Seen]:
        written = parse_written(data)
        of_tag = wanted.kind is Source.TAG_MESSAGE
        scan = scan_content(self._scanner, written.message, TAG if of_tag else COMMIT, self._limits)
        if scan:
            yield Seen(wanted.name, wanted.kind, b"", scan, of_tag)
        for person in written.people:
            if person not in self._people:
                self._people[person] = scan_content(self._scanner, person, AUTHOR, self._limits)
            if self._people[person]:
                yield Seen(wanted.name, Source.AUTHOR, b"", self._people[person], of_tag)


def scan_objects(
    git: Git,
    wanted: Sequence[Wanted],
    scanner: Scanner,
    into: Results,
    *,
    jobs: int,
    limits: Limits,
    report: Report,
    packs: Packs | None = None,
) -> None:
    """Scan objects and add what is found to ``into``; ``packs`` are those of the repository, if they may be read."""
    total = sum(each.size for each in wanted)
    done = 0
    worker = BlobWorker(git, scanner, limits, packs)
    try:
        with Pool(worker, jobs if total + OVERHEAD * len(wanted) >= ALONE_BYTES else 1) as pool:
            for task, result in _survive(pool, tasks(wanted)):
                if isinstance(result, Died):
                    into.gaps.append(crash_gap(_shown(task[0]), result))
                    continue
                _add(into, result)
                into.blobs += sum(1 for each in task if each.kind is Source.FILE)
                done += result.size
                report(Progress(done, total, "objects"))
    finally:
        worker.close()
    into.size += done


def _add(into: Results, batch: Batch) -> None:
    into.gaps += batch.gaps
    into.missing += batch.missing
    for each in batch.seen:
        if each.kind is Source.FILE:
            into.scans[each.name, each.variant] = each.scan
        else:
            into.texts.setdefault(each.name, []).append(each)


def _survive(pool: Pool[Task, Batch], work: Iterable[Task]) -> Iterator[tuple[Task, Batch | Died]]:
    """Run the tasks; one that killed its worker is done again object by object."""
    again: list[Task] = []
    for task, result in pool.map(work):
        if isinstance(result, Died) and len(task) > 1:
            again += [(each,) for each in task]
        else:
            yield task, result
    if again:
        yield from pool.map(again)


def scan_large(git: Git, scanner: Scanner, limits: Limits, wanted: Wanted) -> Iterator[Seen]:
    """Scan a blob that is too large to be held, under each of its paths.

    Raises:
        GitError: git cannot read it to the end.
    """
    from pushwarden.history.local.windows import scan_windows  # noqa: PLC0415 - hardly anybody has such a blob

    for path in wanted.paths:
        with read_through(git, wanted.name) as stream:
            scan, _ = scan_windows(scanner, stream.read, path.decode("utf-8", "surrogateescape"), limits)
        if scan:
            yield Seen(wanted.name, Source.FILE, variant(path), scan)


def _damaged(wanted: Wanted, why: str) -> Gap:
    return Gap(
        "damaged-object",
        f"object {wanted.name.decode()} cannot be read ({why}); check the repository with git fsck",
        path=_shown(wanted),
    )


def _shown(wanted: Wanted) -> str | None:
    return wanted.paths[0].decode("utf-8", "surrogateescape") or None


def blobs_wanted(
    sizes: Mapping[bytes, int], paths_of: Callable[[bytes], tuple[bytes, ...]], limits: Limits, gaps: list[Gap]
) -> Iterator[Wanted]:
    """Yield the blobs to scan, with a gap for each that is too large."""
    for name, size in sizes.items():
        where = paths_of(name) or (b"",)
        if size > limits.content_bytes or (len(where) > 1 and size * len(where) > VARIANT_BYTES):
            gaps.append(_too_large(name, size, where, limits))
            if size > limits.content_bytes:
                continue
            where = where[:1]
        yield Wanted(name, Source.FILE, size, where)


def _too_large(name: bytes, size: int, paths: tuple[bytes, ...], limits: Limits) -> Gap:
    path = paths[0].decode("utf-8", "surrogateescape") or f"<blob {name[:12].decode()}>"
    if size > limits.content_bytes:
        why = f"{size:,} bytes, the limit is {limits.content_bytes:,}; raise --max-file-size"
        return Gap("too-large", why, path=path)
    return Gap("many-names", f"{size:,} bytes under {len(paths):,} names; only scanned under this one", path=path)
