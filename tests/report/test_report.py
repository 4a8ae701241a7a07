from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pushwarden.errors import UsageError
from pushwarden.model import Confidence, Gap, Result, Source
from pushwarden.report import FORMATS, Report, ReportedFinding, format_for_path, in_order, result_of, summary, write
from pushwarden.suppress.config_text import _FORMATS as CONFIGURABLE_FORMATS

MACHINE_FORMATS = tuple(each for each in FORMATS if each != "text")
GAP = Gap("too-large", "The file has 312 MiB; raise --max-file-size.", "assets/video.bin")


def rendered(report: Report, format_: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    write(report, format_, stream, **options)
    return stream.getvalue()


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_hides_the_secret_unless_asked(
    format_: str, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    report = make_report(make_finding("hunter2-but-longer", snippet='password = "********"'))

    assert b"hunter2-but-longer" not in rendered(report, format_)
    assert b"hunter2-but-longer" in rendered(report, format_, show_secrets=True)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_names_the_gaps_of_an_incomplete_scan(format_: str, make_report: Callable[..., Report]) -> None:
    text = rendered(make_report(gaps=(GAP,)), format_).decode()

    assert "312 MiB" in text
    assert "assets/video.bin" in text


@pytest.mark.parametrize("format_", FORMATS)
def test_equal_reports_are_equal_bytes_whatever_the_order_of_findings(
    format_: str, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    findings = [make_finding(f"tok-{number}", line=number, path=f"p{number % 3}") for number in range(1, 9)]
    forward = make_report(*findings)
    backward = replace(forward, findings=tuple(reversed(findings)))

    assert rendered(forward, format_) == rendered(backward, format_)


@pytest.mark.parametrize("format_", MACHINE_FORMATS)
def test_machine_formats_do_not_depend_on_time_terminal_or_colour(
    format_: str, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    report = make_report(make_finding())

    assert rendered(report, format_) == rendered(report, format_, color=True, width=40, elapsed_s=7.5)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_is_valid_utf_8_and_ends_its_last_line(
    format_: str, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    report = make_report(make_finding(b"\xff\xfe\x00", path="src/caf\udce9.txt"))
    data = rendered(report, format_, show_secrets=True)

    assert "caf\\xe9.txt" in data.decode().replace("\\\\", "\\").replace("%E9", "\\xe9").replace("%5Cxe9", "\\xe9")
    assert data.endswith(b"\n")


def test_findings_are_ordered_by_path_then_place(make_finding: Callable[..., ReportedFinding]) -> None:
    late = make_finding(path="b.py", line=1)
    second = make_finding(path="a.py", line=10)
    first = make_finding(path="a.py", line=9)

    assert in_order([late, second, first]) == (first, second, late)


@pytest.mark.parametrize(
    ("findings", "gaps", "result"),
    [([], [], Result.CLEAN), ([1], [], Result.FINDINGS), ([], [1], Result.INCOMPLETE), ([1], [1], Result.INCOMPLETE)],
)
def test_a_gap_makes_the_result_incomplete_whatever_was_found(
    findings: list[object], gaps: list[object], result: Result
) -> None:
    assert result_of(findings, gaps) is result


def test_an_unknown_format_is_refused_with_the_known_ones(make_report: Callable[..., Report]) -> None:
    with pytest.raises(UsageError, match=r"'yaml'; use one of text, json"):
        rendered(make_report(), "yaml")


@pytest.mark.parametrize(
    ("path", "format_"),
    [
        ("report.json", "json"),
        ("out/Report.SARIF", "sarif"),
        ("x.sarif.json", "sarif"),
        ("a.ndjson", "jsonl"),
        ("junit.xml", "junit"),
        ("r.htm", "html"),
        ("notes.txt", "text"),
        ("ci/gl-secret-detection-report.json", "gitlab"),
    ],
)
def test_a_file_name_says_its_format(path: str, format_: str) -> None:
    assert format_for_path(path) == format_


@pytest.mark.parametrize("path", ["report", "report.pdf", ".json.bak"])
def test_a_file_name_without_a_known_extension_is_an_error_that_says_what_to_do(path: str) -> None:
    with pytest.raises(UsageError, match="say --format, or end it in one of"):
        format_for_path(path)


def test_the_configuration_file_takes_every_format() -> None:
    assert CONFIGURABLE_FORMATS == FORMATS


def test_the_summary_counts_secrets_places_levels_and_what_was_scanned(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    report = make_report(
        make_finding("tok-1", path="a"),
        make_finding("tok-1", path="b"),
        make_finding("tok-2", confidence=Confidence.LOW, source=Source.NOTE),
    )

    assert summary(report, 1.26) == (
        "Found 2 secrets in 3 places (2 high, 1 low); 41 commits, 3 refs, 12 files, 189 blobs, 4.1 MB scanned, in 1.3 s"
    )


def test_the_summary_of_an_incomplete_scan_never_says_that_there_are_no_secrets(
    make_report: Callable[..., Report],
) -> None:
    assert summary(make_report(gaps=(GAP,))).startswith(
        "Incomplete: 1 thing not scanned. No secrets in what was scanned"
    )
    assert summary(make_report()).startswith("No secrets found; ")
