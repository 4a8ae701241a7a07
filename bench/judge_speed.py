"""What judging generic secrets costs: for each candidate in the files of folders, and for a megabyte made to be slow.

    python bench/judge_speed.py FOLDER...

Processor time of the judge alone; finding its places in the engine's pass is not counted. A candidate is whatever the judge
reads as a name with a value, also what it drops at the first look.
"""

from __future__ import annotations

import random
import string
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hyperscan

from pushwarden.detect.generic import TRIGGERS, candidates, judge, model, windows

MEGABYTE = 1 << 20
BATCH = 200
"""Places that the engine hands over at once."""
Places = list[tuple[int, int]]


def finder() -> Callable[[bytes], Places]:
    database = hyperscan.Database()
    database.compile(expressions=list(TRIGGERS), ids=list(range(len(TRIGGERS))), elements=len(TRIGGERS), flags=0)

    def find(data: bytes) -> Places:
        ends: set[int] = set()
        database.scan(data, lambda _id, _start, end, _flags, _context: ends.add(end))
        return [(end, end) for end in sorted(ends)]

    return find


def judged(data: bytes, places: Places, path: str) -> int:
    return sum(1 for at in range(0, len(places), BATCH) for _ in judge(data, places[at : at + BATCH], path))


def slow_inputs() -> Iterator[tuple[str, bytes]]:
    source = random.Random(7)

    def lines(form: str, length: int) -> bytes:
        made = bytearray()
        while len(made) < MEGABYTE:
            made += (form % "".join(source.choices(string.ascii_letters + string.digits, k=length))).encode()
        return bytes(made[:MEGABYTE])

    yield "the same password on every line", b"password=Tr0ub4dor&3\n" * (MEGABYTE // 21)
    for form, length in (("password=%s\n", 10), ('{"key":"%s"},', 16), ("pass=%s ", 5), ('api_key: "%s"\n', 200)):
        yield f"{form!r} with {length} random characters", lines(form, length)


def main() -> None:
    find, _ = finder(), model.load()
    for folder in map(Path, sys.argv[1:]):
        size = count = hits = 0
        used = 0.0
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            data = path.read_bytes()
            places = find(data)
            begin = time.process_time()
            hits += judged(data, places, str(path))
            used += time.process_time() - begin
            size += len(data)
            count += sum(1 for low, high in windows(data, places) for _ in candidates.find(data, low, high))
        each = 1e6 * used / max(1, count)
        print(
            f"{folder}: {size / 1e6:.0f} MB, {count} candidates, {hits} hits, {used:.2f} s, {each:.0f} us for each candidate"
        )
    for name, data in slow_inputs():
        places = find(data)[: 10_000 + len(data) // BATCH]
        begin = time.process_time()
        hits = judged(data, places, "a.txt")
        print(f"{time.process_time() - begin:6.2f} s  {name}: {len(places)} places, {hits} hits")


if __name__ == "__main__":
    main()
