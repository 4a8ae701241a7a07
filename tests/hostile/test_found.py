"""What fuzzing and reading with a hostile eye found, each with the smallest input that shows it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dulwich.objects import Blob, Tree

from pushwarden.detect import Scanner
from pushwarden.detect.errors import RuleError
from pushwarden.detect.gitleaks import read_config
from pushwarden.detect.loader import load_rules
from pushwarden.detect.plain import PlainEngine
from pushwarden.detect.planning import make_plan
from pushwarden.detect.rule import RuleSet
from pushwarden.detect.rulefile import RuleFile
from pushwarden.detect.shape import shape_of
from pushwarden.detect.syntax import PatternError
from pushwarden.events import MalformedEventError, SecurityEvent, parse_push
from pushwarden.history.local.packs import PackError, patched
from pushwarden.history.objects import Commit
from pushwarden.history.pack import Limits, PackDamagedError, survey
from pushwarden.history.trees import Trees, places
from pushwarden.model import Gap, Person
from pushwarden.respond.mail import Mail, chat_message, event_mail
from tests.conftest import aws_secret, load_event
from tests.history.test_pack import entry, pack, written
from tests.test_events import security_event

LEAK = aws_secret("found").encode()
NOBODY = Person("", "", "")


def zipped(data: bytes, name: str = "a.txt") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def tarred(*files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number, data in enumerate(files):
            info = tarfile.TarInfo(f"{number}.bin")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def header(size: bytes, kind: bytes = b"0") -> bytes:
    """Return a tar header with any size in it, and a checksum that is right."""
    raw = bytearray(tarfile.TarInfo("a").tobuf(tarfile.USTAR_FORMAT)[:512])
    raw[124:136], raw[156:157] = size, kind
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


HIDDEN: dict[str, Callable[[], bytes]] = {
    "a zip behind a gzip": lambda: gzip.compress(b"x") + zipped(LEAK),
    "an xz behind a gzip": lambda: gzip.compress(b"x") + lzma.compress(LEAK * 20),
    "a gzip behind a zlib stream": lambda: zlib.compress(b"x") + gzip.compress(LEAK),
    "a gzip behind zeros behind a gzip": lambda: gzip.compress(b"x") + b"\0" * 999 + gzip.compress(LEAK),
    "a zip behind a picture": lambda: b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xaeB`\x82" + zipped(LEAK),
    "a zip behind a script": lambda: b"#!/bin/sh\nexit\n" + zipped(LEAK),
    "a zip before another": lambda: zipped(LEAK) + zipped(b"x"),
    "a file that calls itself a folder": lambda: zipped(LEAK, "a/"),
    "a tar behind the end of a tar": lambda: tarred(b"x") + tarred(gzip.compress(LEAK)),
    "a tar that begins with a damaged header": lambda: b"zz" + tarred(b"x", gzip.compress(LEAK))[2:],
    "a tar with a damaged block": lambda: tarred(b"x")[:1024] + b"\1" * 512 + tarred(gzip.compress(LEAK)),
    "a stream in a stream of a PDF": lambda: (
        b"%PDF-1\n<</FlateDecode>>stream\nx <</FlateDecode>>stream\n" + zlib.compress(LEAK) + b"\nendstream"
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_another_program_would_unpack_is_found_or_incomplete(scanner: Scanner, name: str) -> None:
    result = scanner.scan(HIDDEN[name](), path="a.bin")

    assert result.matches or result.gaps


def _greedy_xz() -> bytes:
    data = bytearray(lzma.compress(b"x", format=lzma.FORMAT_XZ))
    end = 12 + (data[12] + 1) * 4
    block = data[12:end]
    block[block.index(b"\x21\x01") + 2] = 40
    block[-4:] = struct.pack("<I", zlib.crc32(block[:-4]))
    return bytes(data[:12] + block + data[end:])


EXPENSIVE: dict[str, Callable[[], bytes]] = {
    "a tar whose header comes again and again": lambda: (
        tarred(b"x")[:1024] + header(b"\xff" + (-1536).to_bytes(11, "big", signed=True)) + bytes(1024)
    ),
    "a tar with a number of a million digits": lambda: header(b"%011o\0" % 10**6, b"x") + b"1" * 10**6 + bytes(1024),
    "an xz that asks for four gigabytes": _greedy_xz,
    "a zip that lists a hundred thousand files": lambda: b"PK\x03\x04" + b"PK\x01\x02" * 100_001 + b"PK\x05\x06",
}


@pytest.mark.parametrize("name", EXPENSIVE)
def test_what_is_too_expensive_to_unpack_is_incomplete(scanner: Scanner, name: str) -> None:
    assert scanner.scan(EXPENSIVE[name](), path="a.bin").gaps


@pytest.mark.parametrize(
    "data", [gzip.compress(b"", mtime=0) * 20_000, bz2.compress(b"x") * 2_000], ids=["gzip", "bzip2"]
)
def test_a_file_of_many_small_streams_takes_time_for_its_bytes_alone(scanner: Scanner, data: bytes) -> None:
    assert scanner.scan(data, path="a.gz").gaps == ()


def test_a_document_of_many_beginnings_takes_time_for_its_bytes_alone(scanner: Scanner) -> None:
    data = b"%PDF-1\n" + b"/FlateDecode>>stream\n" * 20_001

    assert [gap.code for gap in scanner.scan(data, path="a.pdf").gaps] == ["archive-members"]


def test_a_lack_of_memory_is_incomplete(scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError

    data = zipped(LEAK)
    monkeypatch.setattr(zipfile.ZipFile, "open", greedy)

    assert [gap.code for gap in scanner.scan(data, path="a.zip").gaps] == ["unreadable"]


@pytest.mark.parametrize("mode", [0o040000, 0o040755, 0o040777])
def test_a_folder_is_entered_whatever_its_permissions(mode: int) -> None:
    inner, outer = Tree(), Tree()
    inner.add(b"key.txt", 0o100644, Blob.from_string(LEAK).id)
    outer.add(b"d", 0o040000, inner.id)
    raw = outer.as_raw_string().replace(b"40000 d", b"%o d" % mode)
    trees = Trees({"1" * 40: raw, inner.id.decode(): inner.as_raw_string()})

    where, _ = places([Commit("2" * 40, "1" * 40, (), NOBODY, NOBODY, b"")], trees)

    assert [place.path for place in where.values()] == [b"d/key.txt"]


def test_a_damaged_folder_is_incomplete() -> None:
    gaps = list[Gap]()

    places([Commit("2" * 40, "1" * 40, (), NOBODY, NOBODY, b"")], Trees({"1" * 40: b"no tree"}), gaps)

    assert [gap.code for gap in gaps] == ["malformed"]


@pytest.mark.parametrize(
    "body",
    [
        entry(6, 0, b"", base=b"\xff" * 500_000),
        entry(6, 1, b"\x80", base=b"\x01"),
        entry(6, 4, b"\x01\x01\x01x", base=b"\x7f"),
    ],
    ids=["a number without end", "a delta that ends in its head", "a base before the pack"],
)
def test_a_pack_with_odd_deltas_is_damaged(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(PackDamagedError):
        survey(written(tmp_path, pack(body)), Limits())


def test_a_delta_whose_size_never_ends_is_refused_at_once() -> None:
    with pytest.raises(PackError):
        patched(b"", b"\xff" * 2_000_000)


@pytest.mark.parametrize(
    "pattern",
    [
        "a{1000000000}",
        "((a{1000}){1000}){1000}",
        "(" * 3000 + "a" + ")" * 3000,
        "(?#",
        "a{2}{3}",
        "a{99999999999999999}",
    ],
    ids=["large", "large together", "deep", "open comment", "twice", "beyond numbers"],
)
@pytest.mark.parametrize("key", ["pattern", "not", "near"])
def test_a_pattern_that_would_take_gigabytes_is_refused_with_its_line(pattern: str, key: str) -> None:
    value = {"pattern": f"'{pattern}'", "not": f"['{pattern}']", "near": f"{{ pattern = '{pattern}', lines = 1 }}"}[key]
    other = "" if key == "pattern" else "pattern = 'abc[0-9]'\n"
    text = f'[[rule]]\nid = "a-b"\ntitle = "T"\n{other}{key} = {value}\nconfidence = "low"\nadvice = "A"\nexamples = ["a", "b"]\ncounter_examples = ["a", "b"]\n'

    with pytest.raises(RuleError, match=r"^fuzz\.toml:\d+: rule"):
        load_rules([RuleFile(Path("fuzz.toml"), text)])


def test_a_long_pattern_takes_time_for_its_length_alone() -> None:
    assert shape_of("S?" * 3_000 + "abc").width > 3_000


def test_a_pattern_that_is_too_deep_is_no_crash() -> None:
    with pytest.raises(PatternError):
        shape_of("(?:" * 2000 + "a" + ")+" * 2000)


@pytest.mark.parametrize(
    "document",
    [
        {"rules": 1},
        {"rules": ["x"]},
        {"extend": []},
        {"extend": {"path": 1}},
        {"extend": {"path": "a\0b"}},
        {"extend": {"disabledRules": 1}},
        {"allowlist": []},
        {"allowlists": {"a": 1}},
        {"allowlist": {"targetRules": 1}},
        *(
            {"rules": [{"id": "r", "regex": "abc", key: value}]}
            for key, value in (
                ("secretGroup", "1"), ("secretGroup", -1), ("entropy", "high"), ("keywords", 1), ("tags", "x"),
                ("allowlist", "x"), ("allowlists", ["x"]), ("allowlist", {"paths": 1}), ("allowlist", {"regexes": "x"}),
                ("allowlist", {"stopwords": [1]}),
            )
        ),
    ],
    ids=repr,
)  # fmt: skip
def test_a_foreign_configuration_with_values_of_the_wrong_kind_is_a_clear_error(document: dict[str, Any]) -> None:
    with pytest.raises(RuleError, match=r"^gitleaks\.toml"):
        read_config(document, Path("gitleaks.toml"))


@pytest.mark.parametrize("allow", [{"regexes": ["(a|a)*b"]}, {"paths": ["(a|a)*b"]}], ids=["regexes", "paths"])
def test_an_allowlist_that_never_ends_allows_nothing(allow: dict[str, Any]) -> None:
    rule = {"id": "r", "regex": "key: (a{60,})", "allowlist": {**allow, "condition": "OR"}}
    plan = make_plan(RuleSet(list(read_config({"rules": [rule]}, Path("x")).rules.values())))

    result = Scanner(plan, PlainEngine(plan.matchers)).scan(b"key: " + b"a" * 80, path="a" * 80)

    assert len(result.matches) == 1


def test_many_secrets_that_begin_with_a_line_break_are_shown() -> None:
    rule = {"id": "r", "regex": "\\nx|k"}
    plan = make_plan(RuleSet(list(read_config({"rules": [rule]}, Path("x")).rules.values())))

    result = Scanner(plan, PlainEngine(plan.matchers)).scan(b"k" * 400 + b"\nx")

    assert len(result.matches) == 401


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_outside_all_time_is_a_malformed_event(time: str) -> None:
    with pytest.raises(MalformedEventError):
        parse_push(load_event("codecommit-branch-updated") | {"time": time})


@pytest.mark.parametrize("change", [{"findingCount": float("inf")}, {"incomplete": [1]}, {"findings": [{}]}])
def test_numbers_and_lists_that_are_none_make_a_malformed_event(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedEventError):
        SecurityEvent.from_detail(security_event().to_detail() | change)


@pytest.mark.parametrize("field", ["path", "author", "email", "snippet"])
def test_a_link_of_a_pushers_is_dead_in_the_mail(field: str) -> None:
    detail = security_event().to_detail()
    detail["findings"][0][field] = "Sign in at https://evil.example/console"

    text = event_mail(SecurityEvent.from_detail(detail)).text

    assert "https://evil.example" not in text
    assert "https[:]//evil.example/console" in text


@pytest.mark.parametrize("count", range(1, 12))
def test_no_number_of_backticks_leaves_the_block_of_a_chat_message(count: int) -> None:
    assert chat_message(Mail("s", "a" + "`" * count + "b"), "pw-1").count("```") == 2
