"""A pusher wants to hide a secret: it is found, or the push is incomplete; it is never called clean, and nothing hangs."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from dataclasses import replace

import pytest
from dulwich.objects import Blob, Commit, Tree

from pushwarden.detect import Scanner
from pushwarden.events import parse_push
from pushwarden.history.objects import Commit as ParsedCommit
from pushwarden.history.pack import Limits
from pushwarden.history.trees import TooManyChangesError, Trees, places
from pushwarden.model import Gap, Person
from pushwarden.service.scan import scan_push
from tests.conftest import aws_secret, made_up
from tests.hostile.conftest import Victim
from tests.simulation.people import Link
from tests.simulation.pushes import MAIN

LEAK = aws_secret("hidden").encode()


def _zip(data: bytes, name: str = "a.txt") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("depth", range(1, 12))
def test_encodings_inside_encodings_are_found_or_incomplete(scanner: Scanner, depth: int) -> None:
    data = LEAK
    for _ in range(depth):
        data = base64.b64encode(data) + b"\n"

    result = scanner.scan(b"blob: " + data)

    assert result.matches or result.gaps


@pytest.mark.parametrize("depth", range(1, 10))
def test_archives_inside_archives_are_found_or_incomplete(scanner: Scanner, depth: int) -> None:
    data = LEAK
    for level in range(depth):
        data = gzip.compress(data) if level % 2 else _zip(data)

    result = scanner.scan(data, path="x.zip")

    assert result.matches or result.gaps


def test_a_bomb_ends_soon_and_is_incomplete(scanner: Scanner) -> None:
    result = scanner.scan(gzip.compress(b"\0" * (400 << 20), 9), path="bomb.gz")

    assert result.gaps


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/abs", "a\0b", "C:\\x", "x" * 5000, "ü/ü"])
def test_a_name_inside_an_archive_is_no_path(scanner: Scanner, name: str) -> None:
    result = scanner.scan(_zip(LEAK, name), path="x.zip")

    assert result.matches


def test_ten_thousand_decoys_do_not_bury_a_secret(scanner: Scanner) -> None:
    decoys = "".join(
        f"aws_secret_access_key = EXAMPLE{i:033d}\npassword = changeme{i}\n" for i in range(10_000)
    ).encode()

    result = scanner.scan(decoys + LEAK + decoys)

    assert {match.secret.reveal().decode() for match in result.matches} >= {made_up("hidden", 40)}


@pytest.mark.parametrize(
    "path",
    [
        "TEST/Fixtures/KEY.TXT",
        "node_modules/x/dist/a.min.js",
        "package-lock.json",
        "vendor/LICENSE",
        "a.PNG",
        "docs/example.md.lock",
        ".git ignore",
        ".gitmodules",
        "x\u0000y".replace("\u0000", "\u200b"),
    ],
)
def test_no_path_is_passed_over(victim: Victim, path: str) -> None:
    victim.push({path: aws_secret(path).encode()})

    assert victim.locked()
    assert victim.clone.refs()[MAIN] == victim.first


@pytest.mark.parametrize(
    "files",
    [
        {".pushwardenignore": b"*\n"},
        {".gitleaksignore": b"*\n", ".secretsignore": b"*\n", ".ggignore": b"*\n"},
        {
            ".gitattributes": b"* -diff binary export-ignore working-tree-encoding=UTF-16 filter=x\n",
            ".gitignore": b"*\n",
        },
        {"pushwarden.toml": b'[[suppress]]\npaths = ["*"]\nreason = "mine"\n'},
    ],
)
def test_a_file_in_the_repository_does_not_switch_the_scanner_off(victim: Victim, files: dict[str, bytes]) -> None:
    victim.push(files | {"key.txt": aws_secret(repr(files)).encode()})

    assert victim.locked()


@pytest.mark.parametrize("comment", [b"pushwarden:allow", b"gitleaks:allow", b"pragma: allowlist secret", b"nosec"])
def test_a_comment_in_the_repository_does_not_switch_the_scanner_off(victim: Victim, comment: bytes) -> None:
    victim.push({"key.txt": aws_secret(comment).strip().encode() + b"  # " + comment + b"\n"})

    assert victim.locked()


@pytest.mark.parametrize(
    "author",
    [
        "pushwarden-reset <reset@amazonaws.com>",
        "arn:aws:sts::123456789012:assumed-role/pushwarden-reset/reset <x@example.com>",
        " <>",
        "x" * 3000 + " <y@example.com>",
    ],
)
def test_an_author_is_only_a_text(victim: Victim, author: str) -> None:
    victim.push({"key.txt": aws_secret(author).encode()}, author=author)

    (event,) = victim.events()
    assert event["pusher"].endswith(":user/developer")
    assert victim.locked()


def _in_a_header(victim: Victim, header: bytes) -> str:
    """Return a commit with a header of a pusher's own."""
    clone = victim.clone
    plain = clone.commit({"a.txt": b"x\n"}, "Work", victim.first)
    *others, commit = clone.objects(plain)
    made = Commit.from_string(commit.as_raw_string().replace(b"\n\n", b"\n" + header + b"\n\n", 1))
    oid = made.id.decode()
    clone.snapshots[oid] = replace(clone.snapshots[plain], commit=oid)
    clone._objects[oid] = [*others, made]
    return oid


@pytest.mark.parametrize("header", [b"x-note " + LEAK.strip(), b"gpgsig -----BEGIN\n " + LEAK.strip()])
def test_a_secret_in_a_header_of_a_commit_is_found(victim: Victim, header: bytes) -> None:
    assert victim.clone.push(MAIN, victim.first, _in_a_header(victim, header))
    victim.machine.settle()

    assert victim.locked()


def test_a_secret_that_a_link_points_to_is_found(victim: Victim) -> None:
    bad = victim.clone.commit({"link": Link(LEAK.strip())}, "Work", victim.first)
    assert victim.clone.push(MAIN, victim.first, bad)
    victim.machine.settle()

    assert victim.locked()


def test_a_file_just_above_the_limit_makes_the_push_incomplete(victim: Victim) -> None:
    bad = victim.clone.commit({"big.txt": b"#" * 5000 + LEAK}, "Work", victim.first)
    victim.machine.post = lambda _event: []
    assert victim.clone.push(MAIN, victim.first, bad)
    push = parse_push(victim.machine.pushed[-1])

    event = scan_push(victim.machine.apps["scan"], push, limits=Limits(object_bytes=5000))

    assert event is not None
    assert [gap.code for gap in event.gaps] == ["too-large"]


def test_a_push_above_the_limit_is_incomplete_and_the_frontier_stays(victim: Victim) -> None:
    noise = made_up("noise", 60_000).encode()
    bad = victim.clone.commit({"noise.txt": noise, "key.txt": LEAK}, "Work", victim.first)
    victim.machine.post = lambda _event: []
    assert victim.clone.push(MAIN, victim.first, bad)
    push = parse_push(victim.machine.pushed[-1])

    event = scan_push(victim.machine.apps["scan"], push, limits=Limits(pack_bytes=10_000))

    assert event is not None
    assert [gap.code for gap in event.gaps] == ["pack-too-large"]
    rows = victim.machine.plain_app("administrator").state.frontier(victim.clone.repository_id).rows
    assert rows[MAIN].scanned == victim.first


def _bomb(width: int, depth: int, leaf: bytes | None) -> tuple[Trees, str]:
    """Return trees of trees of the same tree: ``width ** depth`` paths in a few hundred bytes."""
    trees = Trees()
    tree = Tree()
    if leaf is not None:
        tree.add(b"key.txt", 0o100644, Blob.from_string(leaf).id)
    for _ in range(depth):
        trees.raw[tree.id.decode()] = tree.as_raw_string()
        above = Tree()
        for number in range(width):
            above.add(b"d%d" % number, 0o040000, tree.id)
        tree = above
    trees.raw[tree.id.decode()] = tree.as_raw_string()
    return trees, tree.id.decode()


@pytest.mark.parametrize("leaf", [LEAK, None])
def test_a_bomb_of_trees_costs_no_more_than_its_bytes(leaf: bytes | None) -> None:
    trees, top = _bomb(10, 12, leaf)
    nobody = Person("", "", "")

    where, _ = places([ParsedCommit("1" * 40, top, (), nobody, nobody, b"")], trees)

    assert len(where) == (leaf is not None)
    with pytest.raises(TooManyChangesError):
        list(trees.diff(None, top))


def test_a_secret_in_a_bomb_of_trees_is_found(victim: Victim) -> None:
    files = {f"d{i}/e{j}/f{k}/key.txt": LEAK for i in range(4) for j in range(4) for k in range(4)}
    victim.push(files)

    (event,) = victim.events()
    assert event["findingCount"] == 1
    assert victim.locked()


def test_folders_nested_too_deeply_for_a_path_are_incomplete() -> None:
    trees = Trees()
    tree = Tree()
    tree.add(b"key.txt", 0o100644, Blob.from_string(LEAK).id)
    for number in range(400):
        trees.raw[tree.id.decode()] = tree.as_raw_string()
        above = Tree()
        above.add(b"%0100d" % number, 0o040000, tree.id)
        tree = above
    trees.raw[tree.id.decode()] = tree.as_raw_string()
    nobody, gaps = Person("", "", ""), list[Gap]()

    where, names = places([ParsedCommit("1" * 40, tree.id.decode(), (), nobody, nobody, b"")], trees, gaps)

    assert where == {}
    assert len(names) < 400
    assert [gap.code for gap in gaps] == ["path-too-long"]


def test_a_secret_in_json_of_great_depth_is_found_or_incomplete(scanner: Scanner) -> None:
    data = b'{"a":' * 20_000 + json.dumps(LEAK.decode()).encode() + b"}" * 20_000

    result = scanner.scan(data, path="deep.json")

    assert result.matches or result.gaps


def test_a_secret_that_is_repeated_where_no_rule_sees_it_is_not_shown(scanner: Scanner) -> None:
    """Found by fuzzing."""
    secret = made_up("hidden", 40)

    (match,) = scanner.scan(f"aws_secret_access_key = {secret} and again {secret}\n".encode()).matches

    assert secret not in match.snippet
