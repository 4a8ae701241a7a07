"""Read a push from CodeCommit: by one git fetch, or through the API where git cannot reach the commits any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pushwarden.aws.codecommit import (
    ApiCommit,
    BlobTooLargeError,
    CodeCommit,
    CodeCommitError,
    Difference,
    ObjectMissingError,
)
from pushwarden.history.objects import Commit, MalformedObjectError, Place, Tag, parse_commit, parse_tag, person
from pushwarden.history.pack import BLOB, COMMIT, TAG, TREE, Limits, PackObject, objects, survey
from pushwarden.history.trees import (
    CHANGES_MAX,
    Changed,
    TooManyChangesError,
    TreeNotHereError,
    Trees,
    oldest_first,
    places,
)
from pushwarden.model import Gap, Person

API_COMMITS_MAX: Final = 200
"""How far back a removed commit's history is followed through the API."""
_SUBMODULE: Final = "160000"
_FILE_MODE: Final = 0o100644
_MEBIBYTE: Final = 1 << 20


@dataclass(slots=True)
class _ApiReader:
    """What only the API can tell: differences against commits that are not part of the push, and old files."""

    api: CodeCommit
    repository: str
    _changed: dict[tuple[str, str], list[Changed]] = field(default_factory=dict)

    def api_changed(self, commit_id: str, parent: str) -> list[Changed]:
        key = (commit_id, parent)
        if key not in self._changed:
            found: list[Changed] = []
            for each in self.api.differences(self.repository, parent, commit_id):
                found.append(Changed(each.path.encode("utf-8", "surrogateescape"), each.before_blob, each.after_blob))
                if len(found) > CHANGES_MAX:
                    raise TooManyChangesError(f"more than {CHANGES_MAX:,} files differ")
            self._changed[key] = found
        return self._changed[key]

    def old_blob(self, blob_id: str) -> bytes | None:
        try:
            return self.api.blob(self.repository, blob_id)
        except CodeCommitError:
            return None  # too large, or a submodule's commit: it cannot be shown to be old


@dataclass(slots=True)
class PackContent(_ApiReader):
    """A push as a pack on disk."""

    path: Path = field(default_factory=Path)
    limits: Limits = field(default_factory=Limits)
    commits: Sequence[Commit] = ()
    tags: Sequence[Tag] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    names: Mapping[bytes, Place] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    trees: Trees = field(default_factory=Trees)
    tips: tuple[str, ...] = ()

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        """Yield every new blob once; commits, tags, trees and places are known from the first one on."""
        found = survey(self.path, self.limits)
        self.gaps.extend(_too_large(size) for size in found.oversized)
        commits: dict[str, Commit] = {}
        tags: dict[str, Tag] = {}
        late: set[str] = set()
        given = 0
        for each in objects(self.path, found):
            if each.kind == BLOB:
                given += 1
                if given == 1:
                    self._settle(commits, tags)
                if each.object_id in self.places:
                    yield each.object_id, each.content
                else:
                    late.add(each.object_id)
            else:
                self._take(each, commits, tags)
        # git and JGit write trees before blobs; where a server does not, the blobs whose place was not yet known follow.
        self._settle(commits, tags)
        if late & self.places.keys():
            for each in objects(self.path, found):
                if each.kind == BLOB and each.object_id in late and each.object_id in self.places:
                    yield each.object_id, each.content

    def changed(self, commit: Commit, parent: str) -> list[Changed]:
        """Return what a commit changed against one parent: from the pack if it says so, else from the API."""
        parents = {each.commit_id: each for each in self.commits}
        if parent in parents:
            try:
                return list(self.trees.diff(parents[parent].tree, commit.tree))
            except (TreeNotHereError, MalformedObjectError):
                pass  # a part of the parent's tree is older than the push, or is no tree
        return self.api_changed(commit.commit_id, parent)

    def _take(self, each: PackObject, commits: dict[str, Commit], tags: dict[str, Tag]) -> None:
        try:
            if each.kind == COMMIT:
                commits[each.object_id] = parse_commit(each.object_id, each.content)
            elif each.kind == TREE:
                self.trees.raw[each.object_id] = each.content
            elif each.kind == TAG:
                tags[each.object_id] = parse_tag(each.object_id, each.content)
        except MalformedObjectError as error:
            self.gaps.append(Gap("malformed", f"{error}; it cannot be scanned", commit=each.object_id))

    def _settle(self, commits: dict[str, Commit], tags: dict[str, Tag]) -> None:
        roots = [*self.tips, *(tag.target for tag in tags.values())]
        ordered = oldest_first(commits, roots)
        self.tags = list(tags.values())
        owners = {tag.target: tag for tag in tags.values()}
        # A tag may point at a folder or a file without any commit: what stands there is pushed all the same.
        bare = [_bare(root, owners.get(root)) for root in roots if root not in commits and root not in tags]
        self.commits = [*ordered, *bare]
        where, self.names = places(self.commits, self.trees, self.gaps)
        for root in bare:
            if root.tree not in self.trees:
                where.setdefault(root.tree, Place(root.commit_id, b"<tagged file>", _FILE_MODE))
        self.places = where


def _bare(root: str, tag: Tag | None) -> Commit:
    nobody = Person("", "", "")
    who = tag.tagger if tag else nobody
    return Commit(tag.tag_id if tag else root, root, (), who, who, b"")


@dataclass(slots=True)
class ApiContent(_ApiReader):
    """A push whose commits no ref reaches any more, read through the API."""

    commits: Sequence[Commit] = ()
    tags: Sequence[Tag] = ()
    places: dict[str, Place] = field(default_factory=dict)
    names: dict[bytes, Place] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        """Yield every blob that the commits added or changed; what exceeds the API's limit becomes a gap."""
        for blob_id, place in self.places.items():
            try:
                yield blob_id, self.api.blob(self.repository, blob_id)
            except BlobTooLargeError:
                gap = Gap(
                    "too-large",
                    f"{place.shown_path!r} is above CodeCommit's 6 MB limit for commits that no ref reaches; look at it by hand",
                    commit=place.commit,
                )
                self.gaps.append(gap)

    def changed(self, commit: Commit, parent: str) -> list[Changed]:
        """Return what a commit changed against one parent."""
        return self.api_changed(commit.commit_id, parent)


def read_api(api: CodeCommit, repository: str, tip: str, known: frozenset[str]) -> ApiContent:
    """Follow a commit's parents through the API until commits that are known, and return what lies between.

    Raises:
        ObjectMissingError: the commit itself is gone.
        CodeCommitError: the API refused.
    """
    content = ApiContent(api, repository)
    if tip in known:
        return content
    found: dict[str, Commit] = {}
    waiting = [tip]
    while waiting and len(found) < API_COMMITS_MAX:
        batch, waiting = waiting[:100], waiting[100:]
        given = api.commits(repository, batch)
        # The API passes over what it does not have; nothing that was not read may count as clean.
        missing = sorted(set(batch) - {each.commit_id for each in given})
        if tip in missing:
            raise ObjectMissingError(f"commit {tip} of {repository}: not there any more")
        content.gaps.extend(Gap("commit-gone", f"commit {each} is not there any more", commit=each) for each in missing)
        for each in given:
            found[each.commit_id] = _commit(each)
            waiting += [p for p in each.parents if p not in known and p not in found and p not in waiting]
    if waiting:
        content.gaps.append(
            Gap(
                "history-too-long",
                f"only the newest {len(found)} of the commits that no ref reaches were scanned",
                commit=tip,
            )
        )
    content.commits = oldest_first(found, [tip])
    for commit in content.commits:
        for parent in commit.parents or (None,):
            for difference in api.differences(repository, parent, commit.commit_id):
                _note(content, commit.commit_id, difference)
    return content


def _note(content: ApiContent, commit_id: str, difference: Difference) -> None:
    if difference.after_blob is None or difference.after_mode == _SUBMODULE:
        return
    path = difference.path.encode("utf-8", "surrogateescape")
    mode = int(difference.after_mode or "0", 8)
    content.places.setdefault(difference.after_blob, Place(commit_id, path, mode))
    parts = path.split(b"/")
    for depth, name in enumerate(parts):
        content.names.setdefault(name, Place(commit_id, b"/".join(parts[: depth + 1]), mode))


def _commit(each: ApiCommit) -> Commit:
    message = each.message.encode("utf-8", "surrogateescape")
    return Commit(each.commit_id, "", each.parents, person(*each.author), person(*each.committer), message)


def _too_large(size: int) -> Gap:
    return Gap(
        "too-large",
        f"a file of {size / _MEBIBYTE:.0f} MiB exceeds the limit for one file and was not scanned; look at it by hand",
    )
