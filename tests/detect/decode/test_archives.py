"""Archives, compressed files and documents are unpacked within limits; what a limit cuts off is said."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.detect import Scanner
from pushwarden.detect.decode.archives import unpack
from pushwarden.detect.decode.limits import Budget, Limits
from pushwarden.detect.decode.packed import is_packed
from tests.detect.conftest import made_up, token

RAW = token().encode()
TEXT = b"words\n" * 3 + b"token = " + RAW + b"\nafter\n"


def zipped(content: bytes, name: str = "inner/a.txt", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def tarred(content: bytes, mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        info = tarfile.TarInfo("x/y.txt")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def picture(kind: bytes, body: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(kind, body) + chunk(b"IEND", b"")


WORD = b"<?xml?><w:p><w:r><w:t>" + RAW[:9] + b"</w:t></w:r><w:r><w:t>" + RAW[9:] + b"</w:t></w:r></w:p>"
CASES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "zip": (zipped(TEXT), ("zip:inner/a.txt",)),
    "zip in zip": (zipped(zipped(TEXT), "b.jar"), ("zip:b.jar", "zip:inner/a.txt")),
    "gzip": (gzip.compress(TEXT), ("gzip",)),
    "gzip of two streams": (gzip.compress(b"first\n") + gzip.compress(TEXT), ("gzip",)),
    "bzip2": (bz2.compress(TEXT), ("bzip2",)),
    "xz": (lzma.compress(TEXT), ("xz",)),
    "zlib": (zlib.compress(TEXT), ("zlib",)),
    "tar with gzip": (tarred(TEXT, "w:gz"), ("gzip",)),
    "word document": (zipped(WORD, "word/document.xml"), ("zip:word/document.xml",)),
    "word document, in one piece": (
        zipped(b"<w:document><w:p>" + TEXT + b"</w:p></w:document>", "word/document.xml"),
        ("zip:word/document.xml",),
    ),
    "picture, zTXt": (picture(b"zTXt", b"Comment\0\0" + zlib.compress(TEXT)), ("png:Comment",)),
    "picture, iTXt": (picture(b"iTXt", b"XML\0\1\0en\0\0" + zlib.compress(TEXT)), ("png:XML",)),
    "picture, tEXt": (picture(b"tEXt", b"Comment\0" + RAW), ()),
    "pdf": (b"%PDF-1.7\n1 0 obj<</Filter/FlateDecode>>stream\n" + zlib.compress(TEXT) + b"\nendstream", ("pdf",)),
    "stored zip": (zipped(TEXT, method=zipfile.ZIP_STORED), ()),
    "tar": (tarred(TEXT), ()),
}


@pytest.mark.parametrize(("data", "chain"), CASES.values(), ids=CASES.keys())
def test_a_secret_in_an_archive_is_found_once_and_the_way_to_it_is_told(
    fast: Scanner, data: bytes, chain: tuple[str, ...]
) -> None:
    result = fast.scan(data, path="some.bin")

    assert result.gaps == ()
    assert [(each.secret.reveal(), each.decoded_from) for each in result.matches] == [(RAW, chain)]
    span = result.matches[0].span
    assert 0 <= span.start < span.end <= len(data)
    assert RAW.decode() not in result.matches[0].snippet


def test_rules_for_paths_see_the_path_inside(fast: Scanner) -> None:
    data = zipped(f"_pw={made_up(10)}\n".encode(), "home/.testrc")

    assert [each.rule_id for each in fast.scan(data, path="backup.zip").matches] == ["test-path"]


def test_archives_deeper_than_the_limit_make_the_result_incomplete(fast: Scanner) -> None:
    data = TEXT
    for _ in range(fast.limits.archive_depth + 1):
        data = zipped(data, "x.zip")

    result = fast.scan(data)

    assert result.matches == ()
    assert [gap.code for gap in result.gaps] == ["archive-depth"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (zipped(TEXT)[:60], "unreadable"),
        (gzip.compress(TEXT * 50)[:30] + b"\0" * 9, "unreadable"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(40), "unsupported-archive"),
        (b"Rar!\x1a\x07\x00" + bytes(40), "unsupported-archive"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "unsupported-archive"),
    ],
    ids=["cut zip", "broken gzip", "7z", "rar", "zstd"],
)
def test_what_cannot_be_unpacked_makes_the_result_incomplete(fast: Scanner, data: bytes, code: str) -> None:
    result = fast.scan(data, path="a/b.bin")

    assert [(gap.code, gap.path) for gap in result.gaps] == [(code, "a/b.bin")]
    assert "scan" in result.gaps[0].message


def test_an_encrypted_member_makes_the_result_incomplete(fast: Scanner) -> None:
    data = bytearray(zipped(TEXT))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1

    assert [gap.code for gap in fast.scan(bytes(data)).gaps] == ["encrypted"]


SMALL = Limits(member_bytes=10_000, total_bytes=25_000, members=3, ratio=10)


def budget(limits: Limits = SMALL) -> Budget:
    return Budget(limits, "x.zip", None)


def many(files: int, size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(files):
            archive.writestr(f"{number}.txt", made_up(100) * (size // 100))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [(many(5, 100), "archive-members"), (many(1, 200_000), "archive-size"), (many(3, 9_900), "archive-size")],
    ids=["too many files", "a file too large", "all together too large"],
)
def test_each_limit_is_kept_and_said(data: bytes, code: str) -> None:
    limited = budget()

    unpacked = sum(len(member.data) for member in unpack(data, limited))

    assert [gap.code for gap in limited.gaps] == [code]
    assert unpacked <= SMALL.total_bytes


def test_a_bomb_is_not_unpacked_to_the_end() -> None:
    limited = budget(Limits(ratio=50))
    bomb = gzip.compress(bytes(80 << 20), 9)

    unpacked = sum(len(member.data) for member in unpack(bomb, limited))

    assert unpacked <= 11 << 20
    assert [gap.code for gap in limited.gaps] == ["archive-size"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 300_000])
def test_every_byte_of_a_stream_is_unpacked(pack: Callable[[bytes], bytes], size: int) -> None:
    content = (made_up(997).encode() * (size // 997 + 1))[:size]
    limited = budget(Limits())

    assert b"".join(member.data for member in unpack(pack(content), limited)) == content
    assert limited.gaps == []


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_stream_that_is_cut_short_is_unpacked_as_far_as_it_goes_and_said(pack: Callable[[bytes], bytes]) -> None:
    limited = budget(Limits())
    packed = pack(made_up(5000).encode())

    list(unpack(packed[: len(packed) // 2], limited))

    assert [gap.code for gap in limited.gaps] == ["unreadable"]


def test_text_that_begins_like_zlib_is_no_broken_archive(fast: Scanner) -> None:
    assert fast.scan(b"x^2 + y^2 = 1\n").gaps == ()
    assert fast.scan(b"BZhou was here\n").gaps == ()


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([zipped(TEXT), gzip.compress(TEXT), tarred(b"x"), lzma.compress(TEXT), CASES["picture, zTXt"][0]]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(0, 400),
)
def test_no_damage_breaks_a_scan(fast: Scanner, data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value

    fast.scan(bytes(damaged[: len(damaged) - cut % len(damaged)]))


def test_only_what_begins_like_an_archive_is_one() -> None:
    packed: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress, zlib.compress, zipped, tarred]

    assert all(is_packed(pack(TEXT)) for pack in packed)
    assert not is_packed(TEXT)
    assert not is_packed(b"")
