"""Cut a history into slices that can be fetched and scanned by themselves: *want these, have those*. Pure.

The commits stand in one order, each after its parents. Whatever comes before a slice is then closed under parents, so
git sends exactly what the slice's own commits brought in.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SLICE_COMMITS: Final = 500
"""Commits in a slice. A slice that proves too large is halved when it is scanned."""

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class History:
    """The commits to be scanned, after those that are known."""

    commits: tuple[str, ...]
    """Each after its parents."""
    parents: tuple[tuple[int, ...], ...]
    """The places of each commit's parents in ``commits``."""
    known: int
    """How many, from the first, need no scan."""
    tags: tuple[str, ...] = ()
    """Annotated tags, whose messages are scanned as well."""

    def slices(self, size: int = SLICE_COMMITS) -> list[Range]:
        """Return the slices; an empty one at the end stands for the tags."""
        end = len(self.commits)
        found = [(start, min(start + size, end)) for start in range(self.known, end, size)]
        return found + ([(end, end)] if self.tags else [])

    def wants(self, start: int, end: int) -> tuple[str, ...]:
        """Return the commits of a slice that no other commit of it builds on; of the empty slice, the tags."""
        return self._heads(start, end) if start < end else self.tags

    def haves(self, start: int) -> tuple[str, ...]:
        """Return the commits before a slice that no other commit before it builds on."""
        return self._heads(0, start)

    def _heads(self, start: int, end: int) -> tuple[str, ...]:
        built_on = {parent for place in range(start, end) for parent in self.parents[place]}
        return tuple(self.commits[place] for place in range(start, end) if place not in built_on)

    def to_bytes(self) -> bytes:
        """Return what :meth:`from_bytes` reads."""
        data = [self.commits, self.parents, self.known, self.tags]
        return zlib.compress(json.dumps(data, separators=(",", ":")).encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> History:
        """Read a history back."""
        commits, parents, known, tags = json.loads(zlib.decompress(data))
        return cls(tuple(commits), tuple(tuple(each) for each in parents), known, tuple(tags))


def history(
    graph: Mapping[str, Sequence[str]], tips: Iterable[str], known: Iterable[str] = (), tags: Iterable[str] = ()
) -> History:
    """Put the commits that ``tips`` reach into order, those that ``known`` reach first.

    Args:
        graph: the parents of every commit.
        tips: commits whose history is to be scanned; those that are not in the graph are passed over.
        known: commits whose history needs no scan.
        tags: ids of annotated tags.
    """
    order: list[str] = []
    place: dict[str, int] = {}
    _append(graph, sorted(known), order, place)
    first = len(order)
    _append(graph, sorted(tips), order, place)
    parents = tuple(tuple(place[parent] for parent in graph[each] if parent in place) for each in order)
    return History(tuple(order), parents, first, tuple(sorted(tags)))


def _append(graph: Mapping[str, Sequence[str]], tips: Iterable[str], order: list[str], place: dict[str, int]) -> None:
    stack = [(tip, False) for tip in tips]
    seen = set(place)
    while stack:
        commit, parents_done = stack.pop()
        if parents_done:
            place[commit] = len(order)
            order.append(commit)
        elif commit in graph and commit not in seen:
            seen.add(commit)
            stack.append((commit, True))
            stack.extend((parent, False) for parent in graph[commit])
