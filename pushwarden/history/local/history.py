"""Scan the history of a repository: everything in it, or some commits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pushwarden.history.local.attribution import FirstOnly, Introduced, introduced_by, introduced_in_tree
from pushwarden.history.local.blobs import AUTHOR, COMMIT, TAG, Results, Wanted, blobs_wanted, scan_objects, variant
from pushwarden.history.local.log import GITLINK, Change, Commit, History, parse_raw
from pushwarden.history.local.model import Limits, Report, Scan, Scanner
from pushwarden.history.local.names import hit_names
from pushwarden.history.local.objects import Listing, ListJob, list_some
from pushwarden.history.local.repository import Repository
from pushwarden.model import Gap, Source

EVERYTHING: Final = ("--all", "--reflog")
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


@dataclass(slots=True)
class Paths:
    """Where blobs stand, and which commits there are; filled while logs are read."""

    of_blob: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    """Blob to one path of each variant."""
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
        known = self.of_blob.get(blob)
        if known is None:
            self.of_blob[blob] = (path,)
        elif path not in known and variant(path) not in {variant(each) for each in known}:
            self.of_blob[blob] = (*known, path)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan of commits found, before it is joined with people and refs."""

    introduced: tuple[Introduced, ...]
    results: Results
    paths: Paths
    gaps: tuple[Gap, ...]


def scan_everything(context: Context, staged: Sequence[Change]) -> Scanned:
    """Scan every object of the repository, and attribute what is found to commits and to what is staged."""
    git, repository = context.repository.git, context.repository
    listing_job = ListJob(git)
    paths, gaps = Paths(), list[Gap]()
    with History(git, EVERYTHING) as log:
        listing = listing_job.finish()
        paths.read(log.commits())
        gaps += _log_gaps(log, repository, paths)
        dangling = [commit for commit in listing.commits if commit not in paths.commits]
        # Nothing refers to these any more; where their own past is gone, their blobs are scanned all the same.
        with History(git, ("--stdin", "--not", *EVERYTHING), b"\n".join(dangling)) as lost:
            if dangling:
                paths.read(lost.commits())
            paths.add(staged)
            results = _scan(context, listing, paths, gaps)
            _find_missing(paths, listing, repository, results)
            logs = [log, lost] if dangling else [log]
            introduced = _attribute(context, logs, results, paths, staged)
    introduced += _tags(listing, results)
    introduced += _unplaced(results, paths, introduced)
    return _finish(introduced, results, paths, gaps)


def scan_commits(context: Context, revisions: Sequence[str], stdin: bytes = b"", tags: Sequence[bytes] = ()) -> Scanned:
    """Scan the commits that ``git log`` selects with ``revisions``, and some tag objects.

    Raises:
        GitError: git does not understand them.
    """
    paths, gaps = Paths(), list[Gap]()
    with History(context.repository.git, revisions, stdin) as log:
        paths.read(log.commits())
        gaps += _log_gaps(log, context.repository, paths)
        null = context.repository.null_id
        listing = list_some(
            context.repository.git, [*(each for each in paths.of_blob if each != null), *paths.commits, *tags]
        )
        results = _scan(context, listing, paths, gaps)
        results.missing += listing.missing
        introduced = _attribute(context, [log], results, paths, (), scan_before=True)
    introduced += _tags(listing, results)
    return _finish(introduced, results, paths, gaps)


def scan_staged(context: Context, staged: Sequence[Change]) -> Scanned:
    """Scan what the next commit would add."""
    paths, gaps = Paths(), list[Gap]()
    paths.add(staged)
    null = context.repository.null_id
    listing = list_some(context.repository.git, [each for each in paths.of_blob if each != null])
    results = _scan(context, listing, paths, gaps)
    results.missing += listing.missing
    introduced = _attribute(context, [], results, paths, staged, scan_before=True)
    return _finish(introduced, results, paths, gaps)


def _finish(introduced: Sequence[Introduced], results: Results, paths: Paths, gaps: Sequence[Gap]) -> Scanned:
    all_gaps = [*gaps, *results.gaps]
    if results.missing:
        all_gaps.append(missing_gap(results.missing))
    return Scanned(tuple(introduced), results, paths, tuple(all_gaps))


def _log_gaps(log: History, repository: Repository, paths: Paths) -> Iterator[Gap]:
    if log.problem is not None:
        yield Gap(
            "damaged-history",
            f"git could not read the whole history ({log.problem}); fetch what is missing or check with git fsck",
        )
    if repository.is_shallow and any(commit in paths.commits for commit in repository.shallow_commits()):
        yield Gap("shallow", "the history is cut off (shallow clone); run git fetch --unshallow and scan again")


def _scan(context: Context, listing: Listing, paths: Paths, gaps: list[Gap]) -> Results:
    if listing.problem is not None:
        gaps.append(Gap("damaged-objects", f"git could not list every object ({listing.problem}); run git fsck"))
    gaps += [
        Gap("damaged-object", f"object {name.decode()} cannot be read; check the repository with git fsck")
        for name in listing.damaged
    ]
    wanted = [
        *blobs_wanted(listing.blobs, paths.of_blob, context.limits, gaps),
        *(Wanted(name, Source.COMMIT_MESSAGE, size) for name, size in listing.commits.items()),
        *(Wanted(name, Source.TAG_MESSAGE, size) for name, size in listing.tags.items()),
    ]
    results = Results()
    _scan_more(context, wanted, results)
    return results


def _scan_more(context: Context, wanted: Sequence[Wanted], results: Results) -> None:
    scan_objects(
        context.repository.git,
        wanted,
        context.scanner,
        results,
        jobs=context.jobs,
        limits=context.limits,
        report=context.report,
    )


def _attribute(
    context: Context,
    logs: Sequence[History],
    results: Results,
    paths: Paths,
    staged: Sequence[Change],
    *,
    scan_before: bool = False,
) -> list[Introduced]:
    """Return what was introduced, oldest commit first, staged changes last."""
    names = hit_names((os.fsdecode(path) for path in paths.all), context.scanner, context.limits)
    blobs = {blob for blob, _ in results.scans}
    if not (names or blobs or results.texts):
        return []
    commits = [commit for log in logs for commit in _telling(log, blobs, names, results)]
    replaced = {commit.id: _replaced_by_merge(context, commit) for commit in commits if len(commit.parents) > 1}
    if scan_before:
        _scan_before(context, [*(each.changes for each in commits), staged], replaced, results)
    first = FirstOnly()
    introduced: list[Introduced] = []
    for commit in commits:
        found = introduced_by(commit, results.hits, replaced.get(commit.id, ()))
        found += _named(commit.id, commit.changes, names)
        found += _texts(commit.id, results)
        introduced += first.keep(found)
    introduced += first.keep([*introduced_in_tree(staged, results.hits), *_named(None, staged, names)])
    return introduced


def _telling(log: History, blobs: set[bytes], names: Mapping[str, object], results: Results) -> list[Commit]:
    """Return the commits that may have introduced something, oldest first."""
    hit = [os.fsencode(name) for name in names]
    found = [
        commit
        for commit in log.commits()
        if commit.id in results.texts
        or any(change.new in blobs for change in commit.changes)
        or (hit and any(name in change.path for name in hit for change in commit.changes))
    ]
    found.reverse()
    return found


def _replaced_by_merge(context: Context, merge: Commit) -> list[tuple[bytes, bytes]]:
    """Return every (blob, path) of one parent that a merge does not have: a combined diff shows only those of all."""
    out = context.repository.git.run(
        "diff-tree", "-m", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-commit-id", merge.id.decode()
    )
    null = context.repository.null_id
    return [(change.old[0], change.path) for change in parse_raw(out.split(b"\0")) if change.old[0] != null]


def _scan_before(
    context: Context,
    groups: Iterable[Iterable[Change]],
    replaced: Mapping[bytes, Sequence[tuple[bytes, bytes]]],
    results: Results,
) -> None:
    """Scan the blobs that the changes replaced, where nothing had a reason to scan them yet."""
    before = Paths()
    for changes in groups:
        for change in changes:
            for old in change.old:
                before.place(old, change.path)
    for pairs in replaced.values():
        for old, path in pairs:
            before.place(old, path)
    before.of_blob.pop(context.repository.null_id, None)
    _scan_more(context, [Wanted(name, Source.FILE, 0, where) for name, where in before.of_blob.items()], results)


def _named(
    commit: bytes | None, changes: Iterable[Change], names: Mapping[str, tuple[str, Scan]]
) -> Iterator[Introduced]:
    """Yield the names in which something was found and that these changes bring."""
    if not names:
        return
    listed = list(changes)
    for name, (_, scan) in names.items():
        part = os.fsencode(name)
        having = [change for change in listed if part in change.path.split(b"/")]
        if not having or any(old.strip(b"0") for change in having for old in change.old):
            continue  # the name was there before: in a file that is changed, moved or deleted
        yield from (Introduced(hit, having[0].path, Source.FILE_NAME, commit) for hit in scan.hits)


def _texts(commit: bytes, results: Results) -> Iterator[Introduced]:
    for seen in results.texts.get(commit, ()):
        path = AUTHOR if seen.kind is Source.AUTHOR else COMMIT
        yield from (Introduced(hit, path.encode(), seen.kind, commit) for hit in seen.scan.hits)


def _tags(listing: Listing, results: Results) -> Iterator[Introduced]:
    for tag in listing.tags:
        for seen in results.texts.get(tag, ()):
            path = AUTHOR if seen.kind is Source.AUTHOR else TAG
            yield from (Introduced(hit, path.encode(), seen.kind, tag) for hit in seen.scan.hits)


def _unplaced(results: Results, paths: Paths, introduced: Sequence[Introduced]) -> list[Introduced]:
    """Return what stands in blobs that no commit has, unless the same secret is known already."""
    first = FirstOnly()
    first.keep(introduced)
    return [
        Introduced(hit, b"<blob %s>" % name[:12], Source.FILE, None)
        for (name, _), scan in results.scans.items()
        if name not in paths.of_blob
        for hit in scan.hits
        if not first.knows(hit)
    ]


def _find_missing(paths: Paths, listing: Listing, repository: Repository, results: Results) -> None:
    null = repository.null_id
    results.missing += [blob for blob in paths.of_blob if blob not in listing.blobs and blob != null]


def missing_gap(missing: Sequence[bytes]) -> Gap:
    """Say that objects are not there."""
    names = ", ".join(name[:12].decode() for name in missing[:EXAMPLES])
    more = ", ..." if len(missing) > EXAMPLES else ""
    return Gap(
        "missing-objects",
        f"{len(missing):,} objects are not here ({names}{more}): the clone is partial or damaged; "
        "make a full clone (or git fetch --refetch) and scan again",
    )
