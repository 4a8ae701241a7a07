from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.model import Confidence, Gap, Person, Source
from pushwarden.report import Report, ReportedFinding, write
from pushwarden.suppress import Kind, Stale, Suppressed

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)


def text_of(report: Report, **options: Any) -> str:
    stream = io.BytesIO()
    write(report, "text", stream, **options)
    return stream.getvalue().decode()


def test_a_block_says_what_where_who_and_what_to_do(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    finding = make_finding(path="src/app.py", line=12, decoded_from=("base64",))

    assert text_of(make_report(finding), elapsed_s=0.84) == (
        "┃  HIGH  Example token  example-token\n"
        "┃\n"
        "┃ src/app.py:12:10  in base64  still in HEAD\n"
        '┃   12 │ token = "********"\n'
        "┃   3f2a9c1d04be  Ada Lovelace <ada@example.com>  2026-03-05  main, v1.0\n"
        f"┃   fingerprint {finding.fingerprint}\n"
        "┃\n"
        "┃ → Revoke it at Example > Tokens, then look at the log for its use.\n"
        "┃   https://docs.example.com/tokens\n"
        "\n"
        "✗ Found 1 secret in 1 place (1 high)\n"
        "  41 commits · 3 refs · 12 files · 189 blobs · 4.1 MB scanned · 0.8 s\n"
    )


def test_a_clean_scan_is_one_line(make_report: Callable[..., Report]) -> None:
    assert text_of(make_report()) == (
        "✓ No secrets found  41 commits · 3 refs · 12 files · 189 blobs · 4.1 MB scanned\n"
    )


def test_places_of_one_secret_stand_together_and_the_surest_rule_first(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    text = text_of(
        make_report(
            make_finding("low-1", path="a", confidence=Confidence.LOW, rule_id="weak"),
            make_finding("tok-1", path="b"),
            make_finding("tok-2", path="c", source=Source.NOTE),
            make_finding("tok-1", path="d", in_head=False),
        )
    )

    assert re.findall(r"┃ (\w):12:10", text) == ["b", "d", "c", "a"]
    assert text.count("fingerprint") == 3
    assert "┃ c:12:10  note  still in HEAD" in text
    assert "┃ d:12:10  not in HEAD" in text


def test_many_places_of_one_secret_are_counted_not_listed(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    text = text_of(make_report(*(make_finding(path=f"p{number:02}") for number in range(13))))

    assert "┃ p09:12:10" in text
    assert "p10:12:10" not in text
    assert "and 3 more places; --format json lists all" in text


def test_an_incomplete_scan_lists_what_is_missing_and_never_looks_clean(make_report: Callable[..., Report]) -> None:
    gaps = tuple(Gap("missing-object", "Fetch it.", None, f"{number:040x}") for number in range(23))

    text = text_of(make_report(gaps=gaps))

    assert "INCOMPLETE  Not everything was scanned" in text
    assert "and 3 more; --format json lists all" in text
    assert "! Incomplete: 23 things not scanned. No secrets in what was scanned" in text


def test_unused_and_expired_suppressions_are_named(make_report: Callable[..., Report]) -> None:
    unused = Stale(Kind.IGNORE_FILE, ".pushwarden-ignore:7", "0d2f9a7be1c3… github-pat")
    expired = Stale(Kind.CONFIG, ".pushwarden.toml:3", "tests/** (old)", date(2026, 1, 31))

    text = text_of(make_report(suppressed=Suppressed(4, {"config": 4}, (unused,), (expired,))))

    assert "1 unused suppression: worth removing\n┃ .pushwarden-ignore:7  0d2f9a7be1c3… github-pat\n" in text
    assert "1 expired suppression: no longer applied\n┃ .pushwarden.toml:3  tests/** (old)  until 2026-01-31\n" in text
    assert "4 suppressed (4 config)" in text


def test_sentences_wrap_and_snippets_are_cut_to_the_width(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    finding = make_finding(snippet="x" * 300, advice="word " * 60, path="p", author=None, references=())

    lines = text_of(make_report(finding), width=60).splitlines()

    assert max(len(line) for line in lines[:-1]) <= 60
    assert any(line.endswith("x…") for line in lines)


def test_long_paths_are_never_cut(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    path = "folder/" * 40 + "file.py"

    assert f"{path}:12:10" in text_of(make_report(make_finding(path=path)), width=40)


def test_colour_is_added_to_the_same_text(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    report = make_report(make_finding(), gaps=(Gap("timeout", "Slow.", "x"),))

    colored = text_of(report, color=True)

    assert "\x1b[" in colored
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in stripped.splitlines()] == text_of(report).splitlines()


def test_without_colour_there_is_no_escape_sequence(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    assert "\x1b" not in text_of(make_report(make_finding()))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=ANYTHING, other=ANYTHING)
def test_hostile_text_sends_nothing_to_a_terminal_or_a_build_log(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], path: str, other: Any
) -> None:
    finding = make_finding(other.encode("utf-8", "replace") or b"x", path=path, snippet=other, refs=(other, path))
    stale = Stale(Kind.GITLEAKS, path, other)
    report = make_report(
        make_finding(path=f"::error::{path}", author=Person(other, path, other)),
        finding,
        gaps=(Gap("x", other, path),),
        suppressed=Suppressed(0, {}, (stale,), ()),
    )

    text = text_of(report, show_secrets=True)

    assert all(line.isprintable() for line in text.split("\n"))
    *lines, amounts, end = text.split("\n")
    assert (amounts.split(" · ")[0], end) == ("  41 commits", "")
    assert all(line[:1] in {"┃", "!", ""} for line in lines)
    assert not re.search(r"##\w*\[", text)
