"""What the steps of a history scan share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pushwarden.history.local.attribution import Introduced
from pushwarden.history.local.blobs import Results, Wanted, blobs_wanted, scan_objects, variant
from pushwarden.history.local.log import GITLINK, Change, Commit
from pushwarden.history.local.model import Limits, Report, Scanner
from pushwarden.history.local.objects import Listing
from pushwarden.history.local.repository import Repository
from pushwarden.model import Gap, Source

if TYPE_CHECKING:
    from pushwarden.history.local.early import Started
    from pushwarden.history.local.memory import Memory

EXAMPLES: Final = 3
"""Missing objects named in a gap."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every step of a scan needs."""

    repository: Repository
    scanner: Scanner
    limits: Limits
    jobs: int
    report: Report
    memory: Memory | None = None
    """Where what is known of the repository is kept for the next scan; None: nowhere."""
    started: Started | None = None
    """What git was asked for already; it belongs to whoever scans the repository."""


@dataclass(slots=True)
class Paths:
    """Where blobs stand, and which commits there are; filled while logs are read."""

    first: dict[bytes, bytes] = field(default_factory=dict)
    """Blob to the first path it was seen at."""
    variants: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)
    """Blob that was seen at several paths to one path of each variant; most blobs have one path only."""
    all: dict[bytes, None] = field(default_factory=dict)
    """Every path."""
    commits: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    """Commit to parents, children first."""

    def read(self, commits: Iterable[Commit]) -> None:
        """Take in a log."""
        for commit in commits:
            self.commits[commit.id] = commit.parents
            self.add(commit.changes)

    def add(self, changes: Iterable[Change]) -> None:
        """Take in changed paths."""
        for change in changes:
            if change.mode != GITLINK:
                self.place(change.new, change.path)
            self.all[change.path] = None

    def place(self, blob: bytes, path: bytes) -> None:
        """Say that a blob stands at a path."""
        first = self.first.setdefault(blob, path)
        if first is not path and first != path:
            known = self.variants.get(blob)
            if known is None:
                known = self.variants[blob] = {variant(first): first}
            known.setdefault(variant(path), path)

    def of(self, blob: bytes) -> tuple[bytes, ...]:
        """Return one path of each variant of a blob; none where it was seen nowhere."""
        if blob in self.variants:
            return tuple(self.variants[blob].values())
        return (self.first[blob],) if blob in self.first else ()


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan of commits found, before it is joined with people and refs."""

    introduced: tuple[Introduced, ...]
    results: Results
    paths: Paths
    gaps: tuple[Gap, ...]


def finish(introduced: Sequence[Introduced], results: Results, paths: Paths, gaps: Sequence[Gap]) -> Scanned:
    """Put the parts of a scan together."""
    all_gaps = [*gaps, *results.gaps]
    if results.missing:
        all_gaps.append(missing_gap(results.missing))
    return Scanned(tuple(introduced), results, paths, tuple(all_gaps))


def scan_listing(context: Context, listing: Listing, paths: Paths, gaps: list[Gap]) -> Results:
    """Scan listed objects."""
    results = Results()
    scan_blobs(context, listing, paths, results, gaps, more=written(listing))
    return results


def written(listing: Listing) -> list[Wanted]:
    """Return the listed commits and tags: what people wrote there is scanned without paths."""
    return [
        *(Wanted(name, Source.COMMIT_MESSAGE, size) for name, size in listing.commits.items()),
        *(Wanted(name, Source.TAG_MESSAGE, size) for name, size in listing.tags.items()),
    ]


def scan_blobs(
    context: Context, listing: Listing, paths: Paths, results: Results, gaps: list[Gap], *, more: Sequence[Wanted]
) -> None:
    """Scan listed blobs at their paths, and ``more``, into ``results``."""
    if listing.problem is not None:
        gaps.append(Gap("damaged-objects", f"git could not list every object ({listing.problem}); run git fsck"))
    gaps += [
        Gap("damaged-object", f"object {name.decode()} cannot be read; check the repository with git fsck")
        for name in listing.damaged
    ]
    scan_more(context, [*more, *blobs_wanted(listing.blobs, paths.of, context.limits, gaps)], results)


def scan_more(context: Context, wanted: Sequence[Wanted], results: Results) -> None:
    """Scan further objects into ``results``."""
    if not wanted:
        return
    scan_objects(
        context.repository.git,
        wanted,
        context.scanner,
        results,
        jobs=context.jobs,
        limits=context.limits,
        report=context.report,
        packs=context.repository.packs(),
    )


def _objects(count: int) -> str:
    return "1 object is" if count == 1 else f"{count:,} objects are"


def missing_gap(missing: Sequence[bytes]) -> Gap:
    """Say that objects are not there."""
    names = ", ".join(name[:12].decode() for name in missing[:EXAMPLES])
    more = ", ..." if len(missing) > EXAMPLES else ""
    return Gap(
        "missing-objects",
        f"{_objects(len(missing))} not here ({names}{more}): the clone is partial or damaged; "
        "make a full clone (or git fetch --refetch) and scan again",
    )
