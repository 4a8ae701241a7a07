"""A second scan reads little and says the same."""

from __future__ import annotations

import base64
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pushwarden.history.local.history import Context
from pushwarden.history.local.memory import Memory
from pushwarden.history.local.model import Outcome
from pushwarden.history.local.scan import scan_repository
from pushwarden.model import ScanResult
from tests.history.local.building import (
    Repo,
    change_at_random,
    context_of,
    make_repo,
    one_rule,
    places,
    secrets_of,
    token,
)


class Counting:
    """A scanner that counts its calls."""

    def __init__(self) -> None:
        self.scanner = one_rule()
        self.calls = 0

    def scan(self, data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
        self.calls += 1
        return self.scanner.scan(data, path=path, deadline=deadline)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "cache", "rules")


def remembering(repo: Repo, memory: Memory) -> Context:
    return replace(context_of(repo.path), memory=memory)


def in_order(outcome: Outcome) -> Outcome:
    return replace(outcome, found=tuple(sorted(outcome.found, key=repr)))


def calls(repo: Repo, memory: Memory) -> int:
    counting = Counting()
    scan_repository(replace(remembering(repo, memory), scanner=counting))
    return counting.calls


def test_second_scan_reads_only_blobs_with_findings(repo: Repo, memory: Memory) -> None:
    repo.commit(secret=token(1))
    for number in range(30):
        repo.commit(**{f"file{number}": f"line {number}\n"})
    assert calls(repo, memory) > 60
    assert calls(repo, memory) < 5


def test_second_scan_scans_none_of_many_blobs_with_findings_again(repo: Repo, memory: Memory) -> None:
    for number in range(20):
        repo.commit(a=f"{token(1)}\nline {number}\n{token(2)} # pushwarden:allow\n")
    first = scan_repository(remembering(repo, memory))
    assert calls(repo, memory) < 5
    assert scan_repository(remembering(repo, memory)) == first
    assert [each.allowed for each in first.found] == [False, True]


def test_second_scan_decodes_again_because_the_secret_stands_nowhere_in_the_open(repo: Repo, memory: Memory) -> None:
    repo.commit(a=base64.b64encode(f"key = {token(1)}".encode()), b=f"key = {token(2)}\n".encode("utf-16"), c=token(3))
    first = scan_repository(remembering(repo, memory))
    assert secrets_of(first) == sorted([token(1), token(2), token(3)])
    assert {each.finding.match.decoded_from for each in first.found} == {("base64",), ("utf-16",), ()}
    assert scan_repository(remembering(repo, memory)) == first


def test_findings_are_kept_under_each_name_for_which_a_blob_was_scanned(repo: Repo, memory: Memory) -> None:
    repo.commit(**{"a.txt": token(1), "b.txt": token(1), "c.md": token(2)})
    scan_repository(remembering(repo, memory))
    repo.git("mv", "c.md", ".npmrc")
    repo.commit("rename", **{"d.txt": token(1)})
    assert in_order(scan_repository(remembering(repo, memory))) == in_order(scan_repository(context_of(repo.path)))


def test_second_scan_reads_what_is_new(repo: Repo, memory: Memory) -> None:
    for number in range(10):
        repo.commit(**{f"f{number}": f"line {number}\n"})
    calls(repo, memory)
    added = repo.commit(new=token(1))
    outcome = scan_repository(remembering(repo, memory))
    assert places(outcome) == [("new", token(1), added)]
    assert calls(repo, memory) < 5


@pytest.mark.parametrize("seed", range(2))
def test_scans_with_and_without_memory_say_the_same(repo: Repo, memory: Memory, seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    repo.commit(a="start\n")
    for step in range(10):
        change_at_random(repo, rng, step)
        remembered = scan_repository(remembering(repo, memory))
        whole = scan_repository(context_of(repo.path))
        assert in_order(remembered) == in_order(whole)


def test_repack_is_no_reason_to_miss_something(repo: Repo, memory: Memory) -> None:
    repo.commit(a=token(1))
    scan_repository(remembering(repo, memory))
    repo.commit(b=token(2))
    repo.git("gc", "-q")
    assert secrets_of(scan_repository(remembering(repo, memory))) == sorted([token(1), token(2)])


def test_lost_object_is_noticed(repo: Repo, memory: Memory) -> None:
    repo.commit(a=token(1))
    scan_repository(remembering(repo, memory))
    blob = repo.git("rev-parse", "HEAD:a")
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert [gap.code for gap in scan_repository(remembering(repo, memory)).gaps] == ["missing-objects"]


def test_pruned_objects_are_not_counted_any_more(repo: Repo, memory: Memory) -> None:
    repo.commit(a="first")
    repo.commit(a="second")
    scan_repository(remembering(repo, memory))
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("prune", "--expire=now")
    again = scan_repository(remembering(repo, memory))
    assert again == scan_repository(context_of(repo.path))
    assert (again.counts.commits, secrets_of(again)) == (1, [])


def test_another_repository_at_the_same_place_is_a_new_one(tmp_path: Path, memory: Memory) -> None:
    first = make_repo(tmp_path / "place")
    first.commit(a=token(1), b="words")
    scan_repository(remembering(first, memory))
    shutil.rmtree(first.path)
    second = make_repo(tmp_path / "place")
    second.commit(c=token(2))
    again = scan_repository(remembering(second, memory))
    assert again == scan_repository(context_of(second.path))
    assert secrets_of(again) == [token(2)]


def test_incomplete_scan_is_not_remembered(repo: Repo, memory: Memory) -> None:
    repo.commit(a=token(1), b="x")
    blob = repo.git("rev-parse", "HEAD:b")
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for _ in range(2):
        assert [gap.code for gap in scan_repository(remembering(repo, memory)).gaps] == ["missing-objects"]


def test_other_rules_do_not_use_what_was_learnt_with_these(repo: Repo, memory: Memory) -> None:
    repo.commit(a="x\n")
    first = calls(repo, memory)
    assert calls(repo, replace(memory, rules="others")) == first


def test_old_blob_at_a_new_name_is_scanned_for_that_name(repo: Repo, memory: Memory) -> None:
    repo.commit(a="x\n")
    calls(repo, memory)
    repo.git("mv", "a", ".npmrc")
    repo.commit("rename")
    seen: list[str] = []
    counting = Counting()
    counting.scanner = one_rule()
    original = counting.scan

    def scan(data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
        seen.append(path)
        return original(data, path=path, deadline=deadline)

    counting.scan = scan  # type: ignore[method-assign]
    scan_repository(replace(remembering(repo, memory), scanner=counting))
    assert ".npmrc" in seen


def test_no_secret_is_kept(repo: Repo, memory: Memory) -> None:
    repo.commit(f"message {token(1)}", a=token(2), b="x")
    repo.git("tag", "-a", "v1", "-m", token(3))
    scan_repository(remembering(repo, memory))
    kept = b"".join(path.read_bytes() for path in memory.folder.rglob("*") if path.is_file())
    assert kept
    assert not [number for number in (1, 2, 3) if token(number).encode() in kept]


def test_secret_in_a_name_keeps_the_state_from_being_written(repo: Repo, memory: Memory) -> None:
    repo.commit(**{f"x-{token(1)}": "x"})
    for _ in range(2):
        assert secrets_of(scan_repository(remembering(repo, memory))) == [token(1)]
    assert not list(memory.folder.rglob("state.json"))


def test_damaged_memory_is_no_reason_to_fail(repo: Repo, memory: Memory) -> None:
    repo.commit(a=token(1))
    scan_repository(remembering(repo, memory))
    (state,) = memory.folder.rglob("state.json")
    for content in (b"", b"{", b"[]", b'{"format": 1}'):
        state.write_bytes(content)
        assert secrets_of(scan_repository(remembering(repo, memory))) == [token(1)]


def test_memory_that_cannot_be_written_is_no_reason_to_fail(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a=token(1))
    (tmp_path / "file").write_text("")
    outcome = scan_repository(remembering(repo, Memory(tmp_path / "file", "rules")))
    assert secrets_of(outcome) == [token(1)]
