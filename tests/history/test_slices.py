"""Slices of a history: together they are everything, apart they are bounded, and git agrees."""

from __future__ import annotations

import hashlib
import random
import subprocess
import zlib
from pathlib import Path

import pytest
from dulwich.pack import create_delta
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.history.graph import GraphComplete, GraphReader
from pushwarden.history.pack import PackDamagedError
from pushwarden.history.slices import History, history

Graph = dict[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    found: Graph = {}
    for number in range(draw(st.integers(1, 30))):
        parents = draw(st.sets(st.sampled_from(sorted(found)), max_size=3)) if found else set()
        found[f"{number:040x}"] = tuple(sorted(parents))
    return found


def reach(graph: Graph, tips: set[str]) -> set[str]:
    seen: set[str] = set()
    waiting = list(tips)
    while waiting:
        commit = waiting.pop()
        if commit not in seen:
            seen.add(commit)
            waiting += graph[commit]
    return seen


@given(graphs(), st.data(), st.integers(1, 7))
def test_each_slice_wants_exactly_its_own_commits(graph: Graph, data: st.DataObject, size: int) -> None:
    commits = st.sets(st.sampled_from(sorted(graph)))
    tips, known = data.draw(commits), data.draw(commits)
    cut = history(graph, tips, known)

    covered: list[str] = []
    for start, end in cut.slices(size):
        brought = reach(graph, set(cut.wants(start, end))) - reach(graph, set(cut.haves(start)))
        assert brought == set(cut.commits[start:end])
        assert len(brought) <= size
        covered += brought

    assert sorted(covered) == sorted(reach(graph, tips) - reach(graph, known))


@given(graphs())
def test_a_history_comes_back_from_its_bytes(graph: Graph) -> None:
    cut = history(graph, graph, tags=["f" * 40])

    assert History.from_bytes(cut.to_bytes()) == cut


def test_annotated_tags_are_a_slice_of_their_own_at_the_end() -> None:
    cut = history({"a" * 40: ()}, ["a" * 40], tags=["f" * 40])

    assert cut.slices() == [(0, 1), (1, 1)]
    assert cut.wants(1, 1) == ("f" * 40,)
    assert cut.haves(1) == ("a" * 40,)


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    who = {f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", **who},
    )
    return done.stdout


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, set[str], bytes]:
    """A repository with merges whose commits are similar enough to be packed as deltas: tip, commits, pack."""
    folder = tmp_path_factory.mktemp("graph")
    git(folder, "init", "-q", "-b", "main")
    message = "Much of this message is the same every time, so that git stores a difference. " * 20
    for i in range(12):
        (folder / "file.txt").write_text("line\n" * 5000 + str(i))
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"{message}{i}")
        if i == 5:
            git(folder, "branch", "side")
    git(folder, "checkout", "-q", "side")
    git(folder, "commit", "-q", "--allow-empty", "-m", f"{message}side")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", f"{message}merge", "side")
    git(folder, "tag", "-a", "-m", "Release", "v1")
    tip = git(folder, "rev-parse", "HEAD").decode().strip()
    commits = set(git(folder, "rev-list", "HEAD").decode().split())
    pack = git(folder, "pack-objects", "--revs", "--stdout", "-q", "--depth=10", stdin=b"HEAD\nv1\n")
    return tip, commits, pack


def feed(reader: GraphReader, pack: bytes, chunk: int) -> int:
    """Write a pack in pieces; return how many bytes the reader took until it had enough."""
    for start in range(0, len(pack), chunk):
        try:
            reader.write(pack[start : start + chunk])
        except GraphComplete:
            return start + chunk
    return len(pack) + 1


@pytest.mark.parametrize("chunk", [1, 7, 100, 10_000_000])
def test_commits_are_read_from_the_head_of_a_pack_in_pieces_of_any_size(
    packed: tuple[str, set[str], bytes], chunk: int
) -> None:
    tip, commits, pack = packed
    reader = GraphReader([tip])
    read = feed(reader, pack, chunk)

    assert set(reader.parents()) == commits
    assert chunk > len(pack) or read < len(pack) * 0.9  # the trees and files were not waited for


def test_a_pack_that_ends_before_every_commit_came_is_no_history(packed: tuple[str, set[str], bytes]) -> None:
    tip, _, pack = packed
    reader = GraphReader([tip])
    reader.write(pack[:200])

    with pytest.raises(PackDamagedError, match="did not come whole"):
        reader.parents()


@given(st.randoms(use_true_random=False), st.binary(max_size=60))
def test_damaged_packs_end_in_an_error_or_an_answer_never_in_a_crash(source: random.Random, noise: bytes) -> None:
    body = bytearray(b"PACK\0\0\0\2\0\0\0\5" + noise + source.randbytes(200))
    reader = GraphReader(["a" * 40])

    def read() -> None:
        reader.write(bytes(body))
        reader.parents()

    with pytest.raises(PackDamagedError):
        read()


def entry(kind: int, content: bytes, base: str = "") -> bytes:
    size = len(content)
    head = [kind << 4 | size & 15]
    size >>= 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head) + bytes.fromhex(base) + zlib.compress(content)


def test_a_long_chain_of_deltas_whose_bases_come_last_is_no_trouble() -> None:
    contents = [b"tree %s\n\n%d" % (b"a" * 40, i) for i in range(3000)]
    ids = [hashlib.sha1(b"commit %d\0%s" % (len(each), each)).hexdigest() for each in contents]
    entries = [
        entry(7, b"".join(create_delta(contents[i - 1], contents[i])), ids[i - 1]) for i in range(len(ids) - 1, 0, -1)
    ]
    pack = b"PACK\0\0\0\2" + len(ids).to_bytes(4, "big") + b"".join(entries) + entry(1, contents[0]) + b"\0" * 20
    reader = GraphReader([ids[-1]])
    reader.write(pack)

    assert set(reader.parents()) == set(ids)


def test_a_delta_that_asks_for_gigabytes_is_refused() -> None:
    base = b"tree %s\n\nx" % (b"a" * 40)
    base_id = hashlib.sha1(b"commit %d\0%s" % (len(base), base)).hexdigest()
    bomb = bytes([len(base)]) + b"\xff\xff\xff\xff\x0f" + b"\x90\x0a" * 100
    reader = GraphReader([base_id])

    with pytest.raises(PackDamagedError, match="larger than CodeCommit allows"):
        reader.write(b"PACK\0\0\0\2\0\0\0\2" + entry(1, base) + entry(7, bomb, base_id) + b"\0" * 20)
