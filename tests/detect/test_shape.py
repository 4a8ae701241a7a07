"""What the tree of a pattern tells."""

from __future__ import annotations

import pytest

from pushwarden.detect.shape import shape_of


@pytest.mark.parametrize(
    ("pattern", "body"),
    [
        (r"key=[0-9a-f]{32}", "[0-9a-f]{32}"),
        (r"(?:id[A-Z]{20}){2}[a-z]{4}", "[A-Z]{20}"),
        (r"a(?:[0-9]{20})?b", None),
        (r"(?:[0-9]{20}|x)", None),
        (r"[a-z]{16,40}-[a-z]{18}", "[a-z]{18}"),
        (r"[a-z]{15}", None),
    ],
)
def test_longest_run_of_one_kind_is_known_where_every_match_holds_it(pattern: str, body: str | None) -> None:
    assert shape_of(pattern).body == body
