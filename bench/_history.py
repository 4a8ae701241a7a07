"""Make histories of a given size with ``git fast-import``: real Python source, the same for the same seed."""

from __future__ import annotations

import random
import string
import subprocess
import sysconfig
from pathlib import Path

_LINES_PER_BLOCK = 40


def fill(git_dir: Path, *, commits: int, per_commit: int, files: int, blob_bytes: int, parent: str | None) -> None:
    """Add ``commits`` commits to main, each with new versions of ``per_commit`` of ``files`` files.

    Every version is ``blob_bytes`` long and unlike every other, as text is: it packs to about a third.
    """
    rng = random.Random(1)
    blocks = _blocks()
    command = ["git", f"--git-dir={git_dir}", "fast-import", "--quiet", "--force", "--depth=0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        out, number = process.stdin, 0
        for commit in range(commits):
            who = b"Dev <dev@example.com> %d +0000\n" % (1_700_000_000 + commit)
            message = b"Change %d" % commit
            out.write(b"commit refs/heads/main\nmark :%d\nauthor %bcommitter %b" % (commit + 1, who, who))
            out.write(b"data %d\n%b\n" % (len(message), message))
            if commit == 0 and parent:
                out.write(b"from %b\n" % parent.encode())
            for _ in range(per_commit):
                content = _text(rng, blocks, blob_bytes, number)
                path = b"package_%d/module_%d.py" % (number % files % 50, number % files)
                out.write(b"M 100644 inline %b\ndata %d\n%b\n" % (path, len(content), content))
                number += 1
    if process.returncode:
        raise SystemExit("git fast-import failed")


def made_up_key(seed: int) -> str:
    """Return an assignment of a made-up AWS secret access key."""
    rng = random.Random(seed)
    return "aws_secret_access_key = " + "".join(rng.choices(string.ascii_letters + string.digits, k=40)) + "\n"


def _blocks() -> list[bytes]:
    found: list[bytes] = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        lines = path.read_bytes().splitlines(keepends=True)
        found += [b"".join(lines[i : i + _LINES_PER_BLOCK]) for i in range(0, len(lines), _LINES_PER_BLOCK)]
    return found


def _text(rng: random.Random, blocks: list[bytes], size: int, number: int) -> bytes:
    parts, length = [b"# version %d\n" % number], 0
    while length < size:
        parts.append(rng.choice(blocks))
        length += len(parts[-1])
    return b"".join(parts)[:size]
