"""The raw output of ``git log``."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from pushwarden.history.local.blobs import variant
from pushwarden.history.local.log import Change, Commit, parse, tokens
from pushwarden.history.local.reach import reaching, short

A, B, C, ZERO = b"a" * 40, b"b" * 40, b"c" * 40, b"0" * 40

PATHS = st.binary(min_size=1, max_size=20).filter(lambda path: b"\0" not in path)
IDS = st.sampled_from([A, B, C, ZERO])


@st.composite
def commits(draw: st.DrawFn) -> Commit:
    parents = draw(st.lists(IDS, max_size=3))
    count = max(1, len(parents))
    changes = draw(
        st.lists(
            st.builds(
                Change,
                path=PATHS,
                mode=st.sampled_from([b"100644", b"120000", b"160000", b"000000"]),
                new=IDS,
                old=st.lists(IDS, min_size=count, max_size=count).map(tuple),
            ),
            max_size=4,
        )
    )
    return Commit(draw(IDS), tuple(parents), tuple(changes))


def as_git_writes(commit: Commit) -> bytes:
    out = b"\x01" + commit.id + b" " + b" ".join(commit.parents) + b"\0"
    for index, change in enumerate(commit.changes):
        count = len(change.old)
        modes = [b"100644"] * count + [change.mode]
        line = b":" * count + b" ".join([*modes, *change.old, change.new, b"M" * count])
        out += (b"\n" if index == 0 and count == 1 else b"") + line + b"\0" + change.path + b"\0"
    return out


@given(st.lists(commits(), max_size=4))
def test_what_git_writes_is_read_back(history: list[Commit]) -> None:
    stream = io.BytesIO(b"".join(map(as_git_writes, history)))
    assert list(parse(tokens(stream))) == history


def test_log_that_is_cut_off_gives_what_is_whole() -> None:
    whole = as_git_writes(Commit(A, (), (Change(b"x", b"100644", B, (ZERO,)),)))
    assert list(parse(tokens(io.BytesIO(whole + b"\x01" + C)))) == [
        Commit(A, (), (Change(b"x", b"100644", B, (ZERO,)),)),
        Commit(C, (), ()),
    ]


def test_refs_reach_their_ancestors_only() -> None:
    graph = [(A, (B,)), (C, (B,)), (B, ())]
    found = reaching(graph, {"refs/heads/main": A, "refs/tags/v1": C}, {A, B})
    assert found == {A: frozenset({"refs/heads/main"}), B: frozenset({"refs/heads/main", "refs/tags/v1"})}


def test_ref_names_are_short_for_people() -> None:
    assert [short(name) for name in ("refs/heads/a/b", "refs/tags/v1", "refs/stash")] == ["a/b", "tags/v1", "stash"]


def test_variant_is_what_rules_may_look_at() -> None:
    assert variant(b"src/Deep/File.PY") == b"file.py"
    assert variant(b"home/.aws/Credentials") == b".aws/credentials"
