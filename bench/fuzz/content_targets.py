"""What a file may hold: anything, archives, encodings inside encodings."""

from __future__ import annotations

import base64
import bz2
import functools
import gzip
import io
import lzma
import random
import string
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.fuzz.choices import Choices
from pushwarden.detect import Scanner, load_scanner
from pushwarden.detect.decode.limits import Limits
from pushwarden.model import ScanResult

_PATTERNS: Final = Path(__file__).parents[2] / "patterns"
SECRET: Final = (
    b"aws_secret_access_key = "
    + bytes(random.Random("fuzz").choices((string.ascii_letters + string.digits).encode(), k=40))
    + b"\n"
)
SHORT: Final = 5
"""A secret of fewer characters may be a word that stands on its line by chance."""
LIMITS: Final = Limits(member_bytes=1 << 20, total_bytes=4 << 20, members=200)
_PATHS: Final = ("a.txt", "", "x.zip", "deep.json", "a.py", "A.PNG", "\udcff", "a" * 5000, ".env", "x/../y")


def content(data: bytes) -> None:
    """Fuzz detection: decoders, archives, rules."""
    check(scanner().scan(data, path="a.txt"), data)


def content_made(data: bytes) -> None:
    """Fuzz the decoders with pieces that each of them takes for its own."""
    choices = Choices(data)
    parts: list[bytes] = []
    while choices and len(parts) < 12:
        parts.append(choices.pick(_WRAPPERS)(choices.some() or SECRET) * (1 + choices.number(7)))
    made = b"".join(parts)
    check(scanner().scan(made, path=choices.pick(_PATHS)), made)


def archives(data: bytes) -> None:
    """Fuzz archives that are nearly sound: bombs, cycles, tricks with paths, damage."""
    choices = Choices(data)
    made = choices.some() + SECRET
    for _ in range(1 + choices.number(3)):
        made = choices.pick(_PACKERS)(made, choices)
    for _ in range(choices.number(3)):
        place = choices.number(len(made))
        made = made[:place] + choices.some(8) + made[place + choices.number(8) :]
    if not choices.number(7):
        made = made[: choices.number(len(made))]
    check(scanner().scan(made, path=choices.pick(_PATHS)), made)


def hiding(data: bytes) -> None:
    """Fuzz ways to hide a secret: whatever wraps it without damage, it is found, or the result is incomplete."""
    choices = Choices(data)
    made = SECRET
    text = True
    for _ in range(choices.number(8)):
        hider = choices.pick(_HIDERS if text else _PACKING)
        text, made = hider not in _PACKING, hider(made)
    result = scanner().scan(made, path=choices.pick(_PATHS))
    check(result, made)
    assert result.matches or result.gaps, "hidden"


def check(result: ScanResult, data: bytes) -> None:
    """Assert what holds for every result."""
    for match in result.matches:
        assert 0 <= match.span.start <= match.span.end <= len(data)
        shown = match.secret.reveal().decode("utf-8", "replace")
        assert len(shown) < SHORT or shown not in match.snippet
    for gap in result.gaps:
        assert gap.code
        assert gap.message


@functools.cache
def scanner() -> Scanner:
    """Return a scanner with a few rules: what is fuzzed is the engine."""
    made = load_scanner(rules=[_PATTERNS / "aws.toml", _PATTERNS / "generic.toml"], default_rules=False)
    made.limits = LIMITS
    return made


def _zip(data: bytes, choices: Choices) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(
        file, "w", choices.pick((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    ) as archive:
        for _ in range(1 + choices.number(2)):
            archive.writestr(zipfile.ZipInfo(_name(choices)), data)
    return file.getvalue()


def _tar(data: bytes, choices: Choices) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=choices.pick((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))) as archive:
        for _ in range(1 + choices.number(2)):
            info = tarfile.TarInfo(_name(choices))
            info.size, info.linkname = len(data), _name(choices)
            info.type = choices.pick(
                (
                    tarfile.REGTYPE,
                    tarfile.REGTYPE,
                    tarfile.SYMTYPE,
                    tarfile.LNKTYPE,
                    tarfile.DIRTYPE,
                    tarfile.GNUTYPE_SPARSE,
                )
            )
            archive.addfile(info, io.BytesIO(data))
    made = file.getvalue()
    return made[: -choices.number(2) * 512] if choices.flag() else made


def _name(choices: Choices) -> str:
    return choices.text().encode("utf-8", "replace").decode().replace("\0", "") or "x"


def _bomb(data: bytes, choices: Choices) -> bytes:
    return gzip.compress(data + b"\0" * (choices.number(40) << 16), mtime=0)


def _pdf(data: bytes, choices: Choices) -> bytes:
    stream = b"<</FlateDecode>>stream\n" + zlib.compress(data) + b"\nendstream\n"
    return b"%PDF-1.7\n" + stream * (1 + choices.number(3)) + b"/FlateDecode>>stream\n" * choices.number(40)


def _png(data: bytes, choices: Choices) -> bytes:
    body = b"k\0\0" + zlib.compress(data)
    size = len(body) if choices.number(3) else choices.number(1 << 32)
    chunk = (size & 0xFFFFFFFF).to_bytes(4, "big") + choices.pick((b"zTXt", b"iTXt", b"IDAT")) + body + b"\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk * (1 + choices.number(7))


def _tar_plain(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _zip_plain(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", data)
    return file.getvalue()


_PACKERS: Final[tuple[Callable[[bytes, Choices], bytes], ...]] = (
    _zip, _tar, _bomb, _pdf, _png, lambda data, _: bz2.compress(data), lambda data, _: lzma.compress(data),
    lambda data, _: zlib.compress(data), lambda data, _: base64.b64encode(data) + b"\n",
)  # fmt: skip
_PACKING: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda data: gzip.compress(data, mtime=0), bz2.compress, lzma.compress, zlib.compress, _zip_plain, _tar_plain,
    lambda data: data + gzip.compress(b"x", mtime=0),
)  # fmt: skip
_HIDERS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    *_PACKING,
    lambda data: b"blob: " + base64.b64encode(data) + b"\n", base64.encodebytes,
    lambda data: b"x = " + data.hex().encode() + b"\n",
)  # fmt: skip
_WRAPPERS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    bytes, base64.b64encode, base64.urlsafe_b64encode, lambda data: data.hex().encode(), lambda data: data.hex(" ").encode(),
    lambda data: b"".join(b"\\x%02x" % each for each in data), lambda data: b"".join(b"%%%02X" % each for each in data),
    lambda data: b"".join(b"&#%d;" % each for each in data), lambda data: b"".join(b"\\u%04x" % each for each in data),
    lambda data: b", ".join(b"0x%02x" % each for each in data), lambda data: data.decode("latin-1").encode("utf-16"),
    lambda data: data.decode("latin-1").encode("utf-16-be"), lambda data: b"password = " + data, lambda data: b"-----BEGIN " + data,
    lambda data: b'"' + b'" + "'.join(data[at : at + 5] for at in range(0, len(data), 5)) + b'"', lambda data: b"=?utf-8?B?" + base64.b64encode(data) + b"?=",
    lambda data: b"=\n".join(data[at : at + 60] for at in range(0, len(data), 60)), lambda data: data + b"\n", lambda data: b"key" * len(data),
)  # fmt: skip
