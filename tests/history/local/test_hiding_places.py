"""Every place in a repository where a secret can hide, in one repository, scanned with the rules that come along."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import random
import string
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pushwarden.detect import load_scanner
from pushwarden.history.local.history import Context
from pushwarden.history.local.model import Limits, Outcome, silent
from pushwarden.history.local.repository import open_repository
from pushwarden.history.local.scan import scan_repository
from tests.history.local.building import Repo, make_repo

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def github_token(name: str) -> str:
    """Return a made-up token for a place; its last six characters are the checksum that GitHub's tokens have."""
    body = "".join(random.Random(name).choices(string.ascii_letters + string.digits, k=30))
    number, digits = binascii.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    return f"ghp_{body}{digits.rjust(6, '0')}"


def zipped(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def docx(text: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f"<w:document><w:t>token {text}</w:t></w:document>")
    return stream.getvalue()


def png(text: str) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tEXt", b"Comment\0" + text.encode())
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


def wrapped_base64(text: str) -> str:
    return base64.encodebytes(
        f"some words in front of it, so that it is long enough: {text} and after".encode()
    ).decode()


def notebook(text: str) -> str:
    cell = {"cell_type": "code", "source": ["import os\n", f'token = "{text}"\n'], "outputs": []}
    return json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5}, indent=1)


FILES: dict[str, tuple[str, Callable[[str], str | bytes]]] = {
    "in a file of HEAD": ("plain.py", lambda secret: f'token = "{secret}"\n'),
    "UTF-16 little endian with BOM": ("u16le.txt", lambda s: b"\xff\xfe" + f"token {s}\r\n".encode("utf-16-le")),
    "UTF-16 big endian with BOM": ("u16be.txt", lambda s: b"\xfe\xff" + f"token {s}\r\n".encode("utf-16-be")),
    "UTF-16 without BOM": ("u16.txt", lambda s: f"some text and then the token {s}\r\n".encode("utf-16-le")),
    "latin-1": ("latin1.txt", lambda s: f"Schlüssel für später: {s}\n".encode("latin-1")),
    "base64": ("b64.yml", lambda s: f"data: {base64.b64encode(f'token={s}'.encode()).decode()}\n"),
    "base64 twice": (
        "b64b64.yml",
        lambda s: f"data: {base64.b64encode(base64.b64encode(f'token={s}'.encode())).decode()}\n",
    ),
    "base64 wrapped over lines": ("wrapped.pem", wrapped_base64),
    "hex": ("hex.txt", lambda s: f"blob = {f'token={s}'.encode().hex()}\n"),
    "percent encoding": ("percent.txt", lambda s: "u=" + "".join(f"%{byte:02X}" for byte in s.encode()) + "\n"),
    "unicode escapes": ("escapes.json", lambda s: '{"t": "' + "".join(f"\\u{ord(c):04x}" for c in s) + '"}\n'),
    "HTML entities": ("entities.html", lambda s: "<p>" + "".join(f"&#{ord(c)};" for c in s) + "</p>\n"),
    "binary with NUL bytes": ("data.bin", lambda s: b"\0\1\2\0\xff" * 40 + s.encode() + b"\0\3\0" * 40),
    "zip": ("a.zip", lambda s: zipped("inner.txt", s.encode())),
    "zip in a zip": ("b.zip", lambda s: zipped("inner.zip", zipped("deep.txt", s.encode()))),
    "tar.gz": ("c.tar.gz", lambda s: tarred("inner.txt", s.encode())),
    "gz": ("d.gz", lambda s: gzip.compress(f"token {s}\n".encode())),
    "docx": ("e.docx", docx),
    "a line of 2 MB": ("long.min.js", lambda s: "a=1;" * 250_000 + f'var t="{s}";' + "b=2;" * 250_000),
    "string concatenation": ("concat.py", lambda s: f'token = "{s[:11]}" + "{s[11:]}"\n'),
    "URL in .gitmodules": (
        ".gitmodules",
        lambda s: f'[submodule "x"]\n\tpath = x\n\turl = https://user:{s}@git.example.org/x.git\n',
    ),
    "svg": ("picture.svg", lambda s: f"<svg><!-- {s} --></svg>\n"),
    "lock file": ("package-lock.json", lambda s: f'{{"resolved": "https://x:{s}@npm.example.org/a.tgz"}}\n'),
    "node_modules": ("node_modules/pkg/index.js", lambda s: f'module.exports = "{s}";\n'),
    "vendor": ("vendor/github.com/x/y.go", lambda s: f'const t = "{s}"\n'),
    "text in a png": ("picture.png", png),
    "notebook": ("book.ipynb", notebook),
    "CRLF": ("crlf.txt", lambda s: f"one\r\ntoken {s}\r\nthree\r\n"),
}


def build(repo: Repo) -> dict[str, str]:
    """Hide a token in each place and return place to token."""
    hidden = {name: github_token(name) for name in FILES}
    repo.commit("start", base="base\n", both="1\n", **{".gitignore": "ignored\n"})
    for name, (path, content) in FILES.items():
        repo.write(path, content(hidden[name]))
    repo.git("add", "-A", "-f")
    repo.git("commit", "-q", "-m", "files")
    for hide in (_hide_in_history, _hide_in_words, _hide_in_merge, _hide_outside_commits):
        hidden |= hide(repo)
    return hidden


def _hide_in_history(repo: Repo) -> dict[str, str]:
    names = ("added then deleted", "amended away", "unmerged branch", "symlink target", "file name")
    hidden = {name: github_token(name) for name in names}
    repo.commit("add", gone=hidden["added then deleted"])
    (repo.path / "gone").unlink()
    repo.commit("delete")
    repo.commit("oops", amended=hidden["amended away"])
    repo.write("amended", "clean\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "--amend", "-m", "better")
    repo.git("switch", "-q", "-c", "side")
    repo.commit("on a branch", side=hidden["unmerged branch"])
    repo.git("switch", "-q", "main")
    (repo.path / "link").symlink_to(f"/run/{hidden['symlink target']}")
    repo.commit("names", **{f"backup-{hidden['file name']}.txt": "x\n"})
    return hidden


def _hide_in_words(repo: Repo) -> dict[str, str]:
    names = ("commit message", "annotated tag message", "notes", "author e-mail")
    hidden = {name: github_token(name) for name in names}
    repo.commit(f"Use {hidden['commit message']} for now")
    repo.git("tag", "-a", "v1", "-m", f"Release\n\n{hidden['annotated tag message']}")
    repo.git("notes", "add", "-m", f"deployed with {hidden['notes']}", "HEAD")
    repo.write("other", "1\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "more", GIT_AUTHOR_EMAIL=f"{hidden['author e-mail']}@example.org")
    return hidden


def _hide_in_merge(repo: Repo) -> dict[str, str]:
    names = ("new file in a merge commit", "changed line in a merge commit")
    hidden = {name: github_token(name) for name in names}
    repo.git("switch", "-q", "-c", "topic")
    repo.commit("topic", topic="t\n")
    repo.git("switch", "-q", "main")
    repo.commit("main", both="2\n")
    repo.git("merge", "-q", "--no-commit", "topic")
    repo.commit(
        "merge", evil=hidden["new file in a merge commit"], both=f"2\n{hidden['changed line in a merge commit']}\n"
    )
    repo.commit("clean up", evil="x\n", both="3\n")
    return hidden


def _hide_outside_commits(repo: Repo) -> dict[str, str]:
    names = ("stash", "staged", "untracked")
    hidden = {name: github_token(name) for name in names}
    repo.write("base", f"base\n{hidden['stash']}\n")
    repo.git("stash", "-q")
    repo.write("staged", hidden["staged"])
    repo.git("add", "staged")
    repo.write("staged", "clean\n")
    repo.write("untracked/new", hidden["untracked"])
    return hidden


@pytest.fixture(scope="module")
def hidden_and_outcome(
    tmp_path_factory: pytest.TempPathFactory, compiled_rules: Path
) -> tuple[dict[str, str], Outcome]:
    repo = make_repo(tmp_path_factory.mktemp("hiding") / "repo")
    hidden = build(repo)
    scanner = load_scanner(database=compiled_rules)
    return hidden, scan_repository(Context(open_repository(str(repo.path)), scanner, Limits(), 2, silent))


PLACES = [
    *FILES,
    "added then deleted", "amended away", "unmerged branch", "symlink target", "file name",
    "commit message", "annotated tag message", "notes", "author e-mail",
    "new file in a merge commit", "changed line in a merge commit",
    "stash", "staged", "untracked",
]  # fmt: skip


def test_there_are_42_places() -> None:
    assert len(PLACES) == len(set(PLACES)) == 42


@pytest.mark.parametrize("place", PLACES)
def test_secret_is_found(place: str, hidden_and_outcome: tuple[dict[str, str], Outcome]) -> None:
    hidden, outcome = hidden_and_outcome
    found = {each.finding.match.secret.reveal().decode("latin-1") for each in outcome.found}
    # A rule may take more than the token: the whole URL of a credential in a URL, for example.
    assert any(hidden[place] in secret for secret in found)


def test_nothing_is_left_out(hidden_and_outcome: tuple[dict[str, str], Outcome]) -> None:
    assert hidden_and_outcome[1].gaps == ()


def test_no_secret_stands_in_a_snippet_or_message(hidden_and_outcome: tuple[dict[str, str], Outcome]) -> None:
    hidden, outcome = hidden_and_outcome
    said = "\n".join(each.finding.match.snippet for each in outcome.found)
    assert not [place for place, secret in hidden.items() if secret in said]
