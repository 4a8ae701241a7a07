"""Take the best of what fuzzing found into the repository: ``python -m bench.fuzz.merge`` after ``bench.fuzz.run``.

Of all inputs in ``build/fuzz/TARGET``, libFuzzer picks a small set that covers the same; of that set the shortest are kept.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.fuzz import corpus
from bench.fuzz.run import GROWN, ROOT
from bench.fuzz.targets import TARGETS

MOST: Final = 60
MOST_BYTES: Final = 6_000
"""Of all inputs of one target together."""


def merge(name: str) -> None:
    """Write the corpus of one target anew."""
    stories = corpus.stories(name)
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(corpus.read(name)):
            (GROWN / name / f"kept-{number}").write_bytes(data)
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "bench.fuzz.run",
            name,
            "-set_cover_merge=1",
            folder,
            str(GROWN / name),
        ]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        found = {each.read_bytes() for each in Path(folder).iterdir()} - {data for _, data in stories}
    kept, size = list[bytes](), 0
    for data in sorted(found, key=lambda each: (len(each), each))[:MOST]:
        size += len(data)
        if size > MOST_BYTES:
            break
        kept.append(data)
    corpus.write(name, stories, kept)
    print(f"{name:<18} {len(found)} inputs cover everything; kept {len(stories)} + {len(kept)}, {size:,} bytes")


def main() -> int:
    """Merge the targets that were fuzzed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", default=",".join(TARGETS), help="joined by commas")
    for name in parser.parse_args().targets.split(","):
        if (GROWN / name).is_dir():
            merge(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
