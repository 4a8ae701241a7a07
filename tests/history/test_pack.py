"""Packs from a hostile sender: whatever the bytes say, an answer or a clear error, within bounds."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.history.pack import BLOB, COMMIT, TREE, Limits, PackDamagedError, PackTooBigError, objects, survey


def entry(kind: int, size: int, body: bytes, base: bytes = b"") -> bytes:
    first, size = (kind << 4) | (size & 15), size >> 4
    head = bytearray()
    while size:
        head.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    head.append(first)
    return bytes(head) + base + zlib.compress(body)


def pack(*entries: bytes, count: int | None = None) -> bytes:
    body = b"PACK" + struct.pack(">II", 2, len(entries) if count is None else count) + b"".join(entries)
    return body + hashlib.sha1(body).digest()


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "x.pack"
    path.write_bytes(data)
    return path


def real_pack(tmp_path: Path) -> bytes:
    repo = tmp_path / "repo"
    git = ["git", "-C", str(repo), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    for number in range(5):
        (repo / "a.txt").write_text("a line that stays\n" * 100 + f"{number}\n")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", str(number)], check=True)
    done = subprocess.run(
        [*git, "pack-objects", "--revs", "--stdout", "-q"], input=b"HEAD\n", capture_output=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return real_pack(tmp_path_factory.mktemp("sound"))


def test_a_pack_of_gits_own_is_read_whole_with_its_deltas(sound: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, sound)
    found = list(objects(path, survey(path, Limits())))

    assert sorted(each.kind for each in found) == [COMMIT] * 5 + [TREE] * 5 + [BLOB] * 5
    for each in found:
        word = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob"}[each.kind]
        assert each.object_id == hashlib.sha1(b"%s %d\0" % (word, len(each.content)) + each.content).hexdigest()


def test_an_empty_pack_holds_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, pack())

    assert list(objects(path, survey(path, Limits()))) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PACK",
        b"KCAP" + bytes(40),
        pack(count=3),
        pack(entry(BLOB, 3, b"abc"), count=2),
        pack(entry(BLOB, 3, b"abc"), entry(BLOB, 3, b"abc"), count=1),
        pack(entry(BLOB, 5, b"abc")),
        pack(entry(BLOB, 2, b"abc")),
        pack(entry(0, 3, b"abc")),
        pack(entry(5, 3, b"abc")),
        pack(entry(BLOB, 3, b"abc")[:-3]),
        pack(entry(7, 4, b"\x03\x03\x90\x03", bytes(20))),
        pack(entry(6, 4, b"\x03\x03\x90\x03", b"\x7f")),
    ],
    ids=str,
)
def test_a_damaged_pack_is_refused(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path, data)
    with pytest.raises((PackDamagedError, ValueError)):
        list(objects(path, survey(path, Limits())))


def test_a_cycle_of_deltas_is_refused(tmp_path: Path) -> None:
    # Each names the other as its base by an id that only the other could have.
    delta = b"\x03\x03\x90\x03"
    data = pack(entry(7, len(delta), delta, b"\x01" * 20), entry(7, len(delta), delta, b"\x02" * 20))
    path = written(tmp_path, data)
    with pytest.raises(PackDamagedError):
        list(objects(path, survey(path, Limits())))


def test_an_object_beyond_the_limit_is_left_out_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, pack(entry(BLOB, 5000, b"x" * 5000), entry(BLOB, 3, b"abc")))
    found = survey(path, Limits(object_bytes=1000))

    assert found.oversized == (5000,)
    assert [each.content for each in objects(path, found)] == [b"abc"]


def test_a_delta_that_would_blow_up_is_left_out_and_said(tmp_path: Path) -> None:
    # 3 bytes of source, a claimed target of 2**34 bytes.
    delta = b"\x03" + b"\x80\x80\x80\x80\x40" + b"\x90\x03"
    base = hashlib.sha1(b"blob 3\0abc").digest()
    path = written(tmp_path, pack(entry(BLOB, 3, b"abc"), entry(7, len(delta), delta, base)))
    found = survey(path, Limits(object_bytes=1 << 20))

    assert found.oversized == (1 << 34,)
    assert [each.content for each in objects(path, found)] == [b"abc"]


def test_a_pack_that_unpacks_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, pack(*(entry(BLOB, 1000, bytes([i]) * 1000) for i in range(5))))
    with pytest.raises(PackTooBigError):
        survey(path, Limits(total_bytes=4000))


def test_a_claimed_size_is_not_believed(tmp_path: Path) -> None:
    path = written(tmp_path, pack(entry(BLOB, 1 << 40, b"abc")))
    with pytest.raises(PackDamagedError):
        survey(path, Limits())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bits_and_cuts_end_in_a_clear_error_or_sound_objects(
    sound: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, len(damaged)))
    path = written(tmp_path, bytes(damaged[:cut]) if data.draw(st.booleans()) else bytes(damaged))
    try:
        for each in objects(path, survey(path, Limits(object_bytes=1 << 20, total_bytes=1 << 24))):
            assert len(each.content) <= 1 << 20
    except (PackDamagedError, PackTooBigError):
        pass
