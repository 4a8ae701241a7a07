"""Makes new trees from old ones: single edits, and three-way merges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pushwarden.errors import PushwardenError
from pushwarden.local.codecommit.trees import SUBMODULE_MODE, TREE_MODE, Entry, Objects, format_tree, read_tree

Edits = Mapping[bytes, Entry | None]
"""What shall stand at each path; None removes it."""
Write = Callable[[str, bytes], str]
"""Stores an object of a kind and returns its id."""
MergeFiles = Callable[[Entry, Entry, Entry], Entry | None]
"""Merges base, ours and theirs; None when they conflict."""

KEEP_FILE: Final = b".gitkeep"


class TreeConflictError(PushwardenError):
    """A path needs a folder where a file stands, or the other way round; ``kind`` says which."""

    def __init__(self, kind: str, path: bytes) -> None:
        super().__init__(f"{path.decode('utf-8', errors='replace')} conflicts with what stands there: {kind}")
        self.kind = kind


def edit_tree(
    objects: Objects, write: Write, tree_id: str | None, edits: Edits, *, keep_empty: bool = False, prefix: bytes = b""
) -> str:
    """Store the tree that ``edits`` make of ``tree_id`` (None: an empty tree) and return its id.

    Raises:
        TreeConflictError: an edit does not fit the tree.
    """
    entries = read_tree(objects, tree_id) if tree_id else {}
    below: dict[bytes, dict[bytes, Entry | None]] = {}
    for path, entry in edits.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = entry
        else:
            _set(entries, name, entry, prefix)
    for name, inner in below.items():
        old = entries.get(name)
        if old is not None and not old.is_tree:
            kind = "submodule-in-the-way" if old.mode == SUBMODULE_MODE else "file-in-the-way"
            raise TreeConflictError(kind, prefix + name)
        inner_prefix = prefix + name + b"/"
        new = edit_tree(
            objects, write, old.object_id if old else None, inner, keep_empty=keep_empty, prefix=inner_prefix
        )
        if not keep_empty and new == write("tree", b""):
            entries.pop(name, None)
        else:
            entries[name] = Entry(TREE_MODE, new)
    if keep_empty and not entries and prefix:
        entries[KEEP_FILE] = Entry(0o100644, write("blob", b""))
    return write("tree", format_tree(entries))


def _set(entries: dict[bytes, Entry], name: bytes, entry: Entry | None, prefix: bytes) -> None:
    old = entries.get(name)
    if entry is None:
        entries.pop(name, None)
    elif old is not None and old.is_tree:
        raise TreeConflictError("folder-in-the-way", prefix + name)
    elif old is not None and old.mode == SUBMODULE_MODE:
        raise TreeConflictError("submodule-in-the-way", prefix + name)
    else:
        entries[name] = entry


@dataclass(slots=True)
class TreeMerge:
    """A three-way merge of trees, name by name; renames are not followed."""

    objects: Objects
    write: Write
    merge_files: MergeFiles
    conflicts: list[bytes] = field(default_factory=list)
    """The paths that both sides changed in ways that do not fit together."""

    def merge(self, base: str | None, ours: str | None, theirs: str | None, prefix: bytes = b"") -> str:
        """Store the merged tree and return its id; where there is a conflict, ours stands in it."""
        sides = [read_tree(self.objects, each) if each else {} for each in (base, ours, theirs)]
        merged: dict[bytes, Entry] = {}
        for name in sides[0].keys() | sides[1].keys() | sides[2].keys():
            was, our, their = (side.get(name) for side in sides)
            entry = self._entry(prefix + name, was, our, their)
            if entry is not None:
                merged[name] = entry
        return self.write("tree", format_tree(merged))

    def _entry(self, path: bytes, was: Entry | None, our: Entry | None, their: Entry | None) -> Entry | None:
        if their in (our, was):
            return our
        if our == was:
            return their
        if all(each is None or each.is_tree for each in (was, our, their)):
            return self._folder(path, was, our, their)
        entry = None
        if was is not None and our is not None and their is not None:
            entry = None if any(each.is_tree for each in (was, our, their)) else self.merge_files(was, our, their)
        if entry is None:
            self.conflicts.append(path)
            return our
        return entry

    def _folder(self, path: bytes, was: Entry | None, our: Entry | None, their: Entry | None) -> Entry | None:
        ids = [each.object_id if each else None for each in (was, our, their)]
        tree = self.merge(ids[0], ids[1], ids[2], path + b"/")
        return None if tree == self.write("tree", b"") else Entry(TREE_MODE, tree)
