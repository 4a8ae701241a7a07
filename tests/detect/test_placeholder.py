"""Placeholders are told from secrets."""

from __future__ import annotations

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.detect.placeholder import counts, is_masked, is_placeholder
from tests.detect.conftest import made_up


@pytest.mark.parametrize(
    "text",
    [
        "xxxxxxxxxxxx", "XXXXXXXX-XXXX", "****************", "................", "0000000000000000", "ababababababab",
        "${DB_PASSWORD}", "$DB_PASSWORD", "$(cat secret)", "{{ password }}", "{{resolve:secretsmanager:x}}", "#{ENV['X']}",
        "%DB_PASSWORD%", "%(password)s", "%s", "<your token>", "<TOKEN>", "{token}", "[api key]", "@TOKEN@", "__TOKEN__",
        "<%= ENV['X'] %>", "changeme", "change-me-now", "CHANGE_THIS", "your_api_key_here", "YOUR-SECRET", "my-secret-token",
        "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "placeholder123", "redacted", "dummy-value",
        "none", "TODO", "insert-key-here", "replace_me", "sk_eyJzaWdu...", "tok_9fK2..[cut]", "yyy",
        "key_abcdefghijklmnopqrstuvwxyz", "DB_PASSWORD", "MY_ACCESS_TOKEN", "abcdef", "fPk/Gya[...]4/jBu",
    ],
)  # fmt: skip
def test_a_placeholder_is_none(text: str) -> None:
    assert is_placeholder(text.encode())


@pytest.mark.parametrize("text", ["123456789012", "abcdefghijklmnop", "0987654321", "k-0123456789abcdef"])
def test_a_run_of_neighbours_counts(text: str) -> None:
    assert counts(text.encode())


@pytest.mark.parametrize(
    "text", ["1a2B3c4D5e6F7g8H9i", "aA1bB2cC3dD4eE5fF6gG7hH8iI9", "xyz9876-54-321qrp", "abc123def456ghi"]
)
def test_letters_and_digits_that_count_in_turns_do_too(text: str) -> None:
    assert counts(text.encode())


@pytest.mark.parametrize("text", ["abc123def456abc789", "a1b2c3d4e5f6a7b8c9d0e1f2", "KEY-ABC123-DEF456-GHI123-JKL456"])
def test_many_short_runs_count(text: str) -> None:
    assert counts(text.encode())


@pytest.mark.parametrize(
    "kind", ["0123456789", "0123456789abcdef", string.ascii_lowercase, string.ascii_letters + string.digits]
)
def test_random_text_hardly_ever_does(kind: str) -> None:
    assert not any(counts(made_up(32, kind, seed).encode()) for seed in range(300))


def test_a_block_that_stands_there_twice_does_too() -> None:
    assert counts(b"Zk3vQ9xT1bN7" * 2)
    assert not counts(made_up(12).encode() + made_up(12, seed=8).encode())


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("token: key_9fK2", False), ("token: key_9fK2...", True), ("token: key_9fK2..[cut]", True), ("token: key_9fK2\u2026", True),
        ("token: key_9fK2..", False), ("token: key_9fK2[...]", True), ("token: 81-33-################", True), ("token: 81-33-#4", False),
        ("token: key_111111111111", True), ("token: TlRMAAAAAAAAAAAAAAAA", False),
    ],
)  # fmt: skip
def test_what_is_cut_off_or_blotted_out_is_masked(text: str, masked: bool) -> None:
    data = text.encode()
    end = len(data) if b"[" not in data else data.index(b"[") - 2 * (b"..[" in data)

    assert is_masked(data, 7, end) is masked


@pytest.mark.parametrize("text", ["12345678", "13579bdf", "abcdabcdabcd", ""])
def test_less_than_a_run_of_nine_does_not(text: str) -> None:
    assert not counts(text.encode())


@pytest.mark.parametrize("text", ["hunter2!", "Tr0ub4dor&3", "a$b{c}d", "p<ss>w", "Nuller", "trueblue7", "ab12cd34"])
def test_a_human_password_is_no_placeholder(text: str) -> None:
    assert not is_placeholder(text.encode())


@given(st.integers(0, 100_000), st.integers(16, 64))
def test_random_letters_and_digits_are_hardly_ever_taken_for_a_placeholder(seed: int, length: int) -> None:
    text = made_up(length, string.ascii_letters + string.digits, seed)
    words = (
        "example",
        "placeholder",
        "redacted",
        "dummy",
        "foobar",
        "change",
        "replace",
        "insert",
        "your",
        "123456789",
    )

    if not any(word in text.lower() for word in words):
        assert not is_placeholder(text.encode())


def test_a_long_key_is_never_judged_by_a_word_in_it() -> None:
    assert not is_placeholder((made_up(150) + "example" + made_up(150, seed=2)).encode())


def _runs(secret: bytes) -> bool:
    pairs = list(pairwise(secret))
    up = bytes((left, right) == (0x39, 0x30) or (left != 0x39 and (right - left) % 256 == 1) for left, right in pairs)
    down = bytes((left - right) % 256 == 1 for left, right in pairs)
    return b"\1" * 8 in up or b"\1" * 8 in down


def _twice(secret: bytes) -> bool:
    size = max(10, len(secret) // 4)
    return any(secret[at : at + size] in secret[at + size :] for at in range(len(secret) - 2 * size + 1))


def _mostly_steps(*kinds: bytes) -> bool:
    pairs = [pair for kind in kinds for pair in pairwise(kind)]
    steps = sum((left, right) == (0x39, 0x30) or (left != 0x39 and (right - left) % 256 == 1) for left, right in pairs)
    return len(pairs) >= 16 and 5 * steps > 3 * len(pairs)


@given(st.binary(max_size=60) | st.text("0123456789:/abcz", max_size=40).map(str.encode))
def test_counting_up_and_down_is_what_it_says(secret: bytes) -> None:
    letters = bytes(byte for byte in secret.lower() if chr(byte) in string.ascii_lowercase)
    single = bytes(byte for at, byte in enumerate(letters) if at == 0 or letters[at - 1] != byte)
    digits = bytes(byte for byte in secret if chr(byte) in string.digits)

    expected = any(map(_runs, (secret, single, digits))) or _twice(secret) or _mostly_steps(letters, digits)
    assert counts(secret) == expected
