from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.model import Gap, Person
from pushwarden.report import Report, ReportedFinding, write
from pushwarden.report.as_csv import COLUMNS

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=30)


def rows(report: Report) -> list[dict[str, str]]:
    stream = io.BytesIO()
    write(report, "csv", stream)
    return list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))


def test_a_row_has_the_facts_of_a_finding(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    (row,) = rows(make_report(make_finding(path="src/app.py", line=12, in_head=False)))

    assert tuple(row) == COLUMNS
    assert (row["path"], row["start_line"], row["in_head"]) == ("src/app.py", "12", "false")
    assert row["refs"] == "refs/heads/main refs/tags/v1.0"
    assert row["secret"] == "********"


def test_gaps_are_rows_so_that_a_table_never_looks_complete(make_report: Callable[..., Report]) -> None:
    (row,) = rows(make_report(gaps=(Gap("too-large", "Too large; raise the limit.", "a.bin"),)))

    assert (row["rule_id"], row["path"], row["title"]) == ("incomplete", "a.bin", "Too large; raise the limit.")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=ANYTHING, other=ANYTHING)
def test_hostile_text_stays_in_its_cell_and_is_no_formula(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], path: str, other: Any
) -> None:
    finding = make_finding(path=path, snippet=other, author=Person(other, "x", "=1"), commit=None, refs=(f"+{other}",))

    (row,) = rows(make_report(finding))

    assert tuple(row) == COLUMNS
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row.values())
    assert all(cell.isprintable() for cell in row.values())
