"""Files and folders without git."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.errors import UsageError
from pushwarden.history.local.files import LARGE_BYTES, FileEntry, chunks, scan_files, scan_stream
from pushwarden.history.local.model import Limits, Outcome, Progress, Scanner
from pushwarden.model import ScanResult, Source
from tests.history.local.building import one_rule, places, token

ONE, TWO = token(1), token(2)


def scan(*paths: str, jobs: int = 1, limits: Limits | None = None, scanner: Scanner | None = None) -> Outcome:
    return scan_files(paths, scanner or one_rule(), jobs=jobs, limits=limits)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_deep_folders_are_walked_and_counted() -> None:
    deep = Path("d").joinpath(*["x"] * 60)
    deep.mkdir(parents=True)
    (deep / "a").write_text(ONE)
    outcome = scan("d")
    assert places(outcome) == [(str(deep / "a"), ONE, None)]
    assert (outcome.counts.files, outcome.counts.bytes) == (1, len(ONE))


def test_link_in_a_folder_is_not_followed_but_its_target_is_scanned() -> None:
    Path("outside").write_text(ONE)
    Path("d").mkdir()
    Path("d/link").symlink_to("../outside")
    Path("d/loop").symlink_to(".")
    Path("d/named").symlink_to(f"/x/{TWO}")
    (found,) = scan("d").found
    assert (found.finding.path, found.finding.source) == ("d/named", Source.SYMLINK)


def test_link_that_is_named_is_followed() -> None:
    Path("target").write_text(ONE)
    Path("link").symlink_to("target")
    assert places(scan("link")) == [("link", ONE, None)]


def test_names_of_files_and_folders_are_scanned() -> None:
    Path(f"d/{ONE}").mkdir(parents=True)
    for name in ("a", "b"):
        Path(f"d/{ONE}/{name}").write_text("x")
    (found,) = scan("d").found
    assert (found.finding.path, found.finding.source) == (f"d/{ONE}/a", Source.FILE_NAME)


def test_file_over_the_limit_is_a_gap() -> None:
    Path("big").write_text("x" * 100)
    outcome = scan("big", limits=Limits(content_bytes=99))
    assert [(gap.code, gap.path) for gap in outcome.gaps] == [("too-large", "big")]
    assert scan("big", limits=Limits(content_bytes=100)).gaps == ()


def test_sockets_and_pipes_do_not_hang_the_scan() -> None:
    Path("d").mkdir()
    os.mkfifo("d/pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("d/socket")
        Path("d/a").write_text(ONE)
        assert places(scan("d")) == [("d/a", ONE, None)]


def test_object_store_of_git_is_left_out_but_its_configuration_is_not() -> None:
    for name in (".git/objects/aa/bb", ".git/config", "objects/a"):
        Path("d", name).parent.mkdir(parents=True, exist_ok=True)
        Path("d", name).write_text(ONE)
    assert [path for path, _, _ in places(scan("d"))] == ["d/.git/config", "d/objects/a"]


def test_name_that_is_not_utf8_is_kept() -> None:
    Path("d").mkdir()
    Path(os.fsdecode(b"d/caf\xe9")).write_text(ONE)
    assert places(scan("d")) == [("d/caf\udce9", ONE, None)]


def test_missing_path_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot read nothing"):
        scan("nothing")


class Vanishing:
    """Deletes the next file while it scans the one before."""

    def scan(self, data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
        del data, path, deadline
        Path("d/b").unlink(missing_ok=True)
        return ScanResult()


def test_file_that_vanishes_is_a_gap() -> None:
    Path("d").mkdir()
    Path("d/a").write_text("x")
    Path("d/b").write_text("x")
    outcome = scan_files(["d"], Vanishing(), jobs=1)
    assert [(gap.code, gap.path) for gap in outcome.gaps] == [("unreadable", "d/b")]


class Crashing:
    """Ends the process on some content, as a fault in a library would."""

    def scan(self, data: bytes, *, path: str = "", deadline: float | None = None) -> ScanResult:
        if data.startswith(b"crash"):
            os._exit(9)
        return one_rule().scan(data, path=path, deadline=deadline)


def test_content_that_crashes_the_scanner_is_a_gap_and_the_rest_is_scanned() -> None:
    Path("d").mkdir()
    for number in range(4):
        Path(f"d/{number}").write_text(f"{token(number)}\n" + "x" * 1_000_000)
    Path("d/bad").write_text("crash")
    outcome = scan("d", jobs=2, scanner=Crashing())
    assert [(gap.code, gap.path) for gap in outcome.gaps] == [("crashed", "d/bad")]
    assert len(outcome.found) == 4


def test_stream_is_scanned_and_limited() -> None:
    assert places(scan_stream(io.BytesIO(ONE.encode()), one_rule(), Limits())) == [("<stdin>", ONE, None)]
    outcome = scan_stream(io.BytesIO(b"x" * 11), one_rule(), Limits(content_bytes=10))
    assert [gap.code for gap in outcome.gaps] == ["too-large"]


def test_progress_ends_at_the_whole() -> None:
    Path("a").write_text("x" * 10)
    seen: list[Progress] = []
    scan_files(["a"], one_rule(), jobs=1, report=seen.append)
    assert (seen[-1].done_bytes, seen[-1].total_bytes) == (10, 10)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3_000_000), max_size=600))
def test_chunks_keep_every_file_the_large_ones_first_the_others_in_order(sizes: list[int]) -> None:
    entries = [FileEntry(str(number), size) for number, size in enumerate(sizes)]
    made = list(chunks(entries))
    flat = [entry for chunk in made for entry in chunk]
    small = [entry for entry in entries if entry.size < LARGE_BYTES]
    assert sorted(flat, key=lambda entry: int(entry.path)) == entries
    assert flat[len(entries) - len(small) :] == small
    assert sorted((entry.size for entry in entries if entry.size >= LARGE_BYTES), reverse=True) == [
        entry.size for entry in flat[: len(entries) - len(small)]
    ]
    assert all(0 < len(chunk) <= 256 for chunk in made)
