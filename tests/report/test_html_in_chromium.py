"""The page in a real browser, by keyboard. Skipped with a reason where there is none."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushwarden.model import Confidence, Person
from pushwarden.report import Report, ReportedFinding, write

COUNT = "document.getElementById('count').textContent"
PLACES = "[...document.querySelectorAll('.place')].map(place => place.textContent)"
GROUPS = "[...document.querySelectorAll('.group .name')].map(name => name.textContent)"


@pytest.fixture
def page(make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], tmp_path: Path) -> Path:
    findings = [
        make_finding("tok-1", path="a.py", author=Person("Ada", "ada@x", "2026-01-05T00:00:00Z")),
        make_finding("tok-1", path="b.py", author=Person("Bob", "bob@x", "2026-03-05T00:00:00Z"), in_head=False),
        make_finding(
            "low-1",
            path="c.py",
            rule_id="weak",
            title="Weak",
            confidence=Confidence.LOW,
            author=Person("Ada", "ada@x", "2026-03-09T00:00:00Z"),
        ),
    ]
    return saved(make_report(*findings), tmp_path / "page.html")


def saved(report: Report, path: Path) -> Path:
    with path.open("wb") as stream:
        write(report, "html", stream)
    return path


def problems(browser: Any) -> list[Any]:
    loud = ("Runtime.exceptionThrown", "Log.entryAdded")
    return [event for event in browser.events if event.get("method") in loud]


def requests(browser: Any) -> list[str]:
    sent = [event for event in browser.events if event.get("method") == "Network.requestWillBeSent"]
    return [event["params"]["request"]["url"] for event in sent]


def test_it_shows_every_finding_without_an_error_or_a_request(browser: Any, page: Path) -> None:
    browser.open(page)
    browser.settle()

    assert browser.eval(PLACES) == ["a.py:12:10", "b.py:12:10", "c.py:12:10"]
    assert browser.eval(COUNT) == "3 of 3 findings"
    assert problems(browser) == []
    assert [url for url in requests(browser) if not url.startswith("data:")] == [page.as_uri()]


def test_typing_after_a_slash_searches_and_escape_clears(browser: Any, page: Path) -> None:
    browser.open(page)
    browser.press("/", "b", "o", "b")
    browser.settle()
    assert browser.eval(PLACES) == ["b.py:12:10"]

    browser.press("Escape")
    browser.settle()
    assert browser.eval(COUNT) == "3 of 3 findings"


def test_the_groups_are_rule_file_author_secret_and_none(browser: Any, page: Path) -> None:
    browser.open(page)
    seen = [browser.eval(GROUPS)]
    for _ in range(4):
        browser.press("g")
        seen.append(browser.eval(GROUPS))

    assert seen == [
        ["Example token", "Weak"],
        ["a.py", "b.py", "c.py"],
        ["Ada <ada@x>", "Bob <bob@x>"],
        ["Example token", "Weak"],
        [],
    ]


def test_a_group_closes_and_opens(browser: Any, page: Path) -> None:
    browser.open(page)
    browser.eval("document.querySelector('.group').click()")
    assert browser.eval(PLACES) == ["c.py:12:10"]

    browser.eval("document.querySelector('.group').click()")
    assert len(browser.eval(PLACES)) == 3


def test_j_and_k_move_and_enter_opens_what_to_do(browser: Any, page: Path) -> None:
    browser.open(page)
    browser.press("j", "j", "k", "Enter")
    browser.settle()

    assert browser.eval("document.querySelectorAll('details.finding[open]').length") == 1
    text = browser.eval("document.querySelector('details.finding[open]').textContent")
    assert "a.py:12:10" in text
    assert "Revoke it at Example" in text
    assert browser.eval("document.querySelector('.todo a').href") == "https://docs.example.com/tokens"


def test_numbers_filter_by_confidence_and_h_by_head(browser: Any, page: Path) -> None:
    browser.open(page)
    browser.press("3")
    assert browser.eval(PLACES) == ["c.py:12:10"]
    browser.press("3", "h")
    assert browser.eval(PLACES) == ["a.py:12:10", "c.py:12:10"]


def test_a_bar_of_the_timeline_chooses_its_month(browser: Any, page: Path) -> None:
    browser.open(page)
    bars = browser.eval("[...document.querySelectorAll('#bars button')].map(bar => bar.title)")
    assert bars == ["2026-01: 1 finding", "2026-02: 0 findings", "2026-03: 2 findings"]

    browser.eval("document.querySelectorAll('#bars button')[2].click()")
    assert browser.eval(PLACES) == ["b.py:12:10", "c.py:12:10"]


@pytest.mark.parametrize("dark", [False, True])
def test_the_theme_follows_the_system_until_t_changes_it(browser: Any, page: Path, dark: bool) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    colors = {False: "rgb(247, 247, 249)", True: "rgb(14, 16, 21)"}

    browser.open(page, dark=dark)
    assert browser.eval(background) == colors[dark]
    browser.press("t")
    assert browser.eval(background) == colors[not dark]


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast(browser: Any, page: Path, dark: bool) -> None:
    """At least 4.5 to 1, as https://www.w3.org/TR/WCAG22/#contrast-minimum asks."""
    browser.open(page, dark=dark)
    pairs = browser.eval(
        """(() => {
          const probe = document.body.appendChild(document.createElement('p'));
          const rgb = name => { probe.style.color = `var(${name})`;
            return getComputedStyle(probe).color.match(/\\d+/g).map(Number); };
          const light = c => c.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
          const ratio = (a, b) => { const [x, y] = [light(rgb(a)), light(rgb(b))].sort((p, q) => q - p);
            return (x + .05) / (y + .05); };
          const on = [['--ink', '--paper'], ['--ink', '--card'], ['--soft', '--paper'], ['--soft', '--card'],
            ['--soft', '--sunk'], ['--accent', '--accent-soft'], ['--accent', '--good-soft']];
          for (const tone of ['--high', '--medium', '--low', '--good', '--miss']) on.push([tone, `${tone}-soft`]);
          return on.map(([a, b]) => [a, b, ratio(a, b)]);
        })()"""
    )

    assert len(pairs) == 12
    assert [pair for pair in pairs if pair[2] < 4.5] == []


def test_hostile_text_runs_nothing(
    browser: Any, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], tmp_path: Path
) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>"
    finding = make_finding(path=attack, snippet=attack, author=Person(attack, attack, attack), refs=(attack,))

    browser.open(saved(make_report(finding, root="harmless"), tmp_path / "page.html"))
    browser.press("j", "Enter")
    browser.settle()

    assert browser.eval("document.title") == "Secrets in harmless"
    assert browser.eval("document.querySelectorAll('main img').length") == 0
    assert problems(browser) == []


def test_ten_thousand_findings_are_drawn_bit_by_bit(
    browser: Any, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], tmp_path: Path
) -> None:
    choose = random.Random(7)
    findings = [
        make_finding(
            f"tok-{choose.randrange(5000)}",
            path=f"pkg{number % 500}/file.py",
            line=number + 1,
            author=Person("Ada", "ada@x", f"20{choose.randrange(18, 27)}-0{choose.randrange(1, 10)}-05T00:00:00Z"),
        )
        for number in range(10_000)
    ]

    browser.open(saved(make_report(*findings), tmp_path / "page.html"))
    browser.settle()
    drawn = browser.eval("document.querySelectorAll('.finding').length")
    browser.eval("window.scrollTo(0, document.body.scrollHeight)")
    browser.settle()

    assert browser.eval(COUNT) == "10,000 of 10,000 findings"
    assert 0 < drawn < 1000
    assert browser.eval("document.querySelectorAll('.finding').length") > drawn
    browser.press("/", *"pkg499")
    browser.eval("new Promise(done => setTimeout(done, 200))")
    assert browser.eval(COUNT) == "20 of 10,000 findings"


def test_dates_that_a_forged_commit_made_absurd_do_not_hang_the_page(
    browser: Any, make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report], tmp_path: Path
) -> None:
    years = ("1970-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "not a date", "2026-1-5T", "")
    findings = [make_finding(path=f"p{place}", author=Person("x", "x", year)) for place, year in enumerate(years)]

    browser.open(saved(make_report(*findings), tmp_path / "page.html"))

    assert len(browser.eval(PLACES)) == 5
    assert browser.eval("document.querySelectorAll('#bars button').length") == 400
    assert problems(browser) == []


def test_a_clean_report_says_so(browser: Any, make_report: Callable[..., Report], tmp_path: Path) -> None:
    browser.open(saved(make_report(), tmp_path / "page.html"))

    assert browser.eval("document.querySelector('h1').innerText") == "No secrets found"
    assert browser.eval("document.getElementById('overview').hidden") is True
    assert problems(browser) == []
