from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.respond.bundle import BundleError, header, read_header
from tests.history.test_pack import real_pack


def test_git_itself_reads_our_bundles(tmp_path: Path) -> None:
    pack = real_pack(tmp_path)
    tip = subprocess.run(
        ["git", "-C", str(tmp_path / "repo"), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    bundle = tmp_path / "x.bundle"
    bundle.write_bytes(header(tip, "refs/heads/main", ()) + pack)

    subprocess.run(["git", "clone", "-q", "-b", "main", str(bundle), str(tmp_path / "copy")], check=True)
    copied = subprocess.run(
        ["git", "-C", str(tmp_path / "copy"), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )

    assert copied.stdout.strip() == tip


@given(st.lists(st.text("0123456789abcdef", min_size=40, max_size=40), max_size=5))
def test_a_header_comes_back_as_it_was_written(prerequisites: list[str]) -> None:
    file = io.BytesIO(header("a" * 40, "refs/heads/ü", prerequisites) + b"PACK...")
    found = read_header(file)

    assert (found.object_id, found.ref, found.prerequisites) == ("a" * 40, "refs/heads/ü", tuple(prerequisites))
    assert file.read() == b"PACK..."


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_an_error(data: bytes) -> None:
    for prefix in (b"", b"# v2 git bundle\n"):
        with pytest.raises(BundleError):
            read_header(io.BytesIO(prefix + data))
