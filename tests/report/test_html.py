from __future__ import annotations

import base64
import hashlib
import html.parser
import io
import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushwarden.model import Gap, Person
from pushwarden.report import Report, ReportedFinding, write
from pushwarden.suppress import Kind, Stale, Suppressed

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)
HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>\u202e'\"&"


class Page(html.parser.HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self._inside: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        self._inside.append("data" if values.get("id") == "data" else tag)

    def handle_endtag(self, tag: str) -> None:
        del tag
        self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text[self._inside[-1]] = self.text.get(self._inside[-1], "") + data


def page_of(report: Report, **options: Any) -> Page:
    stream = io.BytesIO()
    write(report, "html", stream, **options)
    return Page(stream.getvalue().decode())


def test_the_page_holds_the_findings_as_data(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    data = json.loads(page_of(make_report(make_finding(path="src/app.py"))).text["data"])

    assert data["findings"][0]["path"] == "src/app.py"
    assert data["rules"]["example-token"]["title"] == "Example token"


def test_the_page_fetches_nothing(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    page = page_of(make_report(make_finding()))

    addresses = [value for _, values in page.tags for name, value in values.items() if name in {"src", "href"}]
    assert addresses == ["data:,", "#list"]
    assert "url(" not in page.text["style"]
    assert not re.search(r"fetch\(|XMLHttp|import\(|WebSocket", page.text["script"])


def test_the_policy_allows_exactly_the_style_and_the_script(make_report: Callable[..., Report]) -> None:
    page = page_of(make_report())
    policy = next(values["content"] for tag, values in page.tags if tag == "meta" and "http-equiv" in values)

    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.text[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in (policy or "")
    assert "default-src 'none'" in (policy or "")
    assert "unsafe" not in (policy or "")


def test_gaps_and_stale_suppressions_are_readable_without_a_script(make_report: Callable[..., Report]) -> None:
    stale = Stale(Kind.CONFIG, ".pushwarden.toml:3", "tests/** (old)", date(2026, 1, 31))
    page = page_of(
        make_report(gaps=(Gap("timeout", "It was slow.", "big.log"),), suppressed=Suppressed(0, {}, (), (stale,)))
    )

    assert "Not everything was scanned: 1 gap" in page.text["summary"]
    assert "It was slow." in page.text["li"]
    assert ".pushwarden.toml:3" in page.text["code"]


@pytest.mark.parametrize("where", ["path", "snippet", "name", "ref", "gap", "root", "stale", "secret"])
def test_markup_that_a_pusher_wrote_adds_no_element(
    where: Any, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    def part(name: str) -> str:
        return HOSTILE if name == where else "x"

    report = make_report(
        make_finding(
            part("secret"),
            path=part("path"),
            snippet=part("snippet"),
            author=Person(part("name"), part("name"), part("name")),
            refs=(part("ref"),),
        ),
        gaps=(Gap("x", part("gap"), part("gap")),),
        suppressed=Suppressed(0, {}, (Stale(Kind.GITLEAKS, part("stale"), part("stale")),), ()),
        root=part("root"),
    )
    page = page_of(report, show_secrets=True)

    tags = [tag for tag, _ in page.tags]
    assert "img" not in tags
    assert tags.count("script") == 2
    assert not [name for _, values in page.tags for name in values if name.startswith("on")]
    json.loads(page.text["data"])


def test_the_data_cannot_end_the_element_it_stands_in(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    stream = io.BytesIO()
    write(make_report(make_finding(path="</script x><!--<script>&lt;")), "html", stream)

    data = stream.getvalue().decode().split('id="data">')[1].split("</script>")[0]

    assert not set("<>&") & set(data)
    assert json.loads(data)["findings"][0]["path"] == "</script x><!--<script>&lt;"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ANYTHING)
def test_text_is_shown_without_controls_or_bidirectional_marks(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], text: str
) -> None:
    data = json.loads(page_of(make_report(make_finding(path=text, snippet=text))).text["data"])

    assert data["findings"][0]["path"].isprintable()
    assert data["findings"][0]["snippet"].isprintable()
