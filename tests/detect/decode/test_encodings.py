"""A secret is found behind every encoding, at the place of its encoded text."""

from __future__ import annotations

import base64
import gzip
import random
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.detect import Scanner
from pushwarden.model import REDACTED, Match
from tests.detect.conftest import made_up, token

TOKEN = token()
RAW = TOKEN.encode()
TEXT = b"some words before\n" * 3 + b"token = " + RAW + b"\nafter\n"


def only(scanner: Scanner, data: bytes) -> Match:
    result = scanner.scan(data)
    assert result.gaps == ()
    assert [each.secret.reveal() for each in result.matches] == [RAW]
    return result.matches[0]


def each_byte(form: str) -> bytes:
    return "".join(form % byte for byte in RAW).encode()


def wrap(data: bytes, width: int, between: bytes) -> bytes:
    return between.join(data[at : at + width] for at in range(0, len(data), width))


WHOLE = {
    "hex": (RAW.hex().encode(), ("hex",)),
    "upper-case hex": (RAW.hex().upper().encode(), ("hex",)),
    "list of hex bytes": (b", ".join(b"0x%02x" % byte for byte in RAW), ("hex",)),
    "percent": (each_byte("%%%02X"), ("percent",)),
    "percent, one character": (RAW.replace(b"_", b"%5F"), ("percent",)),
    "unicode escapes": (each_byte("\\u%04x"), ("unicode",)),
    "unicode escapes with braces": (each_byte("\\u{%x}"), ("unicode",)),
    "unicode escapes in a string in a string": (each_byte("\\\\u%04x"), ("unicode",)),
    "hex escapes": (each_byte("\\x%02x"), ("escape",)),
    "decimal entities": (each_byte("&#%d;"), ("html",)),
    "hex entities": (each_byte("&#x%x;"), ("html",)),
    "one entity": (RAW.replace(b"_", b"&#95;"), ("html",)),
    "literals joined by plus": (RAW[:12] + b'" + "' + RAW[12:], ("concatenation",)),
    "literals joined by a dot": (RAW[:12] + b"' . '" + RAW[12:], ("concatenation",)),
    "adjacent literals": (RAW[:12] + b'" "' + RAW[12:], ("concatenation",)),
    "literals on two lines": (RAW[:12] + b'"\n    "' + RAW[12:], ("concatenation",)),
    "literals on two lines, plus before": (RAW[:12] + b'"\r\n  + "' + RAW[12:], ("concatenation",)),
    "literals on two lines, plus behind": (RAW[:12] + b"' +\n  '" + RAW[12:], ("concatenation",)),
    "literals on two lines, backslash": (RAW[:12] + b'" \\\n "' + RAW[12:], ("concatenation",)),
    "three literals": (RAW[:9] + b'" + "' + RAW[9:20] + b'"+"' + RAW[20:], ("concatenation",)),
    "UTF-16 in other bytes": (TOKEN.encode("utf-16-le"), ("utf-16",)),
}


@pytest.mark.parametrize(("encoded", "chain"), WHOLE.values(), ids=WHOLE.keys())
@pytest.mark.parametrize(("before", "after"), [(b"", b""), (b'x = "', b'"\n'), (b"line\nx: ", b" # y\nz\n" * 9)])
def test_an_encoded_secret_is_found_and_its_encoded_text_is_its_place(
    scanner: Scanner, encoded: bytes, chain: tuple[str, ...], before: bytes, after: bytes
) -> None:
    if chain == ("utf-16",):
        before, after = b"\x80\x81" + before + b"\x80", b"\x80" + after
    match = only(scanner, before + encoded + after)

    assert match.decoded_from == chain
    assert match.span.start == len(before)
    assert match.span.end == len(before) + len(encoded)
    assert match.span.start_line == before.count(b"\n") + 1
    assert encoded[:20].decode(errors="replace") not in match.snippet


BASE64 = {
    "plain": base64.b64encode(TEXT),
    "for URLs": base64.urlsafe_b64encode(TEXT),
    "the token alone": base64.b64encode(RAW),
    "without padding": base64.b64encode(TEXT).rstrip(b"="),
    "behind a slash": b"path/" + base64.b64encode(TEXT),
    "behind other letters": b"abcde" + base64.b64encode(TEXT),
    "wrapped": wrap(base64.b64encode(TEXT), 64, b"\n"),
    "wrapped and indented": b"data: |\n    " + wrap(base64.b64encode(TEXT), 40, b"\n    ") + b"\n",
    "wrapped with CRLF": wrap(base64.b64encode(TEXT), 76, b"\r\n"),
    "wrapped in a JSON string": b'"' + wrap(base64.b64encode(TEXT), 64, b"\\n") + b'"',
    "wrapped in literals": b'"' + wrap(base64.b64encode(TEXT), 60, b'"\n  "') + b'"',
    "in a header": b"Authorization: Basic " + base64.b64encode(TEXT),
}


@pytest.mark.parametrize("data", BASE64.values(), ids=BASE64.keys())
def test_base64_is_read_however_it_is_written(scanner: Scanner, data: bytes) -> None:
    match = only(scanner, data)

    assert match.decoded_from == ("base64",)
    shown = data[match.span.start : match.span.end]
    assert 54 <= len(shown) <= 80
    assert data.count(b"\n", 0, match.span.start) + 1 == match.span.start_line


NESTED: dict[str, tuple[Callable[[bytes], bytes], tuple[str, ...]]] = {
    "base64 twice": (lambda text: base64.b64encode(base64.b64encode(text)), ("base64", "base64")),
    "base64 of hex": (lambda text: base64.b64encode(text.hex().encode()), ("base64", "hex")),
    "hex of base64": (lambda text: base64.b64encode(text).hex().encode(), ("hex", "base64")),
    "base64 of UTF-16": (lambda text: base64.b64encode(text.decode().encode("utf-16-le")), ("base64", "utf-16")),
    "base64 of gzip": (lambda text: base64.b64encode(gzip.compress(text)), ("base64", "gzip")),
    "base64 of zlib": (lambda text: base64.b64encode(zlib.compress(text)), ("base64", "zlib")),
    "gzip of base64": (lambda text: gzip.compress(base64.b64encode(text)), ("gzip", "base64")),
}


@pytest.mark.parametrize(("encode", "chain"), NESTED.values(), ids=NESTED.keys())
def test_encodings_inside_encodings_are_undone_and_named_from_the_outside(
    scanner: Scanner, encode: Callable[[bytes], bytes], chain: tuple[str, ...]
) -> None:
    data = encode(TEXT)

    match = only(scanner, data)

    assert match.decoded_from == chain
    assert 0 <= match.span.start < match.span.end <= len(data)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("bom", [True, False])
@pytest.mark.parametrize("before", ["", "größe\n", "日本\r\nx ", "emoji 😀 "])
def test_a_file_in_utf16_is_read_and_placed(scanner: Scanner, encoding: str, bom: bool, before: str) -> None:
    head = ("\ufeff" if bom else "") + before + "key: "
    data = (head + TOKEN + "\nsome more plain text\n" * 4).encode(encoding)

    match = only(scanner, data)

    assert match.decoded_from == ("utf-16",)
    assert data[match.span.start : match.span.end].decode(encoding) == TOKEN
    assert match.span.start_line == before.count("\n") + 1
    assert match.snippet.endswith(f"key: {REDACTED}")


def test_a_byte_order_mark_hides_nothing(scanner: Scanner) -> None:
    assert only(scanner, b"\xff\xfe" + TEXT).decoded_from == ()
    assert only(scanner, b"\xfe\xff" + TEXT).decoded_from == ()


def test_an_escape_elsewhere_on_the_line_does_not_double_the_finding(scanner: Scanner) -> None:
    assert only(scanner, b"%41%42%43 \\u0041 &#65; " + RAW).decoded_from == ()


def test_too_many_encodings_inside_each_other_make_the_result_incomplete(scanner: Scanner) -> None:
    data = TEXT
    for _ in range(scanner.limits.text_depth + 1):
        data = base64.b64encode(data)

    result = scanner.scan(data)

    assert result.matches == ()
    assert [gap.code for gap in result.gaps] == ["decode-depth"]


def test_noise_in_the_innermost_encoding_leaves_nothing_unread(scanner: Scanner) -> None:
    # Twelve bytes of it happen to be letters, and that is what the probe for text asks for.
    data = random.Random(9).randbytes(30) + b"abcdefghijkl" + random.Random(10).randbytes(30)
    for _ in range(scanner.limits.text_depth + 1):
        data = base64.b64encode(data)

    assert scanner.scan(data).gaps == ()


@pytest.mark.parametrize(
    "text",
    [
        "a''b c''d",
        "x = 'it''s' 'a'",
        '"a\\" "b"',
        "%zz%41x %2 %%41",
        "a' 'b' 'c' 'd' 'e' 'f'",
        "&#0;&#999;a",
        r"\\x41\\u0041",
    ],
)
def test_ordinary_quotes_and_broken_escapes_leave_nothing_undone(scanner: Scanner, text: str) -> None:
    result = scanner.scan((text + "\n").encode() * 3 + RAW)

    assert result.gaps == ()
    assert [each.secret.reveal() for each in result.matches] == [RAW]


def test_every_encoded_secret_on_many_lines_is_found_at_its_line(scanner: Scanner) -> None:
    tokens = [token(seed) for seed in range(20)]
    data = b"\n".join(base64.b64encode(each.encode()) for each in tokens)

    matches = scanner.scan(data).matches

    assert [(each.secret.reveal().decode(), each.span.start_line) for each in matches] == [
        (each, line) for line, each in enumerate(tokens, start=1)
    ]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_base64_of_anything_around_a_secret_is_read(fast: Scanner, before: bytes, after: bytes) -> None:
    data = base64.b64encode(before + b" " + RAW + b" " + after)

    assert RAW in {each.secret.reveal() for each in fast.scan(data).matches}


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet='abc%4\\xu0"+\n &#;=/', max_size=120))
def test_no_text_of_escapes_breaks_a_scan(fast: Scanner, text: str) -> None:
    data = text.encode() + b" " + RAW

    for each in fast.scan(data).matches:
        assert 0 <= each.span.start < each.span.end <= len(data)


def test_ordinary_words_and_hashes_are_not_decoded(scanner: Scanner) -> None:
    text = f"integrity sha256 {made_up(64, '0123456789abcdef')} someRatherLongIdentifierInCamelCase\n" * 20

    assert scanner.scan(text.encode()).matches == ()


def test_a_key_whose_lines_are_literals_that_end_with_a_line_break_is_read(shipped: Scanner) -> None:
    body = base64.b64encode(
        b"\x30\x82\x04\xa2\x02\x01\x00\x02\x82\x01\x01\x00" + random.Random(3).randbytes(1178)
    ).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    source = '"\n    + "'.join(f"{line}\\n" for line in lines)

    matches = shipped.scan(f'String key = "{source}";\n'.encode(), path="Key.java").matches

    assert [each.rule_id for each in matches] == ["private-key-der-base64"]
