"""People with clones that exist only in memory: commits are made and pushed without a git process of their own."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError
from dulwich.object_format import SHA1
from dulwich.objects import S_IFGITLINK, Blob, Commit, ShaFile, Tag, Tree
from dulwich.pack import write_pack_objects
from dulwich.repo import Repo

from pushwarden.aws.githttp import ZERO_ID, GitAccessError, RefRejectedError, RepositoryNotFoundError
from tests.simulation.machine import Machine

_ZONE: Final = 0
_FOLDER: Final = 0o040000


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: bytes


@dataclass(frozen=True, slots=True)
class Module:
    """A submodule: a commit of another repository."""

    commit: str


Content = bytes | Link | Module


@dataclass(slots=True)
class Snapshot:
    """A commit and what it holds."""

    commit: str
    files: dict[str, Content]
    parents: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Clone:
    """Everything that was ever committed for one repository, by anybody."""

    machine: Machine
    name: str
    repository_id: str = ""
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    _objects: dict[str, list[ShaFile]] = field(default_factory=dict)
    _blobs: dict[bytes, Blob] = field(default_factory=dict)
    _sent: set[str] = field(default_factory=set)
    _sent_objects: set[bytes] = field(default_factory=set)
    _seconds: itertools.count[int] = field(default_factory=lambda: itertools.count(1_790_000_000))

    def create(self, tags: dict[str, str] | None = None) -> None:
        """Create the repository on the server."""
        api = self.machine.plain_app("administrator").codecommit.client
        made = api.create_repository(repositoryName=self.name, tags=tags or {})
        self.repository_id = made["repositoryMetadata"]["repositoryId"]

    def commit(
        self,
        files: Mapping[str, Content | None],
        message: str,
        *parents: str,
        author: str = "Alice <alice@example.com>",
    ) -> str:
        """Commit on top of ``parents``: their first one's files, changed by ``files``; None takes a file away."""
        both = {**(self.snapshots[parents[0]].files if parents else {}), **files}
        held = {path: content for path, content in both.items() if content is not None}
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

    def commit_by_api(self, branch: str, tip: str, path: str, content: bytes, who: str = "developer") -> str | None:
        """Put a file with CodeCommit's API, which commits by itself; None: the server refused."""
        api = self.machine.plain_app(who).codecommit.client
        try:
            made = api.put_file(
                repositoryName=self.name,
                branchName=branch,
                fileContent=content,
                filePath=path,
                parentCommitId=tip,
                name="Alice",
                email="alice@example.com",
            )
        except ClientError:
            return None
        self._adopt(made["commitId"], self.snapshots[tip].files | {path: content})
        self.machine.codecommit.events.wait_idle()
        return made["commitId"]

    def merge_by_api(self, branch: str, into: str, who: str = "developer") -> bool:
        """Open a pull request and merge it by fast-forward; False: the server refused."""
        api = self.machine.plain_app(who).codecommit.client
        target: Any = {"repositoryName": self.name, "sourceReference": branch, "destinationReference": into}
        try:
            made = api.create_pull_request(title="Work", targets=[target])
            number = made["pullRequest"]["pullRequestId"]
            api.merge_pull_request_by_fast_forward(pullRequestId=number, repositoryName=self.name)
        except ClientError:
            return False
        self.machine.codecommit.events.wait_idle()
        return True

    def _adopt(self, oid: str, files: dict[str, Content]) -> None:
        """Take over a commit that the server made."""
        with Repo(str(self.machine.codecommit.repository_path(self.name))) as bare:
            commit: Any = bare[oid.encode()]
            objects: list[ShaFile] = [commit]
            trees = [commit.tree]
            while trees:
                tree: Any = bare[trees.pop()]
                objects.append(tree)
                for _, mode, inner in tree.items():
                    if mode == _FOLDER:
                        trees.append(inner)
                    elif mode != S_IFGITLINK:
                        objects.append(bare[inner])
        self.snapshots[oid] = Snapshot(oid, files, tuple(each.decode() for each in commit.parents))
        self._objects[oid] = objects
        self._sent.add(oid)

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
        unique = {each.id: each for each in new_objects if each.id not in self._sent_objects}
        pack = io.BytesIO()
        write_pack_objects(pack, list(unique.values()), SHA1, deltify=False)
        app = self.machine.plain_app(who)
        try:
            app.git.update_ref(self.name, ref, old=old or ZERO_ID, new=new or ZERO_ID, pack=pack.getvalue())
        except (GitAccessError, RefRejectedError, RepositoryNotFoundError):
            return False
        self._sent |= reachable
        self._sent_objects |= unique.keys()
        self.machine.codecommit.events.wait_idle()
        return True

    def refs(self) -> dict[str, str]:
        """Return what every ref stands at, asked of the server."""
        return dict(self.machine.plain_app("administrator").git.advertisement(self.name, "git-upload-pack").refs)

    def tags(self) -> dict[str, str]:
        """Return the repository's tags."""
        app = self.machine.plain_app("administrator")
        return app.codecommit.tags(app.codecommit.repository(self.name).arn)

    def _tree(self, files: Mapping[str, Content], objects: list[ShaFile]) -> bytes:
        tree = Tree()
        folders: dict[str, dict[str, Content]] = {}
        for path, content in files.items():
            head, _, rest = path.partition("/")
            if rest:
                folders.setdefault(head, {})[rest] = content
            elif isinstance(content, Module):
                tree.add(head.encode(), S_IFGITLINK, content.commit.encode())  # type: ignore[arg-type]
            else:
                is_link = isinstance(content, Link)
                raw = content.target if isinstance(content, Link) else content
                if raw not in self._blobs:
                    self._blobs[raw] = Blob.from_string(raw)
                blob = self._blobs[raw]
                objects.append(blob)
                tree.add(head.encode(), 0o120000 if is_link else 0o100644, blob.id)
        for name, inside in folders.items():
            tree.add(name.encode(), _FOLDER, self._tree(inside, objects))  # type: ignore[arg-type]
        objects.append(tree)
        return tree.id
