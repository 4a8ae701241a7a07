from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.history.local.objects import ObjectReader
from pushwarden.history.local.packs import PackError, PackReader, Packs, patched
from pushwarden.history.local.repository import open_repository
from tests.history.local.building import Repo, make_repo


def grow(repo: Repo, versions: int = 12) -> None:
    """Make a history whose packs hold deltas of deltas."""
    rng = random.Random(1)
    lines = [f"line {number} {rng.random()}\n" for number in range(400)]
    for number in range(versions):
        lines[rng.randrange(len(lines))] = f"changed {number} {rng.random()}\n"
        repo.commit(f"version {number}", **{"a.txt": "".join(lines), f"b{number}.txt": str(rng.random()) * 20})
    repo.git("tag", "-a", "v1", "-m", "first")


def all_ids(repo: Repo) -> list[bytes]:
    listed = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return [line.encode() for line in listed.splitlines()]


def by_git(repo: Repo) -> dict[bytes, object]:
    with ObjectReader(open_repository(str(repo.path)).git) as reader:
        return dict(reader.read(all_ids(repo)))


def by_us(repo: Repo) -> dict[bytes, bytes | None]:
    reader = PackReader(open_repository(str(repo.path)).packs())
    return {name: stored and stored.data for name in all_ids(repo) for stored in [reader.read(name)]}


@pytest.mark.parametrize(
    ("formatted", "settings"),
    [
        ("sha1", ()),
        ("sha256", ()),
        ("sha1", ("-c", "repack.useDeltaBaseOffset=false")),
        ("sha1", ("-c", "pack.indexVersion=1")),
        ("sha1", ("-c", "core.compression=0")),
    ],
)
def test_every_object_of_a_pack_is_what_git_says(tmp_path: Path, formatted: str, settings: tuple[str, ...]) -> None:
    repo = make_repo(tmp_path / "repo", f"--object-format={formatted}")
    grow(repo)
    repo.git(*settings, "repack", "-adfq", "--depth=20")
    said = by_git(repo)
    ours = by_us(repo)
    assert len(said) > 40
    old_index = "pack.indexVersion=1" in settings
    assert ours == (dict.fromkeys(said) if old_index else said)  # indexes of version 1 are left to git


def test_objects_are_found_in_each_of_several_packs(repo: Repo) -> None:
    for round_ in range(3):
        repo.commit(f"round {round_}", **{f"f{round_}": f"content {round_}\n" * 50})
        repo.git("repack", "-dq")
    assert len(list((repo.path / ".git/objects/pack").glob("*.idx"))) == 3
    assert by_us(repo) == by_git(repo)


def test_loose_objects_are_left_to_git_and_read_all_the_same(repo: Repo) -> None:
    repo.commit("packed", a="one\n" * 30)
    repo.git("repack", "-adq")
    repo.commit("loose", b="two\n" * 30)
    assert None in by_us(repo).values()
    repository = open_repository(str(repo.path))
    with ObjectReader(repository.git, repository.packs()) as reader:
        assert dict(reader.read(all_ids(repo))) == by_git(repo)


def test_a_damaged_pack_gives_nothing_false(repo: Repo) -> None:
    grow(repo)
    repo.git("repack", "-adfq")
    said = by_git(repo)
    pack = next((repo.path / ".git/objects/pack").glob("*.pack"))
    whole = pack.read_bytes()
    pack.chmod(0o600)
    rng = random.Random(2)
    for _ in range(25):
        broken = bytearray(whole)
        for _ in range(4):
            broken[rng.randrange(12, len(broken) - 20)] ^= 1 << rng.randrange(8)
        pack.write_bytes(broken)
        reader = PackReader(open_repository(str(repo.path)).packs())
        # The checksum of each deflated object and the lengths of deltas and their bases tell.
        read = {name: reader.read(name) for name in said}
        assert all(stored is None or stored.data == said[name] for name, stored in read.items())


@pytest.mark.parametrize("cut", [0, 5, 40, 1000])
def test_a_pack_or_index_that_is_cut_off_is_left_to_git(repo: Repo, cut: int) -> None:
    grow(repo, versions=3)
    repo.git("repack", "-adfq")
    said = by_git(repo)
    for suffix in ("*.pack", "*.idx"):
        file = next((repo.path / ".git/objects/pack").glob(suffix))
        whole = file.read_bytes()
        file.chmod(0o600)
        os.truncate(file, cut)
        reader = PackReader(open_repository(str(repo.path)).packs())
        read = {name: reader.read(name) for name in said}
        assert all(stored is None or stored.data == said[name] for name, stored in read.items())
        file.write_bytes(whole)


def number(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 127
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def copy(offset: int, size: int) -> bytes:
    """Return the instruction that copies, as git-scm.com/docs/gitformat-pack has it; written another way than read."""
    code, rest = 0x80, b""
    for index, byte in enumerate(offset.to_bytes(4, "little") + size.to_bytes(3, "little")):
        if byte:
            code |= 1 << index
            rest += bytes((byte,))
    return bytes((code,)) + rest


STEPS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 299), st.integers(1, 299)),
        st.binary(min_size=1, max_size=127),
    ),
    max_size=12,
)


@given(st.binary(min_size=300, max_size=300), STEPS)
def test_a_delta_copies_and_inserts_what_it_says(base: bytes, steps: list[tuple[int, int] | bytes]) -> None:
    body, made = b"", b""
    for step in steps:
        if isinstance(step, bytes):
            body, made = body + bytes((len(step),)) + step, made + step
        else:
            offset, size = step[0], min(step[1], 300 - step[0])
            body, made = body + copy(offset, size), made + base[offset : offset + size]
    assert patched(base, number(300) + number(len(made)) + body) == made


@given(st.binary(max_size=60))
def test_a_delta_of_noise_ends_in_an_error_or_in_what_it_announces(noise: bytes) -> None:
    try:
        made = patched(b"x" * 100, number(100) + noise)
    except (PackError, IndexError):
        return
    assert len(made) <= 1 << 24


def test_a_delta_that_grows_without_end_is_refused() -> None:
    base = b"x" * 0x10000
    bomb = number(len(base)) + number(1 << 30) + bytes((0x80,)) * 16_384
    with pytest.raises(PackError):
        patched(base, bomb)


def test_a_repository_without_packs_has_no_objects_in_them(repo: Repo) -> None:
    assert Packs.open(repo.path / ".git", 20).find(b"0" * 40) is None
