"""A gitleaks configuration is read as it is, and what cannot be honoured is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import regex

from pushwarden.detect import RuleError, Scanner, load_scanner
from pushwarden.detect.gopattern import from_go
from pushwarden.detect.syntax import PatternError
from tests.detect.conftest import made_up

VALUE = made_up(20, seed=3)
CONFIG = """\
title = "ours"

[[rules]]
id = "acme_Key"
description = "Acme key"
regex = '''(?i)acme[_-]key\\s*=\\s*['"]?([a-z0-9]{20})(?:['"]|$|\\s)'''
entropy = 3.0
keywords = ["ACME"]
tags = ["acme"]
"""


def ids(scanner: Scanner, text: str, path: str = "a.txt") -> list[str]:
    return [each.rule_id for each in scanner.scan(text.encode(), path=path).matches]


def test_its_rules_find_what_they_describe(load: Callable[..., Scanner]) -> None:
    scanner = load(CONFIG)

    (match,) = scanner.scan(f"x\nAcme-Key = '{VALUE}'\n".encode()).matches

    assert (match.rule_id, match.title, match.secret.reveal()) == ("acme_Key", "Acme key", VALUE.encode())
    assert scanner.notes == ()


def test_entropy_is_honoured(load: Callable[..., Scanner]) -> None:
    assert ids(load(CONFIG), "acme_key = aaaaaaaaaaaaaaaaaaab\n") == []


def test_one_of_the_keywords_must_stand_in_the_content(load: Callable[..., Scanner]) -> None:
    scanner = load(CONFIG.replace('"ACME"', '"other", "thing"'))

    assert ids(scanner, f"acme_key = {VALUE}\n") == []
    assert ids(scanner, f"acme_key = {VALUE}\nSome THING\n") == ["acme_Key"]


def test_the_group_of_the_secret_is_honoured(load: Callable[..., Scanner]) -> None:
    scanner = load("[[rules]]\nid = 'two'\nregex = '''(abc)=([a-z]{6})'''\nsecretGroup = 2\n")

    (match,) = scanner.scan(b"abc=qwrtzp").matches

    assert match.secret.reveal() == b"qwrtzp"


def test_without_a_group_of_the_secret_the_first_that_matched_is_it(load: Callable[..., Scanner]) -> None:
    scanner = load("[[rules]]\nid = 'two'\nregex = '''k=(?:(a[a-z]{5})|(b[a-z]{5}))'''\n")

    assert [each.secret.reveal() for each in scanner.scan(b"k=bqwrtz k=aqwrtz").matches] == [b"bqwrtz", b"aqwrtz"]


@pytest.mark.parametrize(
    ("allowlist", "text", "path", "dropped"),
    [
        (f"regexes = ['''^{VALUE[:5]}''']", "", "a.txt", True),
        ("regexes = ['''^zz''']", "", "a.txt", False),
        ("regexTarget = 'line'\nregexes = ['''# fine''']", "# fine", "a.txt", True),
        ("regexTarget = 'match'\nregexes = ['''(?i)^ACME''']", "", "a.txt", True),
        ("paths = ['''(^|/)tests?/''']", "", "x/test/a.txt", True),
        ("paths = ['''(^|/)tests?/''']", "", "x/a.txt", False),
        (f"stopwords = ['{VALUE[3:9].upper()}']", "", "a.txt", True),
        (f"condition = 'AND'\npaths = ['''^a''']\nstopwords = ['{VALUE[3:9]}']", "", "a.txt", True),
        (f"condition = 'AND'\npaths = ['''^b''']\nstopwords = ['{VALUE[3:9]}']", "", "a.txt", False),
    ],
)
@pytest.mark.parametrize("table", ["[rules.allowlist]", "[[rules.allowlists]]", "[allowlist]", "[[allowlists]]"])
def test_allowlists_are_honoured_wherever_they_stand(
    load: Callable[..., Scanner], table: str, *, allowlist: str, text: str, path: str, dropped: bool
) -> None:
    scanner = load(f"{CONFIG}{table}\n{allowlist}\n")

    assert (ids(scanner, f"acme_key = {VALUE} {text}\n", path) == []) is dropped


def test_an_allowlist_for_other_rules_changes_nothing(load: Callable[..., Scanner]) -> None:
    scanner = load(f"{CONFIG}[[allowlists]]\ntargetRules = ['other']\nregexes = ['.']\n")

    assert ids(scanner, f"acme_key = {VALUE}\n") == ["acme_Key"]


def test_the_path_of_a_rule_is_honoured(load: Callable[..., Scanner]) -> None:
    scanner = load(CONFIG + "path = '''\\.env$'''\n")

    assert ids(scanner, f"acme_key = {VALUE}\n", "x/.env") == ["acme_Key"]
    assert ids(scanner, f"acme_key = {VALUE}\n", "x/.envy") == []


def test_what_it_extends_is_read_and_what_it_disables_is_not(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(CONFIG + "\n[[rules]]\nid = 'b'\nregex = '''bbb=[a-z]{6}'''\n")
    (tmp_path / "top.toml").write_text("[extend]\npath = 'base.toml'\ndisabledRules = ['acme_Key', 'none']\n")

    scanner = load_scanner([tmp_path / "top.toml"], default_rules=False, engine="plain")

    assert [rule.id for rule in scanner.rules] == ["b"]
    assert scanner.notes == (
        f"{tmp_path / 'top.toml'}: extend.disabledRules: there is no imported rule none to disable",
    )


def test_configurations_that_extend_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[extend]\npath = 'a.toml'\n")

    with pytest.raises(RuleError, match="extends more than 3"):
        load_scanner([tmp_path / "a.toml"], default_rules=False)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("[extend]\nuseDefault = true\n", "the rules of Pushwarden stand in"),
        ("[extend]\nurl = 'https://example.com/x'\n", "extend.url is not fetched"),
        ("[[rules]]\nid = 'x'\nregex = 'abc'\nvalidate = 'x'\nfilter = 'y'\n", "not honoured: filter, validate"),
        ("[[rules]]\nid = 'x'\npath = 'abc'\n", "left out: it has no regex"),
        ("[[rules]]\nid = 'x'\nregex = '\\pL{9}'\n", "left out: its regex has \\p"),
        ("[[rules]]\nid = 'x'\nregex = 'über'\n", "left out: its regex has characters outside ASCII"),
        ("[[rules]]\nid = 'x'\nregex = 'abc'\n[rules.allowlist]\ncommits = ['1234567']\n", "allowlist by commit"),
    ],
)
def test_what_cannot_be_honoured_is_told(load: Callable[..., Scanner], text: str, note: str) -> None:
    scanner = load(text)

    assert len(scanner.notes) == 1
    assert note in scanner.notes[0]


def test_notes_are_told_again_when_the_rules_come_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG + "validate = 'x'\n")
    first, second = (
        load_scanner([tmp_path / "c.toml"], default_rules=False, cache_dir=tmp_path / "cache") for _ in range(2)
    )

    assert first.notes == second.notes
    assert "validate" in second.notes[0]
    assert ids(second, f"acme_key = {VALUE}\n") == ["acme_Key"]


def test_a_rule_without_id_is_refused(load: Callable[..., Scanner]) -> None:
    with pytest.raises(RuleError, match='no "id"'):
        load("[[rules]]\nregex = 'abc'\n")


def test_a_group_that_is_not_there_is_refused(load: Callable[..., Scanner]) -> None:
    with pytest.raises(RuleError, match="secretGroup is 2, but its regex has 1 groups"):
        load("[[rules]]\nid = 'x'\nregex = '(abc)'\nsecretGroup = 2\n")


@pytest.mark.parametrize(
    ("go", "yes", "no"),
    [
        ("ab(?i)cd", ["abCD"], ["ABcd"]),
        ("a(?i)b|c", ["aB", "C"], ["AB"]),
        ("(?i)a(?-i)b", ["Ab"], ["AB"]),
        ("(x(?i)y)z", ["xYz"], ["xyZ"]),
        (r"a\z", ["a"], ["a\n"]),
        ("a$", ["a"], ["a\n"]),
        ("(?m)a$", ["a\nb"], ["ab"]),
        (r"\Qa.b\Ec", ["a.bc"], ["axbc"]),
        (r"\x{41}b", ["Ab"], ["ab"]),
        (r"[$|()]a", ["$a", "|a"], ["a"]),
        ("[[:alnum:]]{3}", ["a1B"], ["a-b"]),
        ("(?s)a.b", ["a\nb"], ["ab"]),
    ],
)
def test_patterns_of_go_mean_the_same(go: str, yes: list[str], no: list[str]) -> None:
    pattern = regex.compile(from_go(go).encode())

    assert all(pattern.search(text.encode()) for text in yes)
    assert not any(pattern.search(text.encode()) for text in no)


@pytest.mark.parametrize("go", [r"\p{Greek}", r"\x{263a}", "(?U)a+", "ü"])
def test_patterns_of_go_that_know_no_bytes_are_refused(go: str) -> None:
    with pytest.raises(PatternError):
        from_go(go)
