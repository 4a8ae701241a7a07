from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.model import Span
from pushwarden.suppress.inline import allowed_lines, is_allowed


def span(first: int, last: int) -> Span:
    return Span(0, 1, first, 1, last, 2)


@pytest.mark.parametrize(
    "comment",
    [
        "# pushwarden:allow",
        "// gitleaks:allow because of x",
        "/* betterleaks:allow */",
        "# pragma: allowlist secret",
        "# pragma:allowlist secret",
        "# pragma: whitelist secret",
        "<!-- PUSHWARDEN:ALLOW -->",
    ],
)
def test_a_comment_allows_its_own_line(comment: Any) -> None:
    assert allowed_lines(f"a\nb\ntoken = 'x'  {comment}\nc\n".encode()) == frozenset({3})


@pytest.mark.parametrize("comment", ["# pushwarden:allow-next-line", "// pragma: allowlist nextline secret"])
def test_a_comment_allows_the_line_below_it(comment: Any) -> None:
    assert allowed_lines(f"a\n{comment}\ntoken = 'x'\n".encode()) == frozenset({3})


@pytest.mark.parametrize(
    "text", ["", "allow everything", "pushwarden:allowed", "pushwarden:allow-all", "pragma: allowlist secretary"]
)
def test_other_words_allow_nothing(text: str) -> None:
    assert allowed_lines(text.encode()) is None


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_detection_counts_them(ending: Any) -> None:
    data = ending.join(["a", "b  # gitleaks:allow", "", "d  # pushwarden:allow"]).encode()

    assert allowed_lines(data) == frozenset({2, 4})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_with_a_byte_order_mark_is_understood(encoding: Any) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"

    assert allowed_lines(f"{mark}a\nx # pushwarden:allow\n".encode(encoding)) == frozenset({2})


def test_a_comment_on_any_line_of_a_match_allows_it() -> None:
    lines = allowed_lines(b"-----BEGIN KEY-----\nabc  pushwarden:allow\n-----END KEY-----\n")

    assert is_allowed(lines, span(1, 3))
    assert not is_allowed(lines, span(3, 3))
    assert not is_allowed(None, span(1, 3))


@given(st.lists(st.booleans(), max_size=30), st.sampled_from(["\n", "\r\n", "\r"]))
def test_exactly_the_marked_lines_are_allowed(marked: Any, ending: Any) -> None:
    data = ending.join("x = 1  # pushwarden:allow" if each else "y = 2" for each in marked).encode()

    assert allowed_lines(data) == (frozenset(n for n, each in enumerate(marked, 1) if each) or None)


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    allowed_lines(data + b"pushwarden:allow")
