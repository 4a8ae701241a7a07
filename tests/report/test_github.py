from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.model import Confidence, Gap
from pushwarden.report import Report, ReportedFinding, write

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=30)
COMMAND = re.compile(r"::(error|warning|notice) ([^\n]*?)::([^\n]*)")


def lines(report: Report, **options: Any) -> list[str]:
    stream = io.BytesIO()
    write(report, "github", stream, **options)
    return stream.getvalue().decode().splitlines()


def test_a_finding_is_an_annotation_of_its_line(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    (line,) = lines(make_report(make_finding(path="src/app.py", line=12)))

    assert line == (
        "::error file=src/app.py,line=12,endLine=12,col=10,endColumn=20,title=example-token"
        "::Example token (high confidence) since commit 3f2a9c1d04be. "
        "Revoke it at Example > Tokens, then look at the log for its use."
    )


def test_the_surest_come_first_because_github_shows_only_some(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    found = lines(
        make_report(
            make_finding(path="a", confidence=Confidence.LOW),
            make_finding(path="b", confidence=Confidence.MEDIUM),
            make_finding(path="c", confidence=Confidence.HIGH),
        )
    )

    assert [line.split(" ")[0] for line in found] == ["::error", "::warning", "::notice"]


def test_a_gap_is_an_error(make_report: Callable[..., Report]) -> None:
    (line,) = lines(make_report(gaps=(Gap("too-large", "Too large.", "a,b:c"),)))

    assert line == "::error file=a%2Cb%3Ac,title=scan incomplete%3A too-large::Too large."


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=ANYTHING, other=ANYTHING)
def test_hostile_text_stays_in_its_property(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], path: str, other: Any
) -> None:
    report = make_report(
        make_finding(path=path, title=other, advice=other), gaps=(Gap("x", other + "%0A::error::x\n::error::y", path),)
    )

    found = lines(report)

    assert len(found) == 2
    for line in found:
        command = COMMAND.fullmatch(line)
        assert command
        pairs = [pair.split("=", 1)[0] for pair in command[2].split(",")]
        assert set(pairs) <= {"file", "line", "endLine", "col", "endColumn", "title"}
        assert "%0A" not in line
        assert not re.search(r"##\w*\[", line)
