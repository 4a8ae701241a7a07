"""The commits of a repository and nothing else, from the head of a pack.

CodeCommit's git server has no partial clone, but git writes all commits before the first tree
(https://git-scm.com/docs/git-pack-objects, ``compute_write_order`` in its source). So the pack is read until every parent
of every commit was seen, and then the connection is closed: a few hundred bytes a commit, whatever the files weigh. A
server that orders its packs otherwise only makes it read on.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta

from pushwarden.errors import PushwardenError
from pushwarden.history.pack import BLOB, COMMIT, TAG, TREE, PackDamagedError, delta_target_bytes

_REF_DELTA: Final = 7
_HEADER_BYTES: Final = 12
_ID_BYTES: Final = 20
_ENTRY_AND_TRAILER_BYTES: Final = 29
"""The shortest last entry of a pack with the trailer behind it; longer than any entry's header."""
_SIZE_BYTES_MAX: Final = 7
COMMIT_BYTES_MAX: Final = 20 << 20
"""CodeCommit's own limit for a commit's metadata:
https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html"""
COMMITS_MAX: Final = 500_000
HELD_BYTES_MAX: Final = 512 << 20


class GraphComplete(Exception):  # noqa: N818 - not an error: it ends a download that nobody needs to the end
    """Every commit has been seen."""


class GraphTooLargeError(PushwardenError):
    """There are more commits than one function can hold."""


class GraphReader:
    """Takes a pack's bytes as they come (it is a file to write to) and keeps the commits.

    ``write`` raises :class:`GraphComplete` as soon as the commits are all there.
    """

    def __init__(self, wants: Iterable[str]) -> None:
        self._wants = frozenset(wants)
        self._commits: dict[str, bytes] = {}
        self._tags: set[str] = set()
        self._waiting: dict[str, list[bytes]] = {}
        """Deltas whose base has not come yet, by the base's id."""
        self._looked_at, self._held = -1, 0
        self._buffer = bytearray()
        self._left: int | None = None
        self._inflater: zlib._Decompress | None = None
        self._kind, self._base, self._size = 0, "", 0
        self._content = bytearray()

    def write(self, data: bytes) -> int:
        """Take more of the pack.

        Raises:
            GraphComplete: the commits are complete.
            PackDamagedError: the bytes are no pack.
            GraphTooLargeError: see :data:`COMMITS_MAX`.
        """
        self._buffer += data
        while self._step():
            pass
        return len(data)

    def parents(self) -> dict[str, tuple[str, ...]]:
        """Return the parents of each commit.

        Raises:
            PackDamagedError: the pack ended before every commit had come.
        """
        graph = self._graph()
        if not self._is_closed(graph):
            raise PackDamagedError("the history's commits did not come whole; try again")
        return graph

    def _step(self) -> bool:
        if self._left is None:
            return self._begin()
        if self._left == 0:
            return False
        return self._inflate() if self._inflater else self._header()

    def _begin(self) -> bool:
        if len(self._buffer) < _HEADER_BYTES:
            return False
        if self._buffer[:8] != b"PACK\0\0\0\2":
            raise PackDamagedError("the pack does not begin like one; fetch it again")
        self._left = int.from_bytes(self._buffer[8:12], "big")
        del self._buffer[:_HEADER_BYTES]
        return True

    def _header(self) -> bool:
        buffer = self._buffer
        if len(buffer) < _ENTRY_AND_TRAILER_BYTES:
            return False
        byte, position = buffer[0], 1
        self._kind, self._size, shift = (byte >> 4) & 7, byte & 15, 4
        while byte & 0x80:
            if position > _SIZE_BYTES_MAX:
                raise PackDamagedError("the pack holds an impossible object size; fetch it again")
            byte = buffer[position]
            self._size |= (byte & 0x7F) << shift
            position, shift = position + 1, shift + 7
        if self._kind == _REF_DELTA:
            self._base = bytes(buffer[position : position + _ID_BYTES]).hex()
            position += _ID_BYTES
        elif self._kind not in {COMMIT, TREE, BLOB, TAG}:
            raise PackDamagedError(f"the pack holds an object of kind {self._kind}, which was not asked for")
        if self._kind in {TREE, BLOB} and len(self._commits) != self._looked_at:
            self._looked_at = len(self._commits)
            if self._is_closed(self._graph()):
                raise GraphComplete
        del buffer[:position]
        self._inflater = zlib.decompressobj()
        return True

    def _inflate(self) -> bool:
        assert self._inflater is not None
        wanted = self._kind in {COMMIT, TAG, _REF_DELTA} and self._size <= COMMIT_BYTES_MAX
        try:
            out = self._inflater.decompress(bytes(self._buffer), 1 << 16)
        except zlib.error:
            raise PackDamagedError("an object of the pack cannot be inflated; fetch it again") from None
        if wanted:
            self._content += out
        if not self._inflater.eof:
            self._buffer[:] = self._inflater.unconsumed_tail
            return bool(self._buffer) or bool(out)
        self._buffer[:] = self._inflater.unused_data
        self._inflater = None
        self._left = (self._left or 0) - 1
        content, self._content = bytes(self._content), bytearray()
        if wanted:
            self._keep(self._kind, content)
        return True

    def _keep(self, kind: int, content: bytes) -> None:
        if kind == TAG:
            self._tags.add(_id(b"tag", content))
            return
        if kind == _REF_DELTA:
            base = self._commits.get(self._base)
            if base is None:
                self._waiting.setdefault(self._base, []).append(content)
                self._count(content)
                return
            content = _applied(base, content)
        # A list, not recursion: whoever pushes decides how long a chain of deltas is.
        ready = [content]
        while ready:
            content = ready.pop()
            commit_id = _id(b"commit", content)
            if commit_id not in self._commits:
                self._commits[commit_id] = content
                self._count(content)
                ready += [_applied(content, delta) for delta in self._waiting.pop(commit_id, ())]

    def _count(self, content: bytes) -> None:
        self._held += len(content)
        if len(self._commits) > COMMITS_MAX or self._held > HELD_BYTES_MAX:
            raise GraphTooLargeError(
                f"the history is too large for the backfill (more than {COMMITS_MAX:,} commits, or {HELD_BYTES_MAX:,}"
                " bytes of them); scan a clone with `pushwarden scan`"
            )

    def _graph(self) -> dict[str, tuple[str, ...]]:
        return {commit_id: parents_of(content) for commit_id, content in self._commits.items()}

    def _is_closed(self, graph: Mapping[str, tuple[str, ...]]) -> bool:
        tips = self._wants - self._tags
        return tips <= graph.keys() and all(parent in graph for parents in graph.values() for parent in parents)


def _id(kind: bytes, content: bytes) -> str:
    return hashlib.sha1(b"%s %d\0%s" % (kind, len(content), content)).hexdigest()  # noqa: S324 - git's format


def _applied(base: bytes, delta: bytes) -> bytes:
    # A delta of a few kilobytes can ask for gigabytes, so its claim is read before it is believed.
    try:
        if delta_target_bytes(delta) > COMMIT_BYTES_MAX:
            raise PackDamagedError("a commit of the pack is larger than CodeCommit allows")
        return b"".join(apply_delta(base, delta))
    except (ApplyDeltaError, IndexError, ValueError):
        raise PackDamagedError("a delta of the pack does not apply; fetch it again") from None


def parents_of(content: bytes) -> tuple[str, ...]:
    """Return the ids of a commit's parents."""
    head = content.partition(b"\n\n")[0]
    return tuple(line[7:47].decode("ascii", "replace") for line in head.split(b"\n") if line.startswith(b"parent "))
