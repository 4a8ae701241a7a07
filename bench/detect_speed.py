"""How fast detection is: whole engine, all rules, one thread; and the slowest inputs that we know.

    python bench/detect_speed.py [FOLDER ...]

Prints MB/s of processor time over the files of each folder: by default the code and text of the standard library and of the
installed packages of this Python. Then the seconds for one megabyte of inputs made to be slow. Reading files is not counted. Each folder is gone through twice, because expressions are compiled when they are
first needed; *search* is the part of the second time that finds places, before anything is judged or decoded.
"""

from __future__ import annotations

import argparse
import base64
import random
import site
import string
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

from pushwarden.detect import Scanner, load_scanner

MEGABYTE = 1 << 20
MOST_BYTES = 400 * MEGABYTE
HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
BASE32 = string.ascii_uppercase + "234567"


CODE = frozenset((".py", ".pyi", ".c", ".h", ".js", ".ts", ".json", ".toml", ".yaml", ".yml", ".cfg", ".ini", ".md", ".rst", ".txt", ".html", ".css", ".sh"))  # fmt: skip


def read(folder: Path, *, everything: bool) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files under ``folder``, in order, until MOST_BYTES are read."""
    total = 0
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if not path.is_file() or path.is_symlink() or "__pycache__" in inside:
            continue
        if not everything and ("site-packages" in inside or path.suffix not in CODE):
            continue
        content = path.read_bytes()
        total += len(content)
        if total > MOST_BYTES:
            return
        yield str(path), content


def measure(scanner: Scanner, folder: Path, *, everything: bool) -> None:
    files = list(read(folder, everything=everything))
    size = sum(len(content) for _, content in files)
    rates = []
    matches = gaps = 0
    for _ in range(2):
        begin = time.process_time()
        matches = gaps = 0
        for path, content in files:
            result = scanner.scan(content, path=path)
            matches += len(result.matches)
            gaps += len(result.gaps)
        rates.append(size / (time.process_time() - begin) / 1e6)
    search = scanner._kit.engine.find  # noqa: SLF001 - a part of the whole, measured alone
    begin = time.process_time()
    for path, content in files:
        search(content, None, path)
    used = time.process_time() - begin
    print(
        f"{folder}: {len(files)} files, {size / 1e6:.0f} MB, {rates[0]:.0f} MB/s at first, {rates[1]:.0f} MB/s then "
        f"({1e3 / rates[1]:.1f} ns a byte, {used / size * 1e9:.1f} of them search), {matches} matches, {gaps} gaps"
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
    source = random.Random(1)
    for prefix, length, letters in (
        ("AKIA", 16, BASE32), ("ghp_", 36, ALNUM), ("password=", 12, ALNUM), ("secret: ", 32, ALNUM), ("", 32, HEX), ("", 40, ALNUM),
        ("stripe key ", 24, ALNUM), ("https://me:", 10, ALNUM), ("datadog_api_key = ", 32, HEX),
    ):  # fmt: skip
        end = "@host/" if prefix.startswith("https") else ""
        lines = (
            f"{prefix}{''.join(source.choices(letters, k=length))}{end}\n"
            for _ in range(MEGABYTE // (len(prefix + end) + length + 1))
        )
        yield f"different {prefix}...", "".join(lines).encode()[:MEGABYTE]
    data = b"some plain text that is long enough to be worth it " * 12_000
    for _ in range(3):
        data = base64.b64encode(data)
    yield "base64 of base64 of base64", data[:MEGABYTE]
    yield "10 MB on one line", repeat(b"lorem ipsum key = value dolor ", 10 * MEGABYTE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="*", type=Path, help="scan all files under these instead of Python's own code")
    folders: list[Path] = parser.parse_args().folder
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        parser.error(f"not a folder: {', '.join(missing)}")
    begin = time.perf_counter()
    scanner = load_scanner(cache_dir=Path("/tmp/pushwarden-bench"))
    print(f"{scanner.engine}, {len(scanner.rules)} rules, ready in {time.perf_counter() - begin:.2f} s")
    for folder in folders:
        measure(scanner, folder, everything=True)
    if not folders:
        measure(scanner, Path(sysconfig.get_path("stdlib")), everything=False)
        measure(scanner, Path(site.getsitepackages()[0]), everything=False)
    slow = []
    for name, data in slow_inputs():
        begin = time.process_time()
        result = scanner.scan(data, path="a.txt")
        slow.append((time.process_time() - begin, name, len(result.matches), [gap.code for gap in result.gaps]))
    for seconds, name, matches, gaps in sorted(slow, reverse=True)[:15]:
        print(f"{seconds:6.2f} s  {name}  {matches} matches {' '.join(gaps)}")


if __name__ == "__main__":
    main()
