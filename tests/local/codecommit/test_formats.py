"""The formats underneath, on inputs of every kind: pkt-lines, packs, trees, HTTP bodies, pages, model shapes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.local.codecommit import pktline, trees
from pushwarden.local.codecommit.api.pages import max_results, page
from pushwarden.local.codecommit.errors import ApiError
from pushwarden.local.codecommit.http import BadRequestError, Body
from pushwarden.local.codecommit.packs import copy_pack
from pushwarden.local.codecommit.shapes import OutputShapeError, format_output, parse_input, service_model
from pushwarden.local.codecommit.treeedit import TreeConflictError, TreeMerge, edit_tree

# pkt-lines


@given(st.lists(st.binary(max_size=300)))
def test_pkt_lines_come_back_as_they_were(payloads: list[bytes]) -> None:
    stream = io.BytesIO(b"".join(map(pktline.encode, payloads)) + pktline.FLUSH)
    assert list(pktline.read_until_flush(stream)) == payloads


@given(st.binary(max_size=200))
def test_reading_pkt_lines_from_anything_ends_in_payloads_or_a_clear_error(data: bytes) -> None:
    try:
        list(pktline.read_until_flush(io.BytesIO(data)))
    except (pktline.PktLineError, EOFError):
        return


def test_a_payload_that_is_too_long_is_refused_and_a_side_band_splits_it() -> None:
    with pytest.raises(pktline.PktLineError):
        pktline.encode(b"x" * 65517)
    data = b"y" * 200_000
    packets = list(pktline.read_until_flush(io.BytesIO(pktline.side_band(1, data) + pktline.FLUSH)))
    assert b"".join(packet[1:] for packet in packets) == data
    assert {packet[0] for packet in packets} == {1}


# Packs


class Parts:
    """Gives bytes in pieces of the sizes that a test chooses."""

    def __init__(self, data: bytes, sizes: Sequence[int]) -> None:
        self.pieces = []
        for size in sizes:
            self.pieces.append(data[:size])
            data = data[size:]
        self.pieces = [piece for piece in [*self.pieces, data] if piece]

    def read_some(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def packed(kinds: Sequence[int], contents: Sequence[bytes]) -> bytes:
    pack = b"PACK" + (2).to_bytes(4, "big") + len(kinds).to_bytes(4, "big")
    for kind, content in zip(kinds, contents, strict=True):
        size = len(content)
        head = [(kind << 4) | (size & 15) | (0x80 if size > 15 else 0)]
        size >>= 4
        while size:
            head.append((size & 0x7F) | (0x80 if size > 0x7F else 0))
            size >>= 7
        base = b"\x07" if kind == 6 else b"b" * 20 if kind == 7 else b""
        pack += bytes(head) + base + zlib.compress(content)
    return pack + b"c" * 20


OBJECTS = st.lists(st.tuples(st.sampled_from([1, 2, 3, 4, 6, 7]), st.binary(max_size=400)), max_size=8)
SIZES = st.lists(st.integers(1, 50), max_size=60)


@given(OBJECTS, SIZES)
def test_a_pack_is_copied_whole_and_its_offset_deltas_are_seen(
    objects: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    pack = packed([kind for kind, _ in objects], [content for _, content in objects])
    sink = io.BytesIO()
    assert copy_pack(Parts(pack, sizes), sink) == any(kind == 6 for kind, _ in objects)
    assert sink.getvalue() == pack


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda rest: b"PACK\0\0\0\2" + rest)), SIZES)
def test_what_is_no_pack_is_copied_as_it_is(data: bytes, sizes: list[int]) -> None:
    sink = io.BytesIO()
    copy_pack(Parts(data, sizes), sink)
    assert sink.getvalue() == data


def test_a_large_object_of_nothing_is_not_kept_in_memory() -> None:
    pack = packed([3], [bytes(50_000_000)])
    assert copy_pack(Parts(pack, []), io.BytesIO()) is False


# Trees


class Store:
    """Objects in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, bytes]] = {}

    def write(self, kind: str, data: bytes) -> str:
        key = f"{zlib.crc32(kind.encode() + data):08x}".rjust(40, "0")
        self.objects[key] = (kind, data)
        return key

    def typed(self, object_id: str, kind: str) -> bytes | None:
        found = self.objects.get(object_id)
        return found[1] if found and found[0] == kind else None


FLAT = st.dictionaries(
    st.lists(st.sampled_from([b"a", b"b", b"a.b", b"a-", b"\xff"]), min_size=1, max_size=3).map(b"/".join),
    st.binary(max_size=3),
    max_size=10,
)


def without_clashes(files: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {path: data for path, data in files.items() if not any(other.startswith(path + b"/") for other in files)}


def build(store: Store, files: dict[bytes, bytes]) -> str:
    edits = {path: trees.Entry(trees.FILE_MODE, store.write("blob", data)) for path, data in files.items()}
    return edit_tree(store, store.write, None, edits)


def leaves(store: Store, tree: str) -> dict[bytes, bytes]:
    return {path: store.typed(entry.object_id, "blob") or b"" for path, entry in trees.walk(store, tree)}


@given(FLAT, FLAT)
def test_a_diff_applied_to_the_old_tree_gives_the_new_one(old: dict[bytes, bytes], new: dict[bytes, bytes]) -> None:
    old, new = without_clashes(old), without_clashes(new)
    store = Store()
    before, after = build(store, old), build(store, new)
    assert leaves(store, before) == old
    changed = dict(old)
    for change in trees.diff(store, before, after):
        assert (change.before is None, change.after is None) == (change.path not in old, change.path not in new)
        if change.after is None:
            del changed[change.path]
        else:
            changed[change.path] = store.typed(change.after.object_id, "blob") or b""
    assert changed == new
    assert (list(trees.diff(store, before, after)) == []) == (old == new)


@given(FLAT, FLAT, FLAT)
def test_a_merge_takes_what_one_side_changed_and_reports_what_both_did(
    base: dict[bytes, bytes], ours: dict[bytes, bytes], theirs: dict[bytes, bytes]
) -> None:
    store = Store()
    base, ours, theirs = (without_clashes(each) for each in (base, ours, theirs))
    trees_of = [build(store, each) for each in (base, ours, theirs)]
    merge = TreeMerge(store, store.write, lambda *_: None)
    merged = leaves(store, merge.merge(*trees_of))
    for path in base.keys() | ours.keys() | theirs.keys():
        was, our, their = (each.get(path) for each in (base, ours, theirs))
        if not merge.conflicts and their in (our, was):
            assert merged.get(path) == our
        if not merge.conflicts and our == was:
            assert merged.get(path) == their
    if theirs in (base, ours):
        assert (merged, merge.conflicts) == (ours, [])
    if ours == base:
        assert (merged, merge.conflicts) == (theirs, [])


def test_an_edit_through_a_file_or_over_a_folder_is_a_conflict() -> None:
    store = Store()
    tree = build(store, {b"file": b"", b"dir/inner": b""})
    blob = trees.Entry(trees.FILE_MODE, store.write("blob", b"x"))
    for path, kind in ((b"file/x", "file-in-the-way"), (b"dir", "folder-in-the-way")):
        with pytest.raises(TreeConflictError) as error:
            edit_tree(store, store.write, tree, {path: blob})
        assert error.value.kind == kind


def test_a_commit_in_another_encoding_and_without_a_proper_author_is_still_read() -> None:
    data = b"tree " + b"1" * 40 + b"\nauthor odd\ncommitter K\xe4te <k@x> 5 +0100\nencoding latin-1\n\ngr\xfc\xdfe"
    commit = trees.parse_commit("2" * 40, data)
    assert (commit.author.name, commit.author.email) == ("odd", "")
    assert (commit.committer.name, commit.committer.date, commit.message) == ("Käte", "5 +0100", "grüße")
    assert trees.decode(b"x\xff", "no-such-encoding") == "x\ufffd"


# HTTP bodies


def body_of(data: bytes, cuts: Sequence[int], *, chunked: bool, zipped: bool) -> Body:
    if zipped:
        data = gzip.compress(data)
    headers = {"content-encoding": "gzip"} if zipped else {}
    if not chunked:
        return Body(io.BytesIO(data), {**headers, "content-length": str(len(data))})
    wire = b""
    for size in cuts:
        part, data = data[:size], data[size:]
        wire += b"%x;note=1\r\n%s\r\n" % (len(part), part) if part else b""
    wire += b"%X\r\n%s\r\n" % (len(data), data) if data else b""
    return Body(io.BytesIO(wire + b"0\r\nTrailer: x\r\n\r\n"), {**headers, "transfer-encoding": "chunked"})


@given(st.binary(max_size=3000), SIZES, st.booleans(), st.booleans(), st.integers(1, 400))
def test_a_body_is_read_as_it_was_sent(data: bytes, cuts: list[int], chunked: bool, zipped: bool, step: int) -> None:
    body = body_of(data, cuts, chunked=chunked, zipped=zipped)
    start = body.read(step)
    assert start == data[:step]
    rest = b""
    while part := body.read_some():
        rest += part
    assert start + rest == data


@pytest.mark.parametrize(
    ("wire", "headers"),
    [
        (b"abc", {"content-length": "10"}),
        (b"abc", {"content-length": "-1"}),
        (b"abc", {"content-length": "x"}),
        (b"zz\r\nabc", {"transfer-encoding": "chunked"}),
        (b"5\r\nabc", {"transfer-encoding": "chunked"}),
        (b"", {"transfer-encoding": "chunked"}),
        (b"abcdef", {"content-length": "6", "content-encoding": "gzip"}),
    ],
)
def test_a_broken_body_is_a_clear_error(wire: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(BadRequestError):
        Body(io.BytesIO(wire), headers).read_all(1000)


def test_a_body_above_the_limit_is_refused() -> None:
    with pytest.raises(BadRequestError, match="more than 10 bytes"):
        Body(io.BytesIO(b"x" * 11), {"content-length": "11"}).read_all(10)


# Pages


@given(st.lists(st.integers()), st.integers(1, 5))
def test_pages_put_together_are_the_whole(items: list[int], size: int) -> None:
    seen, token = list(page(items, None, size)[0]), page(items, None, size)[1]
    while token is not None:
        shown, token = page(items, token, size)
        assert 1 <= len(shown) <= size
        seen += shown
    assert seen == items


@pytest.mark.parametrize("token", ["x", "cGFnZTo=", "cGFnZTotNQ==", "ünï"])
def test_a_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(ApiError) as error:
        page([1], token, 1)
    assert error.value.code == "InvalidContinuationTokenException"


@pytest.mark.parametrize(("given_size", "expected"), [({}, 7), ({"n": 3}, 3), ({"n": 99}, 9)])
def test_page_sizes_have_a_default_and_a_limit(given_size: dict[str, int], expected: int) -> None:
    assert max_results(given_size, "n", 7, 9) == expected


# Shapes


def test_blobs_times_and_lists_are_parsed_by_the_model() -> None:
    operation = service_model().operation_model("CreateCommit")
    given_call = {
        "repositoryName": "r",
        "branchName": "b",
        "keepEmptyFolders": True,
        "unknown": 1,
        "putFiles": [{"filePath": "f", "fileContent": "AAE=", "fileMode": None}],
    }
    assert parse_input(operation, given_call) == {
        "repositoryName": "r",
        "branchName": "b",
        "keepEmptyFolders": True,
        "putFiles": [{"filePath": "f", "fileContent": b"\0\1"}],
    }


@pytest.mark.parametrize(
    ("operation", "given_call", "code"),
    [
        ("PutFile", {"fileContent": "***"}, "SerializationException"),
        ("PutFile", {"fileMode": "WEIRD"}, "InvalidFileModeException"),
        ("TagResource", {"resourceArn": "a", "tags": {"k": 1}}, "SerializationException"),
        ("PutFile", {"filePath": "a\ud800"}, "SerializationException"),
        ("TagResource", {"resourceArn": "a", "tags": []}, "SerializationException"),
        ("GetDifferences", {"afterCommitSpecifier": "x", "MaxResults": True}, "SerializationException"),
        ("GetDifferences", {"afterCommitSpecifier": "x", "MaxResults": "3"}, "SerializationException"),
        ("BatchGetCommits", {"commitIds": "x"}, "SerializationException"),
        ("BatchGetCommits", {}, "CommitIdsListRequiredException"),
    ],
)
def test_a_member_that_does_not_fit_the_model_is_refused(operation: str, given_call: dict[str, Any], code: str) -> None:
    complete = {"repositoryName": "r", "branchName": "b", "fileContent": "", "filePath": "f", **given_call}
    with pytest.raises(ApiError) as error:
        parse_input(service_model().operation_model(operation), complete)
    assert error.value.code == code


@pytest.mark.parametrize(
    "answer",
    [
        {"branch": {"branchName": "b", "tip": "x"}},
        {"branches": []},
        {"branch": {"branchName": b"b"}},
        {"branch": ["b"]},
    ],
)
def test_an_answer_that_does_not_fit_the_model_is_a_fault_of_the_server(answer: dict[str, Any]) -> None:
    with pytest.raises(OutputShapeError):
        format_output(service_model().operation_model("GetBranch"), answer)


def test_an_operation_without_an_answer_answers_nothing() -> None:
    operation = service_model().operation_model("CreateBranch")
    assert format_output(operation, {}) == {}
    with pytest.raises(OutputShapeError):
        format_output(operation, {"x": 1})
