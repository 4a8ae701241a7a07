"""Which secrets a push *introduced*: findings of what came, minus findings of what stood there before.

The unit is the finding, not the line: editing, moving or re-indenting a file that holds an old secret raises nothing. A
secret counts as introduced by a commit if no parent of the commit has it in any of the files that the commit changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from pushwarden.history.content import PushContent
from pushwarden.history.objects import Commit, Place, Tag, is_symlink
from pushwarden.history.trees import TooManyChangesError
from pushwarden.model import Finding, Gap, Match, Person, ScanResult, Source

OLD_BLOBS_MAX: Final = 300
"""How many old versions of files are read for one push; a secret that cannot be shown to be old counts as new."""
_NAMES_PER_SCAN: Final = 2000
_GENERIC: Final = "generic-"


class ContentScanner(Protocol):
    """The part of detection that this module needs."""

    def scan(self, data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
        """Return the matches in one piece of content."""


@dataclass(frozen=True, slots=True)
class Introduced:
    """What a push brought in."""

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    commits: int
    blobs: int


Key = tuple[str, bytes]


@dataclass(slots=True)
class _Scan:
    content: PushContent
    scanner: ContentScanner
    deadline: float | None
    clock: Callable[[], float]
    findings: list[Finding] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    hits: dict[str, tuple[Match, ...]] = field(default_factory=dict)
    """Matches of each new blob that has any."""
    scanned: set[str] = field(default_factory=set)
    old_hits: dict[str, frozenset[Key]] = field(default_factory=dict)
    known_before: dict[tuple[str, str], _Before] = field(default_factory=dict)


def introduced(
    content: PushContent,
    scanner: ContentScanner,
    *,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Introduced:
    """Scan a push and return what it introduced.

    Args:
        content: the push.
        scanner: detection.
        deadline: moment on ``clock`` (seconds) at which to stop; what is not scanned by then becomes a gap.
        clock: a monotonic clock.
    """
    scan = _Scan(content, scanner, deadline, clock)
    _scan_blobs(scan)
    scan.gaps.extend(content.gaps)  # complete only now: reading the blobs is what finds them
    commits = {commit.commit_id: commit for commit in content.commits}
    for blob_id, matches in scan.hits.items():
        place = content.places[blob_id]
        source = Source.SYMLINK if is_symlink(place.mode) else Source.FILE
        for match in _new_matches(scan, commits[place.commit], place, matches):
            scan.findings.append(Finding(match, place.shown_path, source, place.commit, commits[place.commit].author))
    _scan_names(scan, commits)
    for commit in content.commits:
        _scan_message(scan, commit)
    for tag in content.tags:
        _scan_tag(scan, tag)
    order = {commit.commit_id: i for i, commit in enumerate(content.commits)}
    findings = sorted(
        scan.findings,
        key=lambda f: (order.get(f.commit or "", len(order)), f.path, f.match.span.start, f.match.rule_id),
    )
    return Introduced(tuple(findings), tuple(scan.gaps), len(content.commits), len(scan.scanned))


def _scan_blobs(scan: _Scan) -> None:
    for blob_id, data in scan.content.blobs():
        places = scan.content.places
        place = places.get(blob_id)
        if place is None or blob_id in scan.scanned:
            continue
        if scan.deadline is not None and scan.clock() > scan.deadline:
            left = len(places) - len(scan.scanned)
            scan.gaps.append(
                Gap(
                    "timeout",
                    f"time ran out with {left} files of the push not yet scanned; they will be scanned again later",
                )
            )
            return
        scan.scanned.add(blob_id)
        result = scan.scanner.scan(data, path=place.shown_path, deadline=scan.deadline)
        scan.gaps.extend(replace(gap, path=place.shown_path, commit=place.commit) for gap in result.gaps)
        if result.matches:
            scan.hits[blob_id] = result.matches


def _new_matches(scan: _Scan, commit: Commit, place: Place, matches: Sequence[Match]) -> list[Match]:
    new = list(matches)
    for parent in commit.parents:
        if not new:
            break
        before = scan.known_before.get((commit.commit_id, parent))
        if before is None:
            before = scan.known_before[commit.commit_id, parent] = _Before(scan, commit, parent)
        new = [match for match in new if not before.has(_key(match), place.path)]
    return new


class _Before:
    """The secrets that one parent of a commit has in the files which the commit changes; read only as far as asked."""

    def __init__(self, scan: _Scan, commit: Commit, parent: str) -> None:
        self._scan = scan
        try:
            self.changes = scan.content.changed(commit, parent)
        except TooManyChangesError:
            self.changes = []  # what cannot be shown to be old counts as new

    def has(self, key: Key, path: bytes) -> bool:
        # The same path answers most often; a file that is gone may have been renamed. Other files that merely changed are
        # looked at only where that costs no request: each one would, and a push may change thousands.
        ranked = sorted((each.path != path, each.after is not None, each) for each in self.changes if each.before)
        return any(
            key in _old_keys(self._scan, str(each.before), each.path, may_read=not (elsewhere and stays))
            for elsewhere, stays, each in ranked
        )


def _old_keys(scan: _Scan, blob_id: str, path: bytes, *, may_read: bool) -> frozenset[Key]:
    if blob_id in scan.scanned:
        return _keys(scan.hits.get(blob_id, ()))
    if blob_id not in scan.old_hits:
        if not may_read or len(scan.old_hits) >= OLD_BLOBS_MAX:
            return frozenset()
        data = scan.content.old_blob(blob_id)
        # With its path, as the new version was scanned: what a file is called has a say in what it holds.
        shown = path.decode("utf-8", "surrogateescape")
        matches = scan.scanner.scan(data, path=shown, deadline=scan.deadline).matches if data is not None else ()
        scan.old_hits[blob_id] = _keys(matches)
    return scan.old_hits[blob_id]


def _key(match: Match) -> Key:
    # The generic rules differ by the name before the value only; renaming a variable introduces nothing.
    rule = _GENERIC if match.rule_id.startswith(_GENERIC) else match.rule_id
    return rule, match.secret.reveal()


def _keys(matches: Iterable[Match]) -> frozenset[Key]:
    return frozenset(_key(match) for match in matches)


def _scan_names(scan: _Scan, commits: dict[str, Commit]) -> None:
    entries = list(scan.content.names.items())
    for i in range(0, len(entries), _NAMES_PER_SCAN):
        batch = entries[i : i + _NAMES_PER_SCAN]
        text = b"\n".join(name.replace(b"\n", b" ").replace(b"\r", b" ") for name, _ in batch)
        for match in scan.scanner.scan(text, deadline=scan.deadline).matches:
            place = batch[match.span.start_line - 1][1]
            commit = commits[place.commit]
            if all(_is_new_name(scan, commit, parent, place.path) for parent in commit.parents):
                scan.findings.append(Finding(match, place.shown_path, Source.FILE_NAME, place.commit, commit.author))


def _is_new_name(scan: _Scan, commit: Commit, parent: str, path: bytes) -> bool:
    below = path + b"/"
    try:
        changes = scan.content.changed(commit, parent)
    except TooManyChangesError:
        return True  # it cannot be shown to be old
    touched = [c for c in changes if c.path == path or c.path.startswith(below)]
    return bool(touched) and all(change.before is None for change in touched)


def _scan_message(scan: _Scan, commit: Commit) -> None:
    _scan_text(scan, commit.message, commit.commit_id, commit.author, Source.COMMIT_MESSAGE)
    people = (commit.author, commit.committer) if commit.committer != commit.author else (commit.author,)
    _scan_text(scan, _people(people), commit.commit_id, commit.author, Source.AUTHOR)


def _scan_tag(scan: _Scan, tag: Tag) -> None:
    _scan_text(scan, tag.message, tag.tag_id, tag.tagger, Source.TAG_MESSAGE)
    _scan_text(scan, _people((tag.tagger,)), tag.tag_id, tag.tagger, Source.AUTHOR)


def _people(people: Sequence[Person]) -> bytes:
    return "\n".join(f"{who.name} {who.email}" for who in people).encode("utf-8", "surrogateescape")


def _scan_text(scan: _Scan, text: bytes, object_id: str, author: Person, source: Source) -> None:
    path = f"<{source.value.replace('-', ' ')}>"
    result = scan.scanner.scan(text, deadline=scan.deadline)
    scan.gaps.extend(replace(gap, path=path, commit=object_id) for gap in result.gaps)
    scan.findings.extend(Finding(match, path, source, object_id, author) for match in result.matches)
