"""From which refs commits can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pushwarden.history.local.git import Git

HEAD: Final = "HEAD"
REF_FORMAT: Final = "--format=%(refname)%00%(objectname)%00%(*objectname)%00%(symref)"


@dataclass(frozen=True, slots=True)
class Refs:
    """The refs of a repository, by full name."""

    commits: dict[str, bytes]
    """What each points to, tags followed to their object."""
    tags: dict[bytes, tuple[str, ...]]
    """Annotated tag object to the refs that point to it."""


def read_refs(git: Git) -> Refs:
    """Read every ref but those that only name another one, such as ``refs/remotes/origin/HEAD``.

    Raises:
        GitError: they cannot be read.
    """
    commits: dict[str, bytes] = {}
    tags: dict[bytes, tuple[str, ...]] = {}
    for line in git.run("for-each-ref", REF_FORMAT).splitlines():
        raw, target, peeled, symbolic = line.split(b"\0")
        if symbolic:
            continue
        name = raw.decode("utf-8", "surrogateescape")
        commits[name] = peeled or target
        if peeled:
            tags[target] = (*tags.get(target, ()), name)
    return Refs(commits, tags)


Graph = tuple[tuple[bytes, tuple[bytes, ...]], ...]
"""(commit, parents), children before their parents."""


def read_graph(git: Git, *revisions: str) -> Graph:
    """Return the graph of all that some revisions (``--all``) reach.

    Raises:
        GitError: the history cannot be read.
    """
    rows = (line.split() for line in git.run("rev-list", "--topo-order", "--parents", *revisions).splitlines())
    return tuple((row[0], tuple(row[1:])) for row in rows)


def short(name: str) -> str:
    """Return a ref's name for people: ``main``, ``tags/v1``, ``remotes/origin/main``, ``stash``."""
    return name.removeprefix("refs/").removeprefix("heads/")


def reaching(
    graph: Iterable[tuple[bytes, tuple[bytes, ...]]], tips: Mapping[str, bytes], wanted: set[bytes]
) -> dict[bytes, frozenset[str]]:
    """Return, for each wanted commit, the names of the tips that reach it.

    Args:
        graph: (commit, parents), children before their parents.
        tips: Name to commit.
        wanted: The commits to tell about.
    """
    names = list(tips)
    masks: dict[bytes, int] = {}
    for index, name in enumerate(names):
        masks[tips[name]] = masks.get(tips[name], 0) | 1 << index
    found: dict[bytes, frozenset[str]] = {}
    sets: dict[int, frozenset[str]] = {}
    for commit, parents in graph:
        mask = masks.pop(commit, 0)
        if not mask:
            continue
        for parent in parents:
            masks[parent] = masks.get(parent, 0) | mask
        if commit in wanted:
            if mask not in sets:
                sets[mask] = frozenset(name for index, name in enumerate(names) if mask >> index & 1)
            found[commit] = sets[mask]
    return found
