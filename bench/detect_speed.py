"""How fast detection is: whole engine, all rules, one thread; and the slowest inputs that we know.

    python bench/detect_speed.py [FOLDER ...]

Prints MB/s of processor time over the files of each folder (by default the standard library and the installed packages of
this Python), then seconds for one megabyte of inputs made to be slow. Reading files is not counted.
"""

from __future__ import annotations

import base64
import site
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

from pushwarden.detect import Scanner, load_scanner

MEGABYTE = 1 << 20
MOST_BYTES = 400 * MEGABYTE


def read(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files under ``folder``, in order, until MOST_BYTES are read."""
    total = 0
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        total += len(content)
        if total > MOST_BYTES:
            return
        yield str(path), content


def measure(scanner: Scanner, folder: Path) -> None:
    files = [
        each
        for each in read(folder)
        if each[0].endswith((".py", ".pyi", ".txt", ".md")) or "site-packages" not in each[0]
    ]
    size = sum(len(content) for _, content in files)
    wall, begin = time.perf_counter(), time.process_time()
    matches = gaps = 0
    for path, content in files:
        result = scanner.scan(content, path=path)
        matches += len(result.matches)
        gaps += len(result.gaps)
    used, wall = time.process_time() - begin, time.perf_counter() - wall
    print(
        f"{folder}: {len(files)} files, {size / 1e6:.0f} MB, {size / used / 1e6:.0f} MB/s of processor time, "
        f"{size / wall / 1e6:.0f} MB/s by the clock, {matches} matches, {gaps} gaps"
    )


def repeat(text: bytes, size: int = MEGABYTE) -> bytes:
    return (text * (size // len(text) + 1))[:size]


def slow_inputs() -> Iterator[tuple[str, bytes]]:
    """Yield inputs that make careless scanners slow."""
    for text in (
        b"a", b"A", b"0", b"=", b" ", b"\t", b"\n", b"\r", b'"', b"'", b"<", b"/", b"\\", b"-", b"_", b":", b"%41", b"&#65;",
        b"\\u0041", b"\\x41", b"key", b"key=", b"key = ", b'key="', b"password", b"password: ", b'secret="" ', b"token ",
        b"https://", b"https://a:", b"a:b@", b"AKIA", b"ghp_", b"eyJ", b"eyJ.", b"-----BEGIN ", b"-----BEGIN RSA PRIVATE KEY-----\n",
        b'"a" + ', b"'a'\n", b"0x41, ", b"41", b"YWJj", b"{{", b"${", b"\xff", b"\x00", b"a\x00", b"aws secret ", b"api_key ",
        b"key=abcdefghijklmnop1234\n", b"password=Tr0ub4dor&3\n", b'"abcdefghijklmnop1234567890"', b'key key= ""=', b"<password>",
        b"stripe twilio datadog algolia ", b"a.b.c.", b"x=y;", b"AKIAQWERTYUIOPASDFGH ", b"Authorization: Basic ", b"--password x ",
    ):  # fmt: skip
        yield repr(text)[1:], repeat(text)
    data = b"some plain text that is long enough to be worth it " * 12_000
    for _ in range(3):
        data = base64.b64encode(data)
    yield "base64 of base64 of base64", data[:MEGABYTE]
    yield "10 MB on one line", repeat(b"lorem ipsum key = value dolor ", 10 * MEGABYTE)


def main() -> None:
    begin = time.perf_counter()
    scanner = load_scanner(cache_dir=Path("/tmp/pushwarden-bench"))
    print(f"{scanner.engine}, {len(scanner.rules)} rules, ready in {time.perf_counter() - begin:.2f} s")
    folders = [Path(each) for each in sys.argv[1:]] or [
        Path(sysconfig.get_path("stdlib")),
        Path(site.getsitepackages()[0]),
    ]
    for folder in folders:
        measure(scanner, folder)
    slow = []
    for name, data in slow_inputs():
        begin = time.process_time()
        result = scanner.scan(data, path="a.txt")
        slow.append((time.process_time() - begin, name, len(result.matches), [gap.code for gap in result.gaps]))
    for seconds, name, matches, gaps in sorted(slow, reverse=True)[:15]:
        print(f"{seconds:6.2f} s  {name}  {matches} matches {' '.join(gaps)}")


if __name__ == "__main__":
    main()
