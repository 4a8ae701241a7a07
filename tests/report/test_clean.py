from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.report import clean

ANYTHING = st.text(st.characters(exclude_categories=()))


@given(ANYTHING)
def test_a_clean_line_has_no_control_format_or_separator_character(text: str) -> None:
    shown = clean.line(text)

    assert not [each for each in shown if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@given(ANYTHING)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean.line(clean.line(text)) == clean.line(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcode, 漢字, 🙂", "plain text, ünïcode, 漢字, 🙂"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("one\ntwo\r\u2028three", r"one\ntwo\r\u2028three"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("\x9b31m", r"\x9b31m"),
    ],
)
def test_what_a_terminal_would_obey_becomes_visible(text: str, shown: str) -> None:
    assert clean.line(text) == shown


@given(ANYTHING)
def test_unicode_text_can_always_be_encoded(text: str) -> None:
    clean.unicode(text).encode()


@given(ANYTHING)
def test_xml_text_can_always_be_parsed(text: str) -> None:
    ET.fromstring("<a>" + clean.xml(text).replace("&", "&amp;").replace("<", "&lt;") + "</a>")


@given(st.sampled_from("=+-@\t\r\n＝＋－＠"), ANYTHING)  # noqa: RUF001 - full-width signs start formulas too
def test_a_cell_never_starts_like_a_formula(first: str, rest: str) -> None:
    assert clean.cell(first + rest).startswith("'")


@pytest.mark.parametrize("text", ["##[error]x", "a ##vso[task.setvariable]x", "##teamcity[x]"])
def test_log_lines_hold_no_command_of_a_build_server(text: str) -> None:
    assert "##" not in clean.log_line(text)


def test_headings_stay_as_they_are_in_log_lines() -> None:
    assert clean.log_line("## Heading #1") == "## Heading #1"
