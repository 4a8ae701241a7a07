"""Placeholders are told from secrets."""

from __future__ import annotations

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.detect.placeholder import counts, is_placeholder
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
        "key_abcdefghijklmnopqrstuvwxyz",
    ],
)  # fmt: skip
def test_a_placeholder_is_none(text: str) -> None:
    assert is_placeholder(text.encode())


@pytest.mark.parametrize("text", ["123456789012", "abcdefghijklmnop", "0987654321", "k-0123456789abcdef"])
def test_a_run_of_neighbours_counts(text: str) -> None:
    assert counts(text.encode())


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


@given(st.binary(max_size=60) | st.text("0123456789:/abcz", max_size=40).map(str.encode))
def test_counting_up_and_down_is_what_it_says(secret: bytes) -> None:
    pairs = list(pairwise(secret))
    up = bytes((left, right) == (0x39, 0x30) or (left != 0x39 and (right - left) % 256 == 1) for left, right in pairs)
    down = bytes((left - right) % 256 == 1 for left, right in pairs)

    assert counts(secret) == (b"\1" * 8 in up or b"\1" * 8 in down)
