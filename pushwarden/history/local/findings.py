"""Join what was introduced with people, refs and HEAD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pushwarden.history.local.attribution import Introduced, Key, key_of, keys_of
from pushwarden.history.local.blobs import Results
from pushwarden.history.local.git import GitError
from pushwarden.history.local.history import Scanned
from pushwarden.history.local.log import GITLINK
from pushwarden.history.local.model import Counts, Found, Hit, Outcome
from pushwarden.history.local.objects import ObjectReader, Unreadable
from pushwarden.history.local.reach import HEAD, Refs, reaching, read_graph, read_refs, short
from pushwarden.history.local.repository import Repository
from pushwarden.history.local.texts import author_of
from pushwarden.model import Finding, Gap, Person, Source

NOTES: Final = "refs/notes/"
OF_CONTENT: Final = (Source.FILE, Source.SYMLINK, Source.NOTE)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands in HEAD."""

    commit: bytes | None
    """None before the first commit: nothing can be told then."""
    keys: frozenset[Key] = frozenset()
    """Rule and secret of everything found in its files."""
    names: frozenset[bytes] = frozenset()
    """Every component of its paths."""
    links: tuple[tuple[str, str], ...] = ()
    """Path and commit of each submodule."""


def read_head(repository: Repository, commit: bytes | None, results: Results) -> Head:
    """Return what stands in HEAD.

    Raises:
        GitError: its tree cannot be read.
    """
    if commit is None:
        return Head(None)
    keys: set[Key] = set()
    names: set[bytes] = set()
    links: list[tuple[str, str]] = []
    for line in repository.git.run("ls-tree", "-r", "-z", "--full-tree", commit.decode()).split(b"\0"):
        if not line:
            continue
        meta, _, path = line.partition(b"\t")
        mode, _, name = meta.split(b" ")
        names.update(path.split(b"/"))
        if mode == GITLINK:
            links.append((path.decode("utf-8", "surrogateescape"), name.decode()))
        else:
            keys |= keys_of(results.hits(name, path))
    return Head(commit, frozenset(keys), frozenset(names), tuple(links))


def join(scanned: Scanned, repository: Repository, head: Head, *, whole: bool) -> Outcome:
    """Return the outcome of a history scan.

    Args:
        scanned: What was introduced.
        repository: Where.
        head: What stands in HEAD.
        whole: Whether ``scanned`` has read the whole history, so that its graph can be used.

    Raises:
        GitError: refs cannot be read.
    """
    if not (whole or scanned.introduced):  # the quick way out of a hook
        return Outcome((), scanned.gaps, _counts(scanned, 0))
    refs = read_refs(repository.git)
    commits = {each.commit for each in scanned.introduced if each.commit is not None}
    people = _people(repository, sorted(commits))
    reached = _reached(scanned, repository, refs, head, commits, whole=whole) if commits else {}
    found = tuple(_found(each, people, reached, refs, head) for each in scanned.introduced)
    return Outcome(found, scanned.gaps, _counts(scanned, len(refs.commits) if whole else 0))


def _counts(scanned: Scanned, refs: int) -> Counts:
    results = scanned.results
    return Counts(commits=len(scanned.paths.commits), blobs=results.blobs, bytes=results.size, refs=refs)


def _people(repository: Repository, commits: list[bytes]) -> dict[bytes, Person | None]:
    with ObjectReader(repository.git) as reader:
        return {name: None if isinstance(data, Unreadable) else author_of(data) for name, data in reader.read(commits)}


def _reached(
    scanned: Scanned, repository: Repository, refs: Refs, head: Head, commits: set[bytes], *, whole: bool
) -> dict[bytes, frozenset[str]]:
    tips = dict(refs.commits)
    if head.commit is not None:
        tips[HEAD] = head.commit
    try:
        graph = scanned.paths.commits.items() if whole else read_graph(repository.git, "--all")
    except GitError:  # a damaged history; the scan of it has a gap that says so
        graph = scanned.paths.commits.items()
    return reaching(graph, tips, commits)


def _found(
    each: Introduced,
    people: Mapping[bytes, Person | None],
    reached: Mapping[bytes, frozenset[str]],
    refs: Refs,
    head: Head,
) -> Found:
    names: Iterable[str] = ()
    if each.commit is not None:
        names = refs.tags.get(each.commit, ()) or reached.get(each.commit, frozenset())
    of_refs = sorted(name for name in names if name != HEAD)
    path, source = each.path.decode("utf-8", "surrogateescape"), each.source
    if source is Source.FILE and of_refs and all(name.startswith(NOTES) for name in of_refs):
        path, source = f"<note {path.replace('/', '')[:12]}>", Source.NOTE
    return Found(
        finding=Finding(
            match=each.hit.match,
            path=path,
            source=source,
            commit=each.commit.decode() if each.commit is not None else None,
            author=people.get(each.commit) if each.commit is not None else None,
        ),
        allowed=each.hit.allowed,
        in_head=in_head(each.hit, source, each.path, head, names),
        refs=tuple(short(name) for name in of_refs),
    )


def in_head(hit: Hit, source: Source, path: bytes, head: Head, reached_from: Iterable[str] = ()) -> bool | None:
    """Return whether a secret stands in HEAD: in a file, in a name, or in the history that HEAD reaches."""
    if head.commit is None:
        return None
    if source in OF_CONTENT:
        return key_of(hit) in head.keys
    if source is Source.FILE_NAME:
        return any(hit.match.secret.reveal() in name for name in path.split(b"/") if name in head.names)
    return HEAD in reached_from


def link_gap(path: str, why: str) -> Gap:
    """Say that a submodule was not scanned."""
    return Gap("submodule", f"the submodule is another repository and {why}; scan that one as well", path=path)
