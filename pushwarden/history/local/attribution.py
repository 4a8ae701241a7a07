"""Which commit introduced which secret. Pure: what git and the scanner said goes in, findings come out.

A commit introduces the findings of the blobs that it changed against *every* parent, minus the findings of all blobs
that stood, before, at the paths it changed or deleted; compared by (rule, secret). So moving, renaming or re-indenting
raises nothing new, and what came in with a merge itself is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pushwarden.history.local.log import SYMLINK, Change, Commit
from pushwarden.history.local.model import Hit, Scan
from pushwarden.model import Secret, Source

Key = tuple[str, Secret]
"""Rule and secret: what makes two hits the same."""
Lookup = Callable[[bytes, bytes], Scan | None]
"""What is known of a blob (id) at a path; None: clean."""


@dataclass(frozen=True, slots=True)
class Introduced:
    """A hit and the commit that brought it."""

    hit: Hit
    path: bytes
    source: Source
    commit: bytes | None


def key_of(hit: Hit) -> Key:
    """Return the rule and secret of a hit."""
    return (hit.match.rule_id, hit.match.secret)


def keys_of(scan: Scan | None) -> set[Key]:
    """Return the rules and secrets of what was found."""
    return {key_of(hit) for hit in scan.hits} if scan else set()


def introduced_by(commit: Commit, lookup: Lookup, more_before: Iterable[tuple[bytes, bytes]] = ()) -> list[Introduced]:
    """Return what one commit introduced.

    Args:
        commit: The commit with its changes.
        lookup: What is known of blobs.
        more_before: Further (id, path) that the commit replaced: for a merge, what only one parent had.
    """
    return list(_introduced(commit.id, commit.changes, lookup, more_before))


def introduced_in_tree(changes: Iterable[Change], lookup: Lookup) -> list[Introduced]:
    """Return what changes that are not committed yet introduce."""
    return list(_introduced(None, tuple(changes), lookup, ()))


def _introduced(
    commit: bytes | None,
    changes: tuple[Change, ...],
    lookup: Lookup,
    more_before: Iterable[tuple[bytes, bytes]],
) -> Iterator[Introduced]:
    after = [(change, scan) for change in changes if (scan := lookup(change.new, change.path)) and scan.hits]
    if not after:
        return
    before: set[Key] = set()
    for change in changes:
        for old in change.old:
            before |= keys_of(lookup(old, change.path))
    for old, path in more_before:
        before |= keys_of(lookup(old, path))
    for change, scan in after:
        source = Source.SYMLINK if change.mode == SYMLINK else Source.FILE
        yield from (Introduced(hit, change.path, source, commit) for hit in scan.hits if key_of(hit) not in before)


class FirstOnly:
    """Keeps of each secret at each path the first commit that brought it; commits come oldest first."""

    def __init__(self) -> None:
        self._seen: set[tuple[Key, bytes]] = set()
        self._values: set[Key] = set()

    def keep(self, batch: Iterable[Introduced]) -> list[Introduced]:
        """Return what of one commit is new."""
        kept = [each for each in batch if (key_of(each.hit), each.path) not in self._seen]
        for each in kept:
            self._seen.add((key_of(each.hit), each.path))
            self._values.add(key_of(each.hit))
        return kept

    def knows(self, hit: Hit) -> bool:
        """Return whether the secret was kept anywhere."""
        return key_of(hit) in self._values
