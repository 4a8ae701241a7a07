"""Any bytes at all: every parser answers, or raises what it foresaw. ``bench/fuzz`` goes deeper, guided by coverage."""

from __future__ import annotations

import base64
import copy
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from dulwich.object_format import SHA1
from dulwich.objects import Blob
from dulwich.pack import write_pack_objects
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fuzz.targets import TARGETS
from tests.conftest import aws_secret, load_event

CORPUS = Path(__file__).parents[2] / "bench" / "fuzz" / "corpus"
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _pack() -> bytes:
    file = io.BytesIO()
    blobs = [Blob.from_string(b"line\n" * n + aws_secret(n).encode()) for n in range(1, 40)]
    write_pack_objects(file, blobs, SHA1, deltify=True)
    return file.getvalue()


SEEDS = {
    "wire": [b"001e# service=git-upload-pack\n0000" + b"0045" + b"1" * 40 + b" refs/heads/main\0side-band-64k\n0000"],
    "packs": [_pack()],
    "git_objects": [
        b"tree "
        + b"1" * 40
        + b"\nparent "
        + b"2" * 40
        + b"\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nHi\n",
        b"# v2 git bundle\n-" + b"1" * 40 + b"\n" + b"2" * 40 + b" refs/heads/main\n\nPACK",
    ],
    "content": [
        aws_secret(1).encode(),
        gzip.compress(aws_secret(2).encode()),
        base64.b64encode(aws_secret(3).encode()),
    ],
    "rules": [b'[[rules]]\nid = "a-b"\ntitle = "T"\npattern = "abc[0-9]{3}"\nconfidence = "low"\n'],
    "suppressions": [b"fingerprint:aaaa path=x reason=y\n", b'[[suppress]]\npaths = ["a"]\nreason = "b"\n', b"{}"],
    "reports": ["=cmd\u202e\x1b[2J\n\udcff".encode("utf-8", "surrogateescape")],
    "events": [json.dumps(load_event("codecommit-branch-updated")).encode()],
}


@pytest.mark.parametrize("target", sorted(TARGETS))
@QUICK
@given(data=st.binary(max_size=2000))
def test_any_bytes_raise_only_what_was_foreseen(target: str, data: bytes) -> None:
    TARGETS[target](data)


@pytest.mark.parametrize("target", sorted(TARGETS))
@QUICK
@given(data=st.data())
def test_good_input_that_was_damaged_raises_only_what_was_foreseen(target: str, data: st.DataObject) -> None:
    good = bytearray(data.draw(st.sampled_from(SEEDS[target])))
    for _ in range(data.draw(st.integers(0, 4))):
        if good:
            good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))

    TARGETS[target](bytes(good if data.draw(st.booleans()) else good[:cut]))


@QUICK
@given(path=st.lists(st.sampled_from(["detail", "resources", "id", "time", "account", "region", "source"]), max_size=1),
       key=st.sampled_from(sorted(load_event("codecommit-branch-updated")["detail"])), value=JSON)  # fmt: skip
def test_an_event_with_anything_in_any_field_raises_only_what_was_foreseen(
    path: list[str], key: str, value: Any
) -> None:
    event = copy.deepcopy(load_event("codecommit-branch-updated"))
    if path:
        event[path[0]] = value
    else:
        event["detail"][key] = value

    TARGETS["events"](json.dumps(event).encode())


@pytest.mark.parametrize("path", sorted(CORPUS.rglob("*.bin")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_fuzzing_found_before_stays_fixed(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())
