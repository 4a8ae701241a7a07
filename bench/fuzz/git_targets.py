"""What comes over the wire from git, or lies in a repository: packet lines, packs, objects, bundles."""

from __future__ import annotations

import hashlib
import io
import tempfile
import zlib
from pathlib import Path
from typing import Final

from bench.fuzz.choices import Choices
from bench.fuzz.foreseen import foreseen
from pushwarden.aws.githttp import _check_report, _parse_advertisement, _receive_pack_bytes
from pushwarden.aws.pktline import FLUSH, packet, packets
from pushwarden.history.local.packs import INDEX_MAGIC, LARGEST, PackError, PackReader, Packs, patched
from pushwarden.history.objects import Commit, MalformedObjectError, parse_commit, parse_tag
from pushwarden.history.pack import Limits, objects, survey
from pushwarden.history.remote import PackContent
from pushwarden.history.trees import TooManyChangesError, TreeNotHereError, Trees, places
from pushwarden.model import Gap, Person
from pushwarden.respond.bundle import read_header

LIMITS: Final = Limits(object_bytes=1 << 20, total_bytes=8 << 20, pack_bytes=1 << 20)
_NOBODY: Final = Person("", "", "")
_NAMES: Final = (
    b"refs/heads/main",
    b"refs/heads/main^{}",
    b"HEAD",
    b"capabilities^{}",
    b"refs/tags/v1",
    b"refs/heads/\xff \n",
    b"",
)
_IDS: Final = (b"1" * 40, b"0" * 40, b"x" * 40, b"2" * 39, b"")


def wire(data: bytes) -> None:
    """Fuzz packet lines, the advertisement, a fetch's answer and a push's report."""
    foreseen(lambda: list(packets(io.BytesIO(data))))
    foreseen(lambda: _parse_advertisement(io.BytesIO(data)))
    foreseen(lambda: _receive_pack_bytes(io.BytesIO(data), io.BytesIO(), 1 << 20))
    foreseen(lambda: _check_report(io.BytesIO(data), "repository", "refs/heads/main"))


def wire_made(data: bytes) -> None:
    """Fuzz the same with sound packet lines, whose payloads are odd."""
    choices = Choices(data)
    lines: list[bytes] = []
    while choices and len(lines) < 50:
        kind = choices.number(7)
        if kind == 0:
            lines.append(FLUSH)
        elif kind == 1:
            lines.append(packet(choices.some()))
        elif kind == 2:
            lines.append(packet(bytes((choices.number(4),)) + choices.some()))
        elif kind == 3:
            lines.append(
                packet(choices.pick((b"ERR ", b"ACK ", b"NAK\n", b"unpack ", b"ok ", b"ng ")) + choices.some())
            )
        else:
            ending = b"\0" + choices.some(60) if choices.flag() else b"\n"
            lines.append(packet(choices.pick(_IDS) + b" " + choices.pick(_NAMES) + ending))
    wire(b"".join(lines))


def packs(data: bytes) -> None:
    """Fuzz packs: truncated, flipped, with loops of deltas and sizes that are lies."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        path = Path(file.name)

        def read() -> None:
            total = 0
            for each in objects(path, survey(path, LIMITS)):
                total += len(each.content)
                assert len(each.content) <= LIMITS.object_bytes
            assert total <= LIMITS.total_bytes

        foreseen(read)
        content = PackContent(None, "repository", path=path, limits=LIMITS, tips=("1" * 40,))  # type: ignore[arg-type]
        foreseen(lambda: list(content.blobs()))


def packs_made(data: bytes) -> None:
    """Fuzz packs whose frame is sound, checksums too, and whose objects and deltas are odd."""
    packs(make_pack(Choices(data))[0])


def local_packs(data: bytes) -> None:
    """Fuzz the packs of a repository on this machine, with an index that a stranger wrote."""
    choices = Choices(data)
    pack, offsets = make_pack(choices)
    names = sorted(hashlib.sha1(bytes((number,))).digest() for number in range(len(offsets)))
    if choices.flag():
        offsets = [choices.number(1 << 33) if choices.flag() else offset for offset in offsets]
    index = bytearray(make_index(names, offsets))
    for _ in range(choices.number(3)):
        index[choices.number(len(index) - 1)] = choices.number(255)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "objects" / "pack"
        place.mkdir(parents=True)
        (place / "pack-1.pack").write_bytes(pack)
        (place / "pack-1.idx").write_bytes(index[: choices.number(len(index))] if choices.flag() else index)
        reader = PackReader(Packs.open(Path(folder), 20))
        for name in names:
            content = reader.read(name.hex().encode())
            assert content is None or len(content.data) <= LARGEST


def deltas(data: bytes) -> None:
    """Fuzz what applies a delta to its base."""
    choices = Choices(data)
    base = choices.some() * choices.number(255)
    delta = make_delta(choices, len(base)) if choices.flag() else choices.rest()
    try:
        assert len(patched(base, delta)) <= LARGEST
    except (PackError, IndexError):
        return


def git_objects(data: bytes) -> None:
    """Fuzz commits, tags, trees and bundles."""
    for parse in (parse_commit, parse_tag):
        try:
            parse("0" * 40, data)
        except MalformedObjectError:
            continue
    foreseen(lambda: read_header(io.BytesIO(data)))
    trees, gaps = Trees({"1" * 40: data}), list[Gap]()
    places([Commit("2" * 40, "1" * 40, (), _NOBODY, _NOBODY, b"")], trees, gaps)
    try:
        list(trees.diff(None, "1" * 40))
    except (TreeNotHereError, TooManyChangesError, MalformedObjectError):
        return


def make_pack(choices: Choices) -> tuple[bytes, list[int]]:
    """Return a pack and where its objects begin."""
    body, offsets = bytearray(), list[int]()
    count = 1 + choices.number(7)
    for _ in range(count):
        offsets.append(12 + len(body))
        kind = choices.pick((1, 2, 3, 4, 6, 6, 7, 7, 3, 0, 5))
        content = (
            make_delta(choices, choices.number(600)) if kind in {6, 7} else choices.some() * (1 + choices.number(4))
        )
        size = len(content) if choices.number(7) else choices.number(1 << 40)
        body += _entry_head(kind, size)
        if kind == 6:
            back = offsets[-1] - choices.pick(offsets) if choices.number(7) else choices.number(1 << 40)
            body += _back(back)
        elif kind == 7:
            body += (
                hashlib.sha1(bytes((choices.number(7),))).digest()
                if choices.flag()
                else choices.take(20).ljust(20, b"\0")
            )
        body += zlib.compress(content) if choices.number(15) else choices.some()
    head = b"PACK\0\0\0\2" + (count if choices.number(15) else choices.number(1 << 32) & 0xFFFFFFFF).to_bytes(4, "big")
    made = head + bytes(body)
    for _ in range(choices.number(2)):
        place = choices.number(len(made) - 1)
        made = made[:place] + choices.take(1) + made[place + 1 :]
    return made + hashlib.sha1(made).digest(), offsets


def make_delta(choices: Choices, base_bytes: int) -> bytes:
    """Return a delta for a base of so many bytes; it may lie about its sizes, or copy too much."""
    steps, made = bytearray(), 0
    for _ in range(choices.number(6)):
        if choices.flag():
            added = choices.some(127) or b"x"
            steps += bytes((len(added),)) + added
            made += len(added)
        elif choices.number(7):
            size = min(base_bytes, 1 + choices.number(255))
            steps += bytes((0x90, size)) if size < 256 else b""
            made += size
        else:
            steps += bytes((0x80 | choices.number(127),)) + choices.some(7)
    repeat = 1 + (choices.number(4000) if not choices.number(7) else 0)
    target = made * repeat if choices.number(7) else choices.number(1 << 60)
    lengths = _varint(base_bytes) + _varint(target)
    if not choices.number(31):
        lengths = b"\xff" * choices.number(60_000) + lengths
    return lengths + bytes(steps) * repeat


def make_index(names: list[bytes], offsets: list[int]) -> bytes:
    """Return the index of a pack, version 2."""
    fanout = b"".join(sum(name[0] <= first for name in names).to_bytes(4, "big") for first in range(256))
    small = b"".join((min(1 << 31, each)).to_bytes(4, "big") for each in offsets)
    large = b"".join(each.to_bytes(8, "big") for each in offsets if each >= 1 << 31)
    return INDEX_MAGIC + fanout + b"".join(names) + b"\0\0\0\0" * len(names) + small + large + b"\0" * 40


def _entry_head(kind: int, size: int) -> bytes:
    head, size = [kind << 4 | size & 15], size >> 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head)


def _varint(number: int) -> bytes:
    out = []
    while True:
        out.append(number & 0x7F | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def _back(offset: int) -> bytes:
    out = [offset & 0x7F]
    while offset := offset >> 7:
        offset -= 1
        out.append(0x80 | offset & 0x7F)
    return bytes(reversed(out))
