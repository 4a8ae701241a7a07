from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.model import Gap, Person
from pushwarden.report import Report, ReportedFinding, write

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=30)


def suite_of(report: Report) -> ET.Element:
    stream = io.BytesIO()
    write(report, "junit", stream)
    root = ET.fromstring(stream.getvalue())
    assert root.tag == "testsuites"
    (suite,) = root
    return suite


def test_a_clean_scan_is_one_passed_test(make_report: Callable[..., Report]) -> None:
    suite = suite_of(make_report())

    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "0")
    assert len(suite[0]) == 0


def test_a_finding_is_a_failure_and_a_gap_is_an_error(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    suite = suite_of(make_report(make_finding(path="src/app.py", line=3), gaps=(Gap("timeout", "Slow.", "x"),)))

    failed, broken = suite
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "1")
    assert failed.get("classname") == "example-token"
    assert failed.get("file") == "src/app.py"
    assert failed[0].tag == "failure"
    assert "what to do: Revoke it" in (failed[0].text or "")
    assert (broken[0].tag, broken[0].get("type")) == ("error", "timeout")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=ANYTHING, other=ANYTHING)
def test_hostile_text_cannot_leave_its_element(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], path: str, other: Any
) -> None:
    finding = make_finding(path=path, snippet=other, author=Person(other, other, other))

    suite = suite_of(make_report(finding, gaps=(Gap("x", other, path or None),), root=other))

    assert [child.tag for case in suite for child in case] == ["failure", "error"]
