"""Scan the history of a repository: everything in it, some commits, or what is staged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from pushwarden.history.local.blobs import Results
from pushwarden.history.local.context import (
    Context,
    Paths,
    Scanned,
    finish,
    scan_blobs,
    scan_listing,
    scan_more,
    written,
)
from pushwarden.history.local.evidence import attribute, gather, of_tags, unplaced
from pushwarden.history.local.log import Change, History
from pushwarden.history.local.objects import Listing, list_some
from pushwarden.history.local.repository import Repository
from pushwarden.model import Gap

if TYPE_CHECKING:
    from pushwarden.history.local.wholelog import WholeLog

__all__ = ["Context", "Scanned", "scan_commits", "scan_everything", "scan_staged"]


def scan_everything(context: Context, staged: Sequence[Change]) -> Scanned:
    """Scan every object of the repository, and attribute what is found to commits and to what is staged."""
    from pushwarden.history.local.again import known_ids, remember, scan_again  # noqa: PLC0415 - a hook needs it not
    from pushwarden.history.local.early import EVERYTHING, Started  # noqa: PLC0415 - likewise
    from pushwarden.history.local.memory import look  # noqa: PLC0415 - likewise

    store = look(context.repository) if context.memory is not None else None
    known = scan_again(context, store, staged)
    if known is not None:
        return known
    git = context.repository.git
    paths, gaps = Paths(), list[Gap]()
    with closing(context.started or Started(git)) as started, ExitStack() as stack:
        log = started.log
        log.split(2 * context.jobs)
        listing = started.listing.finish()
        results, texts = Results(), written(listing)
        if log.is_running():
            scan_more(context, texts, results)
            texts = []
        paths.read(log.commits())
        gaps += _log_gaps(log, context.repository, paths)
        logs: list[WholeLog | History] = [log]
        dangling = [commit for commit in listing.commits if commit not in paths.commits]
        if dangling:
            # Nothing refers to these any more; where their own past is gone, their blobs are scanned all the same.
            lost = History(git, ("--stdin", "--not", *EVERYTHING), b"\n".join(dangling) + b"\n")
            logs.append(stack.enter_context(lost))
            paths.read(lost.commits())
        paths.add(staged)
        scan_blobs(context, listing, paths, results, gaps, more=texts)
        _find_missing(paths, listing, context.repository, results)
        evidence = gather(context, (each.commits() for each in logs), results, paths)
    introduced = attribute(context, evidence, results, staged)
    introduced += of_tags(listing.tags, results)
    introduced += unplaced(results, paths, introduced)
    scanned = finish(introduced, results, paths, gaps)
    remember(context, store, scanned, evidence, known_ids(listing))
    return scanned


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
            context.repository.git, [*(each for each in paths.first if each != null), *paths.commits, *tags]
        )
        results = scan_listing(context, listing, paths, gaps)
        results.missing += listing.missing
        evidence = gather(context, [log.commits()], results, paths)
    introduced = attribute(context, evidence, results, (), scan_before=True)
    introduced += of_tags(listing.tags, results)
    return finish(introduced, results, paths, gaps)


def scan_staged(context: Context, staged: Sequence[Change]) -> Scanned:
    """Scan what the next commit would add."""
    paths, gaps = Paths(), list[Gap]()
    paths.add(staged)
    null = context.repository.null_id
    listing = list_some(context.repository.git, [each for each in paths.first if each != null])
    results = scan_listing(context, listing, paths, gaps)
    results.missing += listing.missing
    introduced = attribute(context, gather(context, [], results, paths), results, staged, scan_before=True)
    return finish(introduced, results, paths, gaps)


def _log_gaps(log: WholeLog | History, repository: Repository, paths: Paths) -> Iterator[Gap]:
    if log.problem is not None:
        yield Gap(
            "damaged-history",
            f"git could not read the whole history ({log.problem}); fetch what is missing or check with git fsck",
        )
    if repository.is_shallow and any(commit in paths.commits for commit in repository.shallow_commits()):
        yield Gap("shallow", "the history is cut off (shallow clone); run git fetch --unshallow and scan again")


def _find_missing(paths: Paths, listing: Listing, repository: Repository, results: Results) -> None:
    null = repository.null_id
    results.missing += [blob for blob in paths.first if blob not in listing.blobs and blob != null]
    # A commit-graph tells git of commits that are no longer there; nobody has read what people wrote into them.
    results.missing += [commit for commit in paths.commits if commit not in listing.commits]
