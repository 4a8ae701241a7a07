from __future__ import annotations

import re
from pathlib import Path

import pytest

from cdk.cost import PUSHES, git_requests, monthly, page

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_what_the_computation_says() -> None:
    assert (DOCS / "cost.md").read_text() == page()


def test_more_pushes_cost_more_in_every_line() -> None:
    for few, many in zip(monthly(PUSHES[0]), monthly(PUSHES[-1]), strict=True):
        assert 0 < few.dollars <= many.dollars, few.what


@pytest.mark.parametrize("pushes", PUSHES)
def test_a_scan_is_a_tenth_of_a_cent_where_no_allowance_is_left(pushes: int) -> None:
    assert git_requests(pushes) == pytest.approx(pushes * 30 * 0.001)


def test_the_guide_quotes_the_sums() -> None:
    found = re.search(r"about (\d+), (\d+) and (\d+) USD a month", (DOCS / "deploy.md").read_text())
    assert found
    assert [int(each) for each in found.groups()] == [
        round(sum(line.dollars for line in monthly(pushes))) for pushes in PUSHES
    ]
