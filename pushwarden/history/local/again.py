"""Scan a repository that was scanned before: only new objects are read, and those in which something was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Final

from pushwarden.history.local.blobs import Results, Wanted, blobs_wanted, variant
from pushwarden.history.local.context import Context, Paths, Scanned, finish, scan_more
from pushwarden.history.local.evidence import Evidence, attribute, gather, of_tags, unplaced
from pushwarden.history.local.git import GitError
from pushwarden.history.local.log import Change, Commit, History
from pushwarden.history.local.memory import Ids, State, Store, forget, load, pack_ids, save
from pushwarden.history.local.objects import Listing, ObjectReader, list_some
from pushwarden.history.local.reach import Graph, read_graph
from pushwarden.history.local.recall import keep
from pushwarden.history.local.repository import Repository
from pushwarden.model import Gap, Source

MANY: Final = 50_000
"""With more new objects than this, reading everything again costs about as much."""


def scan_again(context: Context, store: Store | None, staged: Sequence[Change]) -> Scanned | None:
    """Scan with what is remembered; None where that is not enough, and everything must be scanned.

    Args:
        context: Where.
        store: What is in the object store now.
        staged: Changes that are not committed yet.
    """
    memory, repository = context.memory, context.repository
    if memory is None or store is None or repository.is_shallow:
        return None
    state = load(memory, repository)
    if state is None or not state.store.packs <= store.packs:
        return None  # after a repack, or after a loss: look at everything
    try:
        scanned = _scan_new(context, state, store, staged)
    except GitError:
        scanned = None
    if scanned is None:
        forget(memory, repository)
    return scanned


def _scan_new(context: Context, state: State, store: Store, staged: Sequence[Change]) -> Scanned | None:
    git = context.repository.git
    names = _fresh(context.repository, state, store)
    if names is None or len(names) > MANY:
        return None
    fresh = list_some(git, names)
    commits = _read_commits(context, fresh)
    if commits is None or fresh.damaged:
        return None
    paths = Paths()
    paths.read(commits)
    for blob, where in state.blobs.items():
        for path in where:
            paths.place(blob, path)
    paths.add(staged)
    gaps: list[Gap] = []
    results = _scan(context, fresh, state, paths, gaps)
    if results is None:
        return None
    graph = _graph(context, state, commits) if commits else state.graph
    new = gather(context, [commits], results, paths)
    evidence = _merged(state, new, graph)
    introduced = attribute(context, evidence, results, staged)
    introduced += of_tags([*(name for name, is_tag in state.texts.items() if is_tag), *fresh.tags], results)
    introduced += unplaced(results, paths, introduced)
    results.blobs = state.blob_count + len(fresh.blobs)
    results.size = state.byte_count + _bytes_of(fresh)
    paths.commits = dict(graph)
    scanned = finish(introduced, results, paths, gaps)
    if fresh != Listing() or store != state.store:
        known = b"" if fresh == Listing() else pack_ids(_ids(fresh))
        remember(context, store, scanned, evidence, _union(state.known, known, _width(context.repository)))
    return scanned


def remember(context: Context, store: Store | None, scanned: Scanned, evidence: Evidence, known: bytes) -> None:
    """Keep what a whole scan has learnt, unless something could not be read or a file's name holds a secret.

    Args:
        context: Where.
        store: What was in the object store before the scan.
        scanned: The scan.
        evidence: What it was attributed by.
        known: The ids of all objects that were scanned, packed.
    """
    if context.memory is None or store is None:
        return
    # Content that cannot be scanned to its end is scanned again each time, and then says so again.
    if Counter(scanned.gaps) - _gaps_of_content(scanned.results) or evidence.names or context.repository.is_shallow:
        forget(context.memory, context.repository)
        return
    results = scanned.results
    found = {blob for blob, _ in results.scans}
    commits = tuple(_essence(commit, found) for commit in evidence.commits)
    places = Paths()
    for commit in commits:
        for change in commit.changes:
            places.place(change.new, change.path)
    state = State(
        store=store,
        graph=tuple(scanned.paths.commits.items()),
        commits=commits,
        replaced={
            merge: tuple(pair for pair in pairs if pair[0] in found)
            for merge, pairs in (evidence.replaced or {}).items()
        },
        blobs={blob: _lasting(scanned.paths.of(blob), places.of(blob)) for blob in found},
        texts={name: seen[0].of_tag for name, seen in results.texts.items()},
        blob_count=results.blobs,
        byte_count=results.size,
        recall=keep(results.scans),
        known=known,
    )
    save(context.memory, context.repository, state)


def known_ids(listing: Listing) -> bytes:
    """Return the ids of all objects in a listing that a scan reads, packed."""
    return pack_ids(_ids(listing))


def _gaps_of_content(results: Results) -> Counter[Gap]:
    scans = [*results.scans.values(), *(seen.scan for texts in results.texts.values() for seen in texts)]
    return Counter(gap for scan in scans for gap in scan.gaps)


def _lasting(paths: Iterable[bytes], of_commits: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the paths, without those that are only staged."""
    lasting = {variant(path) for path in of_commits}
    return tuple(path for path in paths if variant(path) in lasting)


def _essence(commit: Commit, found: set[bytes]) -> Commit:
    """Return a commit with only the changes that have something to do with what was found."""
    return replace(
        commit,
        changes=tuple(
            change for change in commit.changes if change.new in found or any(old in found for old in change.old)
        ),
    )


def _fresh(repository: Repository, state: State, store: Store) -> list[bytes] | None:
    """Return the ids of objects that were not there at the last scan (trees among them).

    None where objects are gone: they were pruned, or another repository stands in this place now.
    """
    packed: set[bytes] = set()
    for pack in sorted(store.packs - state.store.packs):
        index = (repository.common_dir / "objects" / "pack" / pack).read_bytes()
        out = repository.git.run("show-index", f"--object-format={repository.object_format}", stdin=index)
        packed.update(line.split()[1] for line in out.splitlines())
    if not {name.encode() for name in state.store.loose - store.loose} <= packed:
        return None
    names = packed | {name.encode() for name in store.loose - state.store.loose}
    known = Ids(state.known, _width(repository))
    return sorted(name for name in names if name not in known)


def _read_commits(context: Context, fresh: Listing) -> list[Commit] | None:
    """Return the new commits, children first; None where git cannot read them all."""
    if not fresh.commits:
        return []
    tips = b"\n".join(fresh.commits) + b"\n"
    with History(context.repository.git, ("--no-walk=unsorted", "--stdin"), tips) as log:
        commits = {commit.id: commit for commit in log.commits()}
        if log.problem is not None or commits.keys() != fresh.commits.keys():
            return None
    order = TopologicalSorter({name: commit.parents for name, commit in sorted(commits.items())}).static_order()
    newest_first = [commits[name] for name in order if name in commits]
    newest_first.reverse()
    return newest_first


def _scan(context: Context, fresh: Listing, state: State, paths: Paths, gaps: list[Gap]) -> Results | None:
    """Scan what is new, what stands at a new place, and what had something in it; None where some of it is gone."""
    null = context.repository.null_id
    others = {name for name in (*paths.first, *state.blobs, *state.texts) if name != null and name not in fresh.blobs}
    old = list_some(context.repository.git, sorted(others))
    if old.missing or old.damaged:
        return None
    results = Results()
    blobs = list(blobs_wanted({**fresh.blobs, **old.blobs}, paths.of, context.limits, gaps))
    recalled = [
        each
        for each in blobs
        if each.size <= context.limits.whole_bytes and state.recall.knows(each, state.blobs.get(each.name, ()))
    ]
    with ObjectReader(context.repository.git, context.repository.packs()) as reader:
        state.recall.read(reader, recalled, results)
    known = {each.name for each in recalled}
    wanted = [
        *(each for each in blobs if each.name not in known),
        *_texts({**fresh.commits, **old.commits}, Source.COMMIT_MESSAGE),
        *_texts({**fresh.tags, **old.tags}, Source.TAG_MESSAGE),
    ]
    scan_more(context, wanted, results)
    return None if results.missing else results


def _texts(sizes: Mapping[bytes, int], kind: Source) -> list[Wanted]:
    return [Wanted(name, kind, size) for name, size in sizes.items()]


def _graph(context: Context, state: State, commits: Iterable[Commit]) -> Graph:
    """Return the graph as a full scan would see it: what refs reach in git's order, then the rest."""
    reached = dict(read_graph(context.repository.git, "--all", "--reflog"))
    rest = [*((each.id, each.parents) for each in commits), *state.graph]
    return (*reached.items(), *((name, parents) for name, parents in rest if name not in reached))


def _merged(state: State, new: Evidence, graph: Graph) -> Evidence:
    """Return old and new evidence together, the oldest commit first."""
    place = {name: index for index, (name, _) in enumerate(graph)}
    commits = {commit.id: commit for commit in (*state.commits, *new.commits)}
    ordered = sorted(commits.values(), key=lambda commit: -place.get(commit.id, 0))
    return Evidence(tuple(ordered), new.names, {**state.replaced, **(new.replaced or {})})


def _ids(listing: Listing) -> list[bytes]:
    return [*listing.blobs, *listing.commits, *listing.tags]


def _bytes_of(listing: Listing) -> int:
    return sum(sum(kind.values()) for kind in (listing.blobs, listing.commits, listing.tags))


def _union(known: bytes, more: bytes, width: int) -> bytes:
    if not more:
        return known
    parts = [data[start : start + width] for data in (known, more) for start in range(0, len(data), width)]
    return b"".join(sorted(parts))


def _width(repository: Repository) -> int:
    return len(repository.null_id) // 2
