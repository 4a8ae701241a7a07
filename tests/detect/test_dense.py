"""Content that is made of nothing but places to look at: bounded, and said to be incomplete where that is met."""

from __future__ import annotations

import base64
from array import array
from functools import partial

import hyperscan
import pytest

from pushwarden.detect import Scanner, ends, explore, multi, plain
from pushwarden.detect.decode import PROBES, decode, escapes, piece
from pushwarden.detect.ends import DenseError, in_order, no_ends, united
from pushwarden.detect.lines import LineIndex
from pushwarden.detect.sieve import collect
from tests.detect.conftest import token

TOKEN = token()


def each_byte(form: str) -> bytes:
    return "".join(form % byte for byte in TOKEN.encode()).encode()


def codes(scanner: Scanner, data: bytes) -> list[str]:
    return [gap.code for gap in scanner.scan(data).gaps]


def test_no_more_places_are_kept_than_there_is_room_for() -> None:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[b"a", b"b"], ids=[0, 1], elements=2, flags=0)
    found = no_ends()

    with pytest.raises(DenseError):
        collect(database, b"ab" * 9, found, most=4)

    assert {number: list(places) for number, places in found.items()} == {0: [1, 3], 1: [2, 4]}


def test_places_without_end_are_too_dense(fast: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multi, "collect", partial(collect, most=100))

    assert codes(fast, rb"\x61" * 101) == ["too-dense"]
    assert codes(fast, rb"\x61" * 99) == []


def test_hits_without_end_are_too_dense(scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "HITS_MOST", 9)
    lines = "".join(f"{token(seed)}\n" for seed in range(10)).encode()

    result = scanner.scan(lines)

    assert [gap.code for gap in result.gaps] == ["too-dense"]
    assert len(result.matches) == 9


def test_matches_in_many_parts_of_a_file_are_counted_together(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore, "_MOST", 5)
    lines = "".join(f"{token(seed)}\n" for seed in range(5)).encode()
    encoded = b"\n\n--\n\n".join(base64.b64encode(b"token: " + token(9).encode()) for _ in range(9))

    assert codes(scanner, lines) == []
    assert codes(scanner, lines + TOKEN.encode() + b"x\n" + encoded) == ["too-dense"]


@pytest.mark.parametrize("many", [0, 1 << 16])
def test_places_come_in_order_however_many_there_are(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(ends, "_MANY", many)

    assert list(in_order(array("I", (1, 5, 9)))) == [1, 5, 9]
    assert list(in_order(array("I", (5, 1, 9)))) == [1, 5, 9]
    assert list(united([array("I", (1, 5)), (), array("I", (2, 5, 7))])) == [1, 2, 5, 7]


@pytest.mark.parametrize("before", range(0, 240, 7))
def test_a_long_line_of_escapes_is_undone_in_parts_that_overlap(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(escapes, "FULL", 600)
    monkeypatch.setattr(escapes, "_OVERLAP", 300)
    data = rb"\x2d\x61 " * before + each_byte(r"\x%02x") + rb" \x2d" * 200

    (match,) = scanner.scan(data).matches

    assert match.secret.reveal().decode() == TOKEN
    assert data[match.span.start : match.span.end] == each_byte(r"\x%02x")


@pytest.mark.parametrize(
    "wrapped",
    [base64.b64encode(TOKEN.encode()), TOKEN.encode().hex().encode(), each_byte("0x%02x, "), each_byte("%%%02x")],
    ids=["base64", "hex", "list", "percent"],
)
def test_what_is_decoded_is_looked_at_in_pieces(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch, wrapped: bytes
) -> None:
    monkeypatch.setattr(piece, "FULL", 100)

    matches = scanner.scan((wrapped + b"\n;; end;;\n") * 7).matches

    assert [match.span.start for match in matches] == [at * (len(wrapped) + 10) for at in range(7)]


def test_much_text_makes_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece, "FULL", 100)
    data = (b"61" * 30 + b"\n") * 20

    pieces = [*decode(data, {PROBES.index(b"(?:[2-7][0-9a-fA-F]|0[9aAdD]){14}"): range(28, len(data), 61)})]

    assert len(pieces) == 7
    assert b"".join(each.data for each in pieces).replace(b"\n", b"") == b"a" * 600


@pytest.mark.parametrize("data", [b"\n" * 99, b"\r" * 99, b"\r\n" * 99, b"ab\n\rc\r\nd" * 20, b"x" * 50, b""])
def test_lines_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("pushwarden.detect.lines._BLOCK", 10)
    whole, begin = list[int](), 0
    for line in data.splitlines(keepends=True) or [b""]:
        whole.append(begin)
        begin += len(line)

    # What stands behind the last line break is a line, too, though it be empty.
    assert list(LineIndex(data).starts) == whole + [len(data)] * data.endswith((b"\n", b"\r"))
