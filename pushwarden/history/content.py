"""What a push brought in, whichever way it was read: its commits, where its content stands, and the content itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from pushwarden.history.objects import Commit, Place, Tag
from pushwarden.history.trees import Changed
from pushwarden.model import Gap


class PushContent(Protocol):
    """A push to be scanned."""

    @property
    def commits(self) -> Sequence[Commit]:
        """The new commits, each after its parents."""

    @property
    def tags(self) -> Sequence[Tag]:
        """The new annotated tags."""

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each new blob stands first."""

    @property
    def names(self) -> Mapping[bytes, Place]:
        """Where each file's or folder's name stands first; old names of the same folder may be among them."""

    @property
    def gaps(self) -> Sequence[Gap]:
        """What could not be read."""

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        """Yield (blob id, content) of every new blob once."""

    def changed(self, commit: Commit, parent: str) -> list[Changed]:
        """Return every file that differs between a commit of the push and one of its parents."""

    def old_blob(self, blob_id: str) -> bytes | None:
        """Return the content of a blob from before the push; None if it cannot be read."""
