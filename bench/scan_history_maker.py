"""Make a repository with a realistic history, the same one for the same arguments.

Text comes from Python files of the running interpreter; commits edit, add, move and delete files, branches are merged,
tags are set, and made-up tokens are planted and some of them removed again.

    python bench/scan_history_maker.py FOLDER --commits 5000 --megabytes 200
"""

from __future__ import annotations

import argparse
import base64
import binascii
import random
import string
import subprocess
import sysconfig
from pathlib import Path
from typing import IO

WORDS = ["client", "session", "report", "parser", "cache", "queue", "billing", "search", "worker", "storage"]
SECRET_EVERY = 25
MERGE_EVERY = 40
TAG_EVERY = 500


def corpus(limit: int) -> list[bytes]:
    """Return texts of the standard library and the installed packages, in order of name."""
    roots = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    texts: list[bytes] = []
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            data = path.read_bytes()
            if 2_000 < len(data) < 60_000:
                texts.append(data)
            if len(texts) >= limit:
                return texts
    return texts


def token(rng: random.Random) -> bytes:
    """Return a made-up GitHub token; its checksum is right."""
    body = "".join(rng.choices(string.ascii_letters + string.digits, k=30))
    number, digits = binascii.crc32(body.encode()), ""
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    while number:
        number, rest = divmod(number, 62)
        digits = alphabet[rest] + digits
    return b"ghp_" + (body + digits.rjust(6, "0")).encode()


class Maker:
    """Writes a stream for ``git fast-import``."""

    def __init__(self, out: IO[bytes], rng: random.Random, texts: list[bytes], target_bytes: int, commits: int) -> None:
        self.out, self.rng, self.texts = out, rng, texts
        self.per_commit = target_bytes // commits
        self.files: dict[str, list[bytes]] = {}
        self.written = 0
        self.secrets: list[str] = []

    def path(self) -> str:
        rng = self.rng
        suffix = rng.choice([".py"] * 8 + [".js", ".yml", ".md", ".json", ".tf"])
        return f"{rng.choice(WORDS)}/{rng.choice(WORDS)}_{rng.randrange(400)}{suffix}"

    def data(self, content: bytes) -> None:
        self.out.write(b"data %d\n" % len(content))
        self.out.write(content + b"\n")

    def put(self, path: str, lines: list[bytes]) -> None:
        content = b"".join(lines)
        self.files[path] = lines
        self.written += len(content)
        self.out.write(b"M 100644 inline %s\n" % path.encode())
        self.data(content)

    def edit(self) -> None:
        """Change, add, move or delete files until the commit has its share of bytes."""
        rng = self.rng
        goal = self.written + self.per_commit
        while self.written < goal:
            what = rng.random()
            if not self.files or what < 0.25:
                self.put(self.path(), rng.choice(self.texts).splitlines(keepends=True))
            elif what < 0.95:
                path = rng.choice(list(self.files))
                lines = list(self.files[path])
                for _ in range(rng.randrange(1, 6)):
                    other = rng.choice(self.texts).splitlines(keepends=True)
                    at, source = rng.randrange(len(lines) + 1), rng.randrange(len(other))
                    lines[at : at + rng.randrange(3)] = other[source : source + rng.randrange(1, 8)]
                self.put(path, lines)
            elif what < 0.98:
                path = rng.choice(list(self.files))
                self.files.pop(path)
                self.out.write(b"D %s\n" % path.encode())
            else:
                path = rng.choice(list(self.files))
                new = self.path()
                if new not in self.files:
                    self.files[new] = self.files.pop(path)
                    self.out.write(b"R %s %s\n" % (path.encode(), new.encode()))

    def plant(self, number: int) -> None:
        """Write a token into a file; half of them leave with the next edit."""
        path = f"config/settings_{number % 60}.py"
        secret = token(self.rng)
        self.secrets.append(secret.decode())
        style = number % 4
        line = {
            0: b'TOKEN = "%s"\n' % secret,
            1: b"https://user:%s@git.example.org/x.git\n" % secret,
            2: b'data = "%s"\n' % base64.b64encode(b"token=" + secret),
            3: b"export GITHUB_TOKEN=%s\n" % secret,
        }[style]
        self.put(path, [*self.files.get(path, [b"# settings\n"])[-3:], line])

    def commit(self, mark: int, branch: bytes, parents: list[int], message: bytes) -> None:
        self.out.write(b"commit refs/heads/%s\nmark :%d\n" % (branch, mark))
        person = b"Dev %d <dev%d@example.org> %d +0000\n" % (mark % 23, mark % 23, 1_600_000_000 + mark * 600)
        self.out.write(b"author " + person + b"committer " + person)
        self.data(message)
        for index, parent in enumerate(parents):
            self.out.write((b"merge" if index else b"from") + b" :%d\n" % parent)


def make(folder: Path, commits: int, megabytes: int, seed: int) -> list[str]:
    """Make the repository and return the planted tokens."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    process = subprocess.Popen(
        ["git", "-C", str(folder), "fast-import", "--quiet", "--depth=50"], stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    maker = Maker(process.stdin, random.Random(seed), corpus(1500), megabytes * 1_000_000, commits)
    previous = 0
    for mark in range(1, commits + 1):
        merging = mark % MERGE_EVERY == 0 and mark > 2
        parents = [previous] if previous else []
        if merging:
            maker.commit(mark, b"main", [*parents, previous - 1], b"Merge work %d" % mark)
        else:
            maker.commit(mark, b"main", parents, b"Change %d: tidy the %s" % (mark, maker.rng.choice(WORDS).encode()))
        maker.edit()
        if mark % SECRET_EVERY == 0:
            maker.plant(mark)
        process.stdin.write(b"\n")
        if mark % TAG_EVERY == 0:
            process.stdin.write(b"reset refs/tags/v%d\nfrom :%d\n\n" % (mark // TAG_EVERY, mark))
        previous = mark
    process.stdin.close()
    if process.wait() != 0:
        raise SystemExit("git fast-import failed")
    subprocess.run(["git", "-C", str(folder), "reset", "-q", "--hard"], check=True)
    # fast-import packs badly and says so (git help fast-import, PACKFILE OPTIMIZATION); a server packs like this.
    subprocess.run(["git", "-C", str(folder), "repack", "-adfq"], check=True)
    return maker.secrets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commits", type=int, default=5_000)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    secrets = make(args.folder, args.commits, args.megabytes, args.seed)
    Path(f"{args.folder}.secrets").write_text("\n".join(secrets) + "\n")
    print(f"{args.commits:,} commits, {len(secrets):,} tokens in {args.folder}")


if __name__ == "__main__":
    main()
