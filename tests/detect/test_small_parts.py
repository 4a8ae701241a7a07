"""Entropy, checksums, globs, lines."""

from __future__ import annotations

import base64
import math
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.detect import Scanner
from pushwarden.detect.checksums import VERIFIERS, base62, crc32_base62
from pushwarden.detect.entropy import entropy, reaches
from pushwarden.detect.globs import glob_pattern
from pushwarden.detect.lines import SNIPPET_WIDTH, LineIndex
from pushwarden.model import REDACTED, Confidence
from tests.detect.conftest import made_up, token


@pytest.mark.parametrize(("data", "bits"), [(b"", 0.0), (b"aaaa", 0.0), (b"abab", 1.0), (bytes(range(256)), 8.0)])
def test_entropy_is_that_of_shannon(data: bytes, bits: float) -> None:
    assert entropy(data) == bits


@given(st.binary(min_size=1))
def test_entropy_lies_between_nothing_and_the_logarithm_of_the_length(data: bytes) -> None:
    assert 0.0 <= entropy(data) <= math.log2(len(data)) + 1e-9


@given(st.binary(max_size=300), st.floats(0.0, 8.0))
def test_the_short_cut_to_a_least_entropy_changes_no_answer(data: bytes, least: float) -> None:
    assert reaches(data, least) == (entropy(data) >= least)


@given(st.integers(0, 2**32 - 1))
def test_base_62_can_be_read_back(number: int) -> None:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    text = base62(number).decode()

    assert len(text) == 6
    assert sum(digits.index(char) * 62**place for place, char in enumerate(reversed(text))) == number


@given(st.integers(0, 1000))
def test_a_checksum_is_right_for_its_own_body_only(seed: int) -> None:
    good = token(seed)
    place = random.Random(seed).randrange(4, 34)
    bad = good[:place] + ("a" if good[place] != "a" else "b") + good[place + 1 :]

    assert crc32_base62(good.encode())
    assert not crc32_base62(bad.encode())


def test_grafana_writes_the_checksum_lowest_byte_first() -> None:
    assert VERIFIERS["grafana"](b"123456789_2639f4cb")  # the check value of CRC-32, cbf43926
    assert not VERIFIERS["grafana"](b"123456789_cbf43926")


def test_packagist_writes_the_checksum_of_prefix_and_random_part_in_eight_digits() -> None:
    assert VERIFIERS["packagist"](b"123456789cbf43926")
    assert not VERIFIERS["packagist"](b"1234567892639f4cb")
    assert VERIFIERS["packagist"](b"packagist_uut_2880" + b"%08x" % zlib.crc32(b"packagist_uut_2880"))


@pytest.mark.parametrize("name", sorted(VERIFIERS))
def test_no_verifier_accepts_rubbish(name: str) -> None:
    for text in (b"", b"_", b"abc", made_up(40).encode(), b"\xff" * 40):
        assert not VERIFIERS[name](text)


def test_a_checksum_stands_behind_the_last_underscore() -> None:
    body = made_up(30)

    assert crc32_base62(b"a_b_" + body.encode() + base62(zlib.crc32(body.encode())))


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("**/.npmrc", [".npmrc", "a/.npmrc", "a/b/.NPMRC"], ["x.npmrc", ".npmrc/a"]),
        ("*.tf", ["main.tf", "a/b/c.tf"], ["main.tfx", "tf"]),
        ("config/*.yml", ["config/a.yml"], ["config/a/b.yml", "x/config/a.yml"]),
        ("docs/**", ["docs/a", "docs/a/b"], ["docs", "xdocs/a"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az"]),
        ("file.[ab]", ["file.a", "file.B"], ["file.c"]),
        ("file.[!ab]", ["file.c"], ["file.a"]),
        ("?.x", ["a.x"], ["ab.x", ".x"]),
    ],
)
def test_globs_match_paths_as_git_does(glob: str, yes: list[str], no: list[str]) -> None:
    pattern = glob_pattern([glob])

    assert all(pattern.fullmatch(path) for path in yes)
    assert not any(pattern.fullmatch(path) for path in no)


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"ab", "é".encode(), b"\xe9"]), max_size=30), st.data())
def test_lines_are_those_of_splitlines_for_the_three_line_breaks(parts: list[bytes], data: st.DataObject) -> None:
    content = b"".join(parts)
    offset = data.draw(st.integers(0, len(content)))
    if content[offset - 1 : offset + 1] == b"\r\n" and offset:
        offset += 1
    before = content[:offset].replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    assert LineIndex(content).line(offset) == before.count(b"\n") + 1


def _der(body: bytes) -> bytes:
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body


def _pem(body: bytes, label: str = "RSA PRIVATE KEY") -> str:
    text = base64.b64encode(body).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


RANDOM = random.Random(5).randbytes(600)
KEY = _der(b"\x02\x01\x00" + RANDOM)
SSH = b"openssh-key-v1\0" + b"".join(len(each).to_bytes(4, "big") + each for each in (b"none", b"none", b""))
SSH += (1).to_bytes(4, "big") + b"\0\0\0\x33" + RANDOM[:51] + b"\0\0\0\x90" + RANDOM[:144]


@pytest.mark.parametrize(
    "text",
    [
        _pem(KEY),
        _pem(KEY).replace("\n", "\r\n"),
        _pem(KEY).replace("\n", "\\n"),
        _pem(KEY).replace("\n", "\n    "),
        _pem(KEY).replace("\n", '\\n" +\n  "'),
        base64.b64encode(KEY).decode(),
        base64.b64encode(_der(b"\x02\x01\x00" + RANDOM[:301])).decode().rstrip("="),
        _pem(SSH, "OPENSSH PRIVATE KEY"),
    ],
)
def test_a_private_key_that_is_built_like_one_passes_however_it_is_written(text: str) -> None:
    assert VERIFIERS["private-key"](text.encode())


@pytest.mark.parametrize(
    "body", [KEY[:-3], KEY + b"abc", RANDOM, _der(b"\x04\x01\x00" + RANDOM), SSH[:80], b"openssh-key-v1\0" + RANDOM]
)
def test_a_private_key_that_is_cut_or_made_up_does_not(body: bytes) -> None:
    assert not VERIFIERS["private-key"](_pem(body).encode())


def test_what_is_no_base64_is_no_key() -> None:
    assert not VERIFIERS["private-key"](b"-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----")
    assert not VERIFIERS["private-key"](b"")


def test_the_private_lines_of_putty_hold_whole_numbers() -> None:
    numbers = b"".join(len(each).to_bytes(4, "big") + each for each in (RANDOM[:129], RANDOM[:65]))

    assert VERIFIERS["putty-key"](base64.b64encode(numbers))
    assert not VERIFIERS["putty-key"](base64.b64encode(numbers[:-1]))
    assert not VERIFIERS["putty-key"](base64.b64encode(RANDOM))
    assert not VERIFIERS["putty-key"](b"")


@pytest.mark.parametrize(
    ("size", "right"), [(64, True), (128, True), (255, True), (256, True), (48, False), (130, False)]
)
def test_a_private_exponent_is_as_long_as_a_modulus(size: int, right: bool) -> None:
    assert VERIFIERS["rsa-exponent"](base64.b64encode(RANDOM[:size])) is right


@pytest.mark.parametrize(("body", "confidence"), [(KEY, Confidence.HIGH), (KEY[:-6], Confidence.MEDIUM)])
def test_a_key_block_is_certain_only_when_it_is_whole(shipped: Scanner, body: bytes, confidence: Confidence) -> None:
    (match,) = shipped.scan(_pem(body).encode()).matches

    assert (match.rule_id, match.confidence) == ("private-key", confidence)


def test_on_a_line_with_many_secrets_each_has_a_snippet_of_its_own_without_any_of_them() -> None:
    words = [made_up(20, seed=seed) for seed in range(400)]
    data = "é ".join(f"name{number:03}={word};" for number, word in enumerate(words)).encode()
    places = [(data.index(word.encode()), data.index(word.encode()) + 20) for word in words]
    index = LineIndex(data)

    snippets = [index.snippet(start, end, places) for start, end in places]

    for number, snippet in enumerate(snippets):
        assert f"name{number:03}=" + REDACTED in snippet
        assert len(snippet) <= SNIPPET_WIDTH
        assert not any(word in snippet for word in words)
