"""People with clones that exist only in memory: commits are made and pushed without a git process of their own."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field
from typing import Final

from dulwich.object_format import SHA1
from dulwich.objects import Blob, Commit, ShaFile, Tag, Tree
from dulwich.pack import write_pack_objects

from pushwarden.aws.githttp import ZERO_ID, GitAccessError, RefRejectedError, RepositoryNotFoundError
from tests.simulation.machine import Machine

_ZONE: Final = 0


@dataclass(slots=True)
class Snapshot:
    """A commit and what it holds."""

    commit: str
    files: dict[str, bytes]
    parents: tuple[str, ...]


@dataclass(slots=True)
class Clone:
    """Everything that was ever committed for one repository, by anybody."""

    machine: Machine
    name: str
    repository_id: str = ""
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    _objects: dict[str, list[ShaFile]] = field(default_factory=dict)
    _sent: set[str] = field(default_factory=set)
    _seconds: itertools.count[int] = field(default_factory=lambda: itertools.count(1_790_000_000))

    def create(self, tags: dict[str, str] | None = None) -> None:
        """Create the repository on the server."""
        api = self.machine.plain_app("administrator").codecommit.client
        made = api.create_repository(repositoryName=self.name, tags=tags or {})
        self.repository_id = made["repositoryMetadata"]["repositoryId"]

    def commit(
        self, files: dict[str, bytes], message: str, *parents: str, author: str = "Alice <alice@example.com>"
    ) -> str:
        """Commit on top of ``parents``: their first one's files, changed by ``files``."""
        held = (self.snapshots[parents[0]].files if parents else {}) | files
        objects: list[ShaFile] = []
        commit = Commit()
        commit.tree = self._tree(held, objects)
        commit.parents = [each.encode() for each in parents]  # type: ignore[misc]
        commit.author = commit.committer = author.encode()
        commit.author_time = commit.commit_time = next(self._seconds)
        commit.author_timezone = commit.commit_timezone = _ZONE
        commit.message = message.encode()
        objects.append(commit)
        oid = commit.id.decode()
        self.snapshots[oid] = Snapshot(oid, held, parents)
        self._objects[oid] = objects
        return oid

    def tag(self, target: str, name: str, message: str) -> str:
        """Make an annotated tag and return its id."""
        tag = Tag()
        tag.object = (Commit, target.encode())
        tag.name, tag.message = name.encode(), message.encode()
        tag.tagger, tag.tag_time, tag.tag_timezone = b"Alice <alice@example.com>", next(self._seconds), _ZONE
        oid = tag.id.decode()
        self.snapshots[oid] = Snapshot(oid, {}, (target,))
        self._objects[oid] = [tag]
        return oid

    def objects(self, oid: str) -> list[ShaFile]:
        """Return the git objects that a commit (or tag) came with."""
        return self._objects[oid]

    def peeled(self, oid: str) -> str:
        """Return the commit that an annotated tag points at; a commit is its own."""
        is_tag = self._objects[oid][-1].type_name == b"tag"
        return self.snapshots[oid].parents[0] if is_tag else oid

    def history(self, tip: str | None) -> set[str]:
        """Return every commit (and tag) that is reachable."""
        found: set[str] = set()
        waiting = [tip] if tip else []
        while waiting:
            oid = waiting.pop()
            if oid not in found:
                found.add(oid)
                waiting += self.snapshots[oid].parents
        return found

    def push(self, ref: str, old: str | None, new: str | None, who: str = "developer") -> bool:
        """Push one ref; False: the server refused (locked, moved meanwhile, gone)."""
        reachable = self.history(new)
        new_objects = [each for oid in sorted(reachable - self._sent) for each in self._objects[oid]]
        unique = {each.id: each for each in new_objects}
        pack = io.BytesIO()
        write_pack_objects(pack, list(unique.values()), SHA1, deltify=False)
        app = self.machine.plain_app(who)
        try:
            app.git.update_ref(self.name, ref, old=old or ZERO_ID, new=new or ZERO_ID, pack=pack.getvalue())
        except (GitAccessError, RefRejectedError, RepositoryNotFoundError):
            return False
        self._sent |= reachable
        self.machine.codecommit.events.wait_idle()
        return True

    def refs(self) -> dict[str, str]:
        """Return what every ref stands at, asked of the server."""
        return dict(self.machine.plain_app("administrator").git.advertisement(self.name, "git-upload-pack").refs)

    def tags(self) -> dict[str, str]:
        """Return the repository's tags."""
        app = self.machine.plain_app("administrator")
        return app.codecommit.tags(app.codecommit.repository(self.name).arn)

    def _tree(self, files: dict[str, bytes], objects: list[ShaFile]) -> bytes:
        tree = Tree()
        folders: dict[str, dict[str, bytes]] = {}
        for path, content in files.items():
            head, _, rest = path.partition("/")
            if rest:
                folders.setdefault(head, {})[rest] = content
            else:
                blob = Blob.from_string(content)
                objects.append(blob)
                tree.add(head.encode(), 0o100644, blob.id)
        for name, inside in folders.items():
            tree.add(name.encode(), 0o040000, self._tree(inside, objects))  # type: ignore[arg-type]
        objects.append(tree)
        return tree.id
