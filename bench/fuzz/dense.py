"""What one file may cost at most: ``python -m bench.fuzz.dense --megabytes 16``.

Each input is a short text written again and again, or something much like that: every encoding, every archive, every shape that
the judge looks for, and the example of every rule (``--rules``). A process of its own scans each; printed are its processor time
and its peak of memory above that of a process that has the content and has scanned nothing.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import itertools
import os
import random
import resource
import string
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pushwarden.detect import Scanner, load_scanner

MEGABYTE: Final = 1 << 20
_SECONDS: Final = 120
_MEMORY: Final = 6 << 30
_ALNUM: Final = string.ascii_letters + string.digits


def _random(seed: int, length: int, letters: str = _ALNUM) -> str:
    return "".join(random.Random(seed).choices(letters, k=length))


def _each(text: str) -> Callable[[int], bytes]:
    """Return a maker of lines of ``text`` in which each ``{40}`` is 40 other letters, in each line others."""
    pieces = text.split("|")

    def make(size: int) -> bytes:
        choose, out, length = random.Random(text), list[bytes](), 0
        while length < size:
            line = "".join(
                "".join(choose.choices(_ALNUM, k=int(each[1:]))) if each[:1] == "#" else each for each in pieces
            ).encode()
            out.append(line)
            length += len(line)
        return b"".join(out)[:size]

    return make


def _again(text: bytes) -> Callable[[int], bytes]:
    return lambda size: (text * (size // len(text) + 1))[:size]


_WORD: Final = b"password = " + _random(1, 24).encode() + b"\n"

INPUTS: Final[dict[str, Callable[[int], bytes]]] = {
    # Encodings, without an end and in many small pieces.
    "backslash x": _again(rb"\x61"), "backslash x lines": _again(rb"\x61" b"\n"), "percent": _again(b"%61"),
    "percent and letter": _again(b"a%61"), "percent lines": _again(b"a%61a\n"), "unicode": _again(rb"\u0061"),
    "unicode and letter": _again(rb"\u0061z"), "braces": _again(rb"\u{61}"), "entity": _again(b"&#97;"),
    "entity and letter": _again(b"&#97;a"), "literals": _again(b'"a"+'), "long literals": _again(b'"abc" + "abc" + '),
    "literals in lines": _again(b'"abcd"\n'), "adjacent literals": _again(b'"abc" "abc" '), "dots": _again(b"'a'.'a'..'a'&"),
    "base64": _again(b"YWFh"), "base64 lines": lambda size: base64.encodebytes(_WORD * (size * 3 // 4 // len(_WORD))),
    "base64 pieces": _again(base64.b64encode(b"password: hunter2 or what") + b" "),
    "base64 short lines": _again(b"cGFzc3dvcmQ6IGFzZGZn\n"), "base64 escaped": _again(b"cGFzc3dvcmQ6IGFzZGZn\\n"),
    "base64 of base64": lambda size: base64.b64encode(base64.b64encode(base64.b64encode(b"a" * (size * 27 // 64)))),
    "base64 utf-16": lambda size: base64.b64encode(("password " * (size // 24)).encode("utf-16-le")),
    "zlib magic": _again(b"eJw" + b"a" * 40 + b" "), "zlib magic run": lambda size: b"eJw" + b"a" * size, "zip magic": _again(b"UEsDB"),
    "gzip magic": _again(b"H4sIAAAAAAAA" + b"A" * 24 + b" "),
    "base64 of gzip": _again(base64.b64encode(gzip.compress(_WORD, mtime=0)) + b"\n"),
    "hex of gzip": _again(gzip.compress(_WORD, mtime=0).hex().encode() + b"\n"),
    "base64 of a gzip bomb": _again(base64.b64encode(gzip.compress(b"a" * MEGABYTE, mtime=0)) + b"\n"),
    "hex": _again(b"61"), "hex pieces": _again(b"6162636465666768696a6b6c6d6e6f70 "), "hex of hex": _again(b"3631"),
    "hex list": _again(b"0x61, "), "hex lists": _again(b"{" + b"0x61," * 12 + b"}\n"), "hex list open": _again(b"0x61,0x61,\n" + b" " * 20),
    "utf-16": lambda size: ("a" * (size // 2)).encode("utf-16"), "utf-16 inside": lambda size: b"x" + b"a\0" * (size // 2),
    "utf-16 pieces": _again(b"a\0b\0c\0d\0e\0f\0g\0h\0i\0\1\1"), "utf-16 lines": lambda size: ("a\n" * (size // 4)).encode("utf-16"),
    "utf-16 not ascii": lambda size: ("\u0416\n" * (size // 4)).encode("utf-16"),
    "utf-16 of escapes": lambda size: (r"\x61" * (size // 8)).encode("utf-16"),
    # Archives.
    "gzip of escapes": lambda size: gzip.compress(rb"\x61" * (size * 16)), "gzip of lines": lambda size: gzip.compress(b"\n" * (size * 16)),
    "many gzips": _again(gzip.compress(b"x", mtime=0)), "gzip magics": _again(b"\x1f\x8b\x08"), "zip magics": _again(b"PK\x03\x04"),
    "zip ends": _again(b"PK\x05\x06" + bytes(18)), "zip entries": lambda size: _again(b"PK\x01\x02" + bytes(42))(size) + b"PK\x05\x06" + bytes(18),
    "pdf": lambda size: b"%PDF-1\n" + _again(b"/FlateDecode>>stream\n")(size), "png": lambda size: b"\x89PNG\r\n\x1a\n" + _again(bytes(4) + b"zTXtcrc_")(size),
    "zlib in pdf": lambda size: b"%PDF-1\n" + _again(b"<</FlateDecode>>stream\n" + zlib.compress(_WORD) + b"\nendstream\n")(size),
    "gzip in the middle": lambda size: b"\x7fELF" + _again(bytes(90) + gzip.compress(_WORD, mtime=0))(size),
    "gzip heads in the middle": lambda size: b"\x7fELF" + _again(b"\x1f\x8b\x08\0\0\0\0\0\0\3" + bytes(6))(size),
    # Shapes that the judge looks for, and rules.
    "password": _again(b"password=a1\n"), "passwords": _each("password=|#12|\n"), "secrets": _each("secret: |#20|\n"),
    "passwords on a line": _each("password=|#12| "), "key": _again(b"key="), "url": _again(b"a://b:c@"), "urls": _each("a://b:|#8|@c\n"),
    "headers": _each("Authorization: Bearer |#30|\n"), "jwt": _each("eyJ|#20|.eyJ|#20|.|#30|\n"), "jwt beginnings": _again(b"eyJeyJ"),
    "key in key": _again(b"key:key="), "quotes": _again(b'password="'), "brackets": _again(b"password(((("), "tags": _again(b"<password>"),
    "private keys": _again(b"-----BEGIN RSA PRIVATE KEY-----\n"), "private key without end": lambda size: b"-----BEGIN RSA PRIVATE KEY-----\n" + _again(b"A" * 64 + b"\n")(size),
    "aws ids": _each("AKIA|#16|\n"), "aws keys": _each("aws_secret_access_key=|#40|\n"), "github": _each("ghp_|#36|\n"), "github on a line": _each("ghp_|#36| "),
    "long values": _each("key = |#32|\n"), "named values": _each("datadog_api_key=|#32|\n"), "names": _again(b"datadog github stripe twilio "),
    "names and values": _each("okta token |#42| datadog key |#32|\n"), "long runs": _each("|#64|\n"), "one run": _each("|#64|"),
    "runs apart": _each("|#24|" + " " * 40), "same letter": _again(b"a"), "lines": _again(b"\n"), "carriage returns": _again(b"\r"), "zeros": bytes,
    "all bytes": _again(bytes(range(256))), "noise": lambda size: random.Random(3).randbytes(size), "umlauts": _again("pässwörd=ü\n".encode()),
}  # fmt: skip


def measure(scanner: Scanner, data: bytes, path: str = "a.txt") -> tuple[float, int, str]:
    """Return processor seconds, megabytes of memory above that before, and what came of it; in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        before = _resident()
        begin = time.process_time()
        try:
            result = scanner.scan(data, path=path, deadline=time.monotonic() + _SECONDS)
            codes = sorted({gap.code for gap in result.gaps})
            said = f"{len(result.matches)} matches {' '.join(codes)}"
        except MemoryError:
            said = "NO MEMORY"
        took = time.process_time() - begin
        os.write(writer, f"{took} {_peak() - before} {said}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    seconds, kilobytes, said = (told or f"0 {_MEMORY >> 10} KILLED").split(" ", 2)
    return float(seconds), int(kilobytes) >> 10, said


def _resident() -> int:
    return _status("VmRSS:")


def _peak() -> int:
    return _status("VmHWM:")


def _status(field: str) -> int:
    """Return kilobytes: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html."""
    with open("/proc/self/status", encoding="ascii") as lines:  # noqa: PTH123 - it is no file
        return next(int(line.split()[1]) for line in lines if line.startswith(field))


def _inputs(scanner: Scanner, *, rules: bool) -> Iterator[tuple[str, Callable[[int], bytes]]]:
    if not rules:
        yield from INPUTS.items()
        return
    for rule in scanner.rules:
        for number, example in enumerate(itertools.islice(rule.examples, 1)):
            yield f"{rule.id} {number}", _again(example.text.encode() + b"\n")


def _chosen(
    inputs: Iterable[tuple[str, Callable[[int], bytes]]], only: str
) -> Iterator[tuple[str, Callable[[int], bytes]]]:
    return (each for each in inputs if not only or each[0] in only.split(","))


def main() -> int:
    """Scan every input; print a line about each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=1)
    parser.add_argument("--rules", action="store_true", help="examples of all rules instead")
    parser.add_argument("--only", default="", help="names of inputs, joined by commas")
    parser.add_argument("--secret", action="store_true", help="put a secret behind each input")
    parser.add_argument("--memory", type=int, default=400, help="more megabytes than these are a failure")
    chosen = parser.parse_args()
    scanner, worst = load_scanner(), 0
    scanner.scan(b"".join(b"password = " + _random(9, 20).encode() + b"\n" for _ in range(3)))
    for name, make in _chosen(_inputs(scanner, rules=chosen.rules), chosen.only):
        data = make(int(chosen.megabytes * MEGABYTE)) + (b"\n" + _WORD if chosen.secret else b"")
        seconds, megabytes, said = measure(scanner, data)
        worst = max(worst, megabytes)
        print(f"{name:<28} {len(data) / MEGABYTE:6.1f} MB {seconds:7.2f} s {megabytes:6,} MB  {said}", flush=True)
    return int(worst > chosen.memory)


if __name__ == "__main__":
    raise SystemExit(main())
