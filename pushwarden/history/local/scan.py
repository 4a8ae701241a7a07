"""The ways to scan a repository, each from options to :class:`Outcome`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pushwarden.errors import UsageError
from pushwarden.history.local.attribution import keys_of
from pushwarden.history.local.blobs import Results, Wanted, scan_objects
from pushwarden.history.local.findings import Head, join, link_gap, read_head
from pushwarden.history.local.git import GitError
from pushwarden.history.local.history import Context, scan_commits, scan_everything, scan_staged
from pushwarden.history.local.log import Change
from pushwarden.history.local.model import Found, Outcome
from pushwarden.history.local.objects import ObjectReader, list_some
from pushwarden.history.local.repository import Repository, open_repository
from pushwarden.history.local.worktree import OnDisk, head_commit, on_disk, staged_changes
from pushwarden.model import Gap, Source

DATE_GRACE_S: Final = 5


@dataclass(frozen=True, slots=True)
class Selection:
    """Which commits: at least one is set."""

    range: str | None = None
    """``A..B``."""
    since: str | None = None
    branch: str | None = None

    def revisions(self) -> list[str]:
        """Return the arguments for ``git log``.

        Raises:
            UsageError: a value would be taken for an option.
        """
        for name, value in (("--range", self.range), ("--branch", self.branch)):
            if value is not None and value.startswith("-"):
                raise UsageError(f"{name} {value} is not a revision; it must not begin with a dash")
        args = [f"--since={self.since}"] if self.since is not None else []
        named = [each for each in (self.range, self.branch) if each is not None]
        return [*args, *(named or ["--all"]), "--"]


def scan_repository(context: Context, visited: frozenset[Path] = frozenset()) -> Outcome:
    """Scan everything: history of all refs, objects nothing refers to, index, working tree, submodules.

    Raises:
        GitError: git cannot read the repository at all.
    """
    repository = context.repository
    head = head_commit(repository.git)
    staged, uncompared = _staged_or_gap(repository, head) if repository.has_tree else ((), ())
    scanned = scan_everything(context, staged)
    here = _head_or_gap(context, head, scanned.results)
    outcome = join(scanned, repository, here[0], whole=True) + Outcome(gaps=(*uncompared, *here[1]))
    if repository.has_tree:
        outcome += scan_tree(context, scanned.results, here[0])
    return outcome + _submodules(context, here[0], visited | {repository.git_dir})


def _head_or_gap(context: Context, head: bytes | None, results: Results) -> tuple[Head, tuple[Gap, ...]]:
    try:
        return read_head(context.repository, head, results), ()
    except GitError as error:
        gap = Gap("damaged-history", f"git could not read the files of HEAD ({error.said}); check with git fsck")
        return Head(None), (gap,)


def _staged_or_gap(repository: Repository, head: bytes | None) -> tuple[tuple[Change, ...], tuple[Gap, ...]]:
    """Return what is staged; all of the index where git cannot read HEAD's tree to compare it with.

    Raises:
        GitError: git cannot read the index.
    """
    try:
        return staged_changes(repository, head), ()
    except GitError as error:
        why = f"git could not compare the index with HEAD ({error.said}); fetch what is missing or check with git fsck"
        return staged_changes(repository, None), (Gap("damaged-history", why),)


def scan_selection(context: Context, selection: Selection) -> Outcome:
    """Scan some commits.

    Raises:
        UsageError: git does not know the revisions.
    """
    revisions = selection.revisions()
    _check_revisions(context, selection)
    return _join_commits(context, revisions, b"")


def scan_new(context: Context, tips: Iterable[str], known: Sequence[str]) -> Outcome:
    """Scan the commits that ``tips`` reach and ``known`` (revisions or options of ``git log``) do not.

    Raises:
        GitError: git cannot read them.
    """
    names = [tip.encode() for tip in tips]
    have = _present(context, known)
    scanned_tags = _tag_chain(context, names)
    return _join_commits(context, ["--stdin", "--not", *have], b"\n".join(names) + b"\n", scanned_tags)


def _present(context: Context, known: Sequence[str]) -> list[str]:
    """Return the options, and of the ids those that are here: the other side may have commits that we have not."""
    ids = [each.encode() for each in known if not each.startswith("-")]
    here = list_some(context.repository.git, ids)
    return [each for each in known if each.startswith("-") or each.encode() in {**here.commits, **here.tags}]


def _tag_chain(context: Context, names: Sequence[bytes]) -> list[bytes]:
    """Return the tag objects among ``names``, and those that they point to."""
    git = context.repository.git
    chain: dict[bytes, None] = {}
    fresh = list(list_some(git, names).tags)
    while fresh:
        chain |= dict.fromkeys(fresh)
        with ObjectReader(git) as reader:
            targets = [data.split(None, 2)[1] for _, data in reader.read(fresh) if isinstance(data, bytes)]
        fresh = [tag for tag in list_some(git, targets).tags if tag not in chain]
    return list(chain)


def _join_commits(context: Context, revisions: Sequence[str], stdin: bytes, tags: Sequence[bytes] = ()) -> Outcome:
    scanned = scan_commits(context, revisions, stdin, tags)
    head = head_commit(context.repository.git)
    here = _head_of_results(context, head, scanned.results) if scanned.introduced else Head(None)
    return join(scanned, context.repository, here, whole=False)


def _head_of_results(context: Context, head: bytes | None, results: Results) -> Head:
    return _head_or_gap(context, head, results)[0]


def _check_revisions(context: Context, selection: Selection) -> None:
    """Refuse what git does not know, and what it would understand as something else.

    Raises:
        UsageError: a revision is unknown, or a date is not in the past.
    """
    if selection.since is not None:
        # Git takes any text for a date; what it cannot read is "now", and then nothing would be scanned.
        said = context.repository.git.run("rev-parse", f"--since={selection.since}").decode().strip()
        if int(said.rpartition("=")[2]) > time.time() - DATE_GRACE_S:
            raise UsageError(f"--since {selection.since} is no date in the past; write 2026-01-31 or 2.weeks")
    for name, value in (("--range", selection.range), ("--branch", selection.branch)):
        if value is None:
            continue
        try:
            context.repository.git.run("rev-list", "--max-count=0", value, "--")
        except GitError as error:
            raise UsageError(f"{name} {value}: git does not know it ({error.said}); give what git log takes") from error


def scan_index(context: Context) -> Outcome:
    """Scan what the next commit would add.

    Raises:
        GitError: git cannot read the index.
    """
    repository = context.repository
    if not repository.has_tree:
        raise UsageError(f"{repository.root} has no working tree, so nothing can be staged; scan it without --staged")
    head = head_commit(repository.git)
    staged, uncompared = _staged_or_gap(repository, head)
    scanned = scan_staged(context, staged)
    here = _head_of_results(context, head, scanned.results) if scanned.introduced else Head(None)
    return join(scanned, repository, here, whole=False) + Outcome(gaps=uncompared)


def scan_unstaged(context: Context) -> Outcome:
    """Scan changed and untracked files of the working tree.

    Raises:
        GitError: git cannot read the index.
    """
    repository = context.repository
    if not repository.has_tree:
        raise UsageError(f"{repository.root} has no working tree; scan it without --unstaged")
    return scan_tree(context, None, None)


def scan_tree(context: Context, results: Results | None, head: Head | None) -> Outcome:
    """Scan the files that differ from the index or are not in it.

    Args:
        context: Where.
        results: What is known of the repository's blobs; None: the index's versions are scanned where needed.
        head: What stands in HEAD, if that is known.

    Raises:
        GitError: git cannot read the index.
    """
    from pushwarden.history.local.files import scan_entries  # noqa: PLC0415 - what is staged stands in objects

    files = on_disk(context.repository)
    outcome = scan_entries(
        files.entries,
        context.scanner,
        jobs=context.jobs,
        limits=context.limits,
        report=context.report,
        gaps=files.gaps,
        base=str(context.repository.root),
    )
    if results is None:
        results = _scan_index_versions(context, files, outcome)
    found = tuple(
        replace(each, in_head=_in_head(each, head)) for each in outcome.found if not _in_index(each, files, results)
    )
    return replace(outcome, found=found)


def _in_index(found: Found, files: OnDisk, results: Results) -> bool:
    """Return whether the index's version of the file has the same secret: then the change did not bring it."""
    finding = found.finding
    blob = files.index.get(finding.path)
    if blob is None:
        return False
    if finding.source is Source.FILE_NAME:
        return True
    scan = results.hits(blob, finding.path.encode("utf-8", "surrogateescape"))
    return (finding.match.rule_id, finding.match.secret) in keys_of(scan)


def _in_head(found: Found, head: Head | None) -> bool | None:
    if head is None or head.commit is None:
        return None
    return (found.finding.match.rule_id, found.finding.match.secret) in head.keys


def _scan_index_versions(context: Context, files: OnDisk, outcome: Outcome) -> Results:
    paths = {each.finding.path for each in outcome.found}
    null = context.repository.null_id
    blobs = {path: blob for path, blob in files.index.items() if path in paths and blob != null}
    sizes = list_some(context.repository.git, list(blobs.values())).blobs
    wanted = [
        Wanted(blob, Source.FILE, sizes.get(blob, 0), (path.encode("utf-8", "surrogateescape"),))
        for path, blob in blobs.items()
    ]
    results = Results()
    scan_objects(
        context.repository.git,
        wanted,
        context.scanner,
        results,
        jobs=1,
        limits=context.limits,
        report=context.report,
    )
    return results


def _submodules(context: Context, head: Head, visited: frozenset[Path]) -> Outcome:
    """Scan the submodules that are checked out; say so of the others."""
    outcome = Outcome()
    for path, _ in head.links:
        folder = context.repository.root / path
        if not context.repository.has_tree or not (folder / ".git").exists():
            outcome += Outcome(gaps=(link_gap(path, "is not checked out here"),))
            continue
        try:
            inner = open_repository(str(folder))
        except UsageError as error:
            outcome += Outcome(gaps=(link_gap(path, f"cannot be opened ({error})"),))
            continue
        if inner.git_dir in visited:
            continue
        visited |= {inner.git_dir}
        outcome += _below(path, scan_repository(replace(context, repository=inner, started=None), visited))
    return outcome


def _below(folder: str, outcome: Outcome) -> Outcome:
    """Put a folder before every path."""
    return replace(
        outcome,
        found=tuple(
            replace(each, finding=replace(each.finding, path=f"{folder}/{each.finding.path}")) for each in outcome.found
        ),
        gaps=tuple(replace(gap, path=f"{folder}/{gap.path}" if gap.path else folder) for gap in outcome.gaps),
    )
