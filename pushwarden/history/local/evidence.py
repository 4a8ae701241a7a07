"""From what was found in objects to what was introduced by commits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pushwarden.history.local.attribution import FirstOnly, Introduced, introduced_by, introduced_in_tree
from pushwarden.history.local.blobs import AUTHOR, COMMIT, TAG, Results, Wanted
from pushwarden.history.local.context import Context, Paths, scan_more
from pushwarden.history.local.log import Change, Commit, parse_raw
from pushwarden.history.local.model import Scan
from pushwarden.history.local.names import hit_names
from pushwarden.history.local.objects import list_some
from pushwarden.model import Source

MERGES: Final = 256
"""Merges that git is asked about at once."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that attribution needs of a history."""

    commits: tuple[Commit, ...] = ()
    """The commits that may have introduced something, oldest first."""
    names: Mapping[str, tuple[str, Scan]] | None = None
    """Names in which something was found; see :func:`~pushwarden.history.local.names.hit_names`."""
    replaced: Mapping[bytes, Sequence[tuple[bytes, bytes]]] | None = None
    """Merge to the (blob, path) pairs that one of its parents had and it has not."""


def gather(context: Context, logs: Iterable[Iterable[Commit]], results: Results, paths: Paths) -> Evidence:
    """Return the evidence in some logs, each newest first."""
    names = hit_names((os.fsdecode(path) for path in paths.all), context.scanner, context.limits)
    blobs = {blob for blob, _ in results.scans}
    if not (names or blobs or results.texts):
        return Evidence()
    commits = tuple(commit for log in logs for commit in _telling(log, blobs, names, results))
    return Evidence(commits, names, replaced_by(context, [each.id for each in commits if len(each.parents) > 1]))


def attribute(
    context: Context,
    evidence: Evidence,
    results: Results,
    staged: Sequence[Change],
    *,
    scan_before: bool = False,
) -> list[Introduced]:
    """Return what was introduced, oldest commit first, staged changes last.

    Args:
        context: Where.
        evidence: What to look at.
        results: What was found in objects.
        staged: Changes that are not committed yet.
        scan_before: Whether the blobs that were replaced must be scanned first.
    """
    names, replaced = evidence.names or {}, evidence.replaced or {}
    if scan_before and results.scans:
        _scan_before(context, [*(each.changes for each in evidence.commits), staged], replaced, results)
    first = FirstOnly()
    introduced: list[Introduced] = []
    for commit in evidence.commits:
        found = introduced_by(commit, results.hits, replaced.get(commit.id, ()))
        found += _named(commit.id, commit.changes, names)
        found += _texts(commit.id, results)
        introduced += first.keep(found)
    introduced += first.keep([*introduced_in_tree(staged, results.hits), *_named(None, staged, names)])
    return introduced


def _telling(log: Iterable[Commit], blobs: set[bytes], names: Mapping[str, object], results: Results) -> list[Commit]:
    """Return the commits that may have introduced something, oldest first."""
    hit = [os.fsencode(name) for name in names]
    found = [
        commit
        for commit in log
        if commit.id in results.texts
        or any(change.new in blobs for change in commit.changes)
        or (hit and any(name in change.path for name in hit for change in commit.changes))
    ]
    found.reverse()
    return found


def replaced_by(context: Context, merges: Sequence[bytes]) -> dict[bytes, list[tuple[bytes, bytes]]]:
    """Return, for each merge, every (blob, path) that one of its parents had and it has not.

    A combined diff shows only what differs from all parents.
    """
    replaced: dict[bytes, list[tuple[bytes, bytes]]] = {merge: [] for merge in merges}
    null = context.repository.null_id
    for start in range(0, len(merges), MERGES):
        ids = b"".join(merge + b"\n" for merge in merges[start : start + MERGES])
        out = context.repository.git.run(
            "diff-tree", "--stdin", "-m", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", stdin=ids
        )
        pairs: list[tuple[bytes, bytes]] = []
        parts = iter(out.split(b"\0"))
        for part in parts:
            if not part.startswith(b":"):  # the merge's id, once for each parent
                pairs = replaced.get(part.strip(), [])
                continue
            change = parse_raw((part, next(parts, b"")))
            pairs += ((each.old[0], each.path) for each in change if each.old[0] != null)
    return replaced


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
    before.first.pop(context.repository.null_id, None)
    sizes = list_some(context.repository.git, list(before.first)).blobs  # a large one must not be read at once
    wanted = [Wanted(name, Source.FILE, sizes.get(name, 0), before.of(name)) for name in before.first]
    scan_more(context, wanted, results)


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


def of_tags(tags: Iterable[bytes], results: Results) -> Iterator[Introduced]:
    """Yield what stands in annotated tags."""
    for tag in tags:
        for seen in results.texts.get(tag, ()):
            path = AUTHOR if seen.kind is Source.AUTHOR else TAG
            yield from (Introduced(hit, path.encode(), seen.kind, tag) for hit in seen.scan.hits)


def unplaced(results: Results, paths: Paths, introduced: Sequence[Introduced]) -> list[Introduced]:
    """Return what stands in blobs that no commit has, unless the same secret is known already."""
    first = FirstOnly()
    first.keep(introduced)
    return [
        Introduced(hit, b"<blob %s>" % name[:12], Source.FILE, None)
        for (name, _), scan in results.scans.items()
        if name not in paths.first
        for hit in scan.hits
        if not first.knows(hit)
    ]
