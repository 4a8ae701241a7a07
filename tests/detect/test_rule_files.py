"""Rule files: what is wrong is refused, with file, line and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pushwarden.detect import RuleError, Scanner, load_scanner
from pushwarden.errors import UsageError
from pushwarden.model import Confidence

GOOD = """\
[[rule]]
id = "some-key"
title = "Some key"
pattern = '''some_(?P<secret>[a-z]{8})'''
confidence = "high"
advice = "Revoke it."
examples = ["some_qmzpwkxv", "x some_wrtypqmk"]
counter_examples = ["some_", "any_qmzpwkxv"]
"""


def change(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


WRONG = [
    (
        "unknown key names the nearest",
        change('title = "', 'titel = "'),
        3,
        'unknown key "titel"; did you mean "title"?',
    ),
    ("missing key", change('advice = "Revoke it."\n', ""), 1, 'key "advice" is missing'),
    ("empty string", change('"Revoke it."', '" "'), 6, '"advice" must be a string'),
    ("bad id", change('"some-key"', '"Some Key"'), 2, "lower-case words joined by hyphens"),
    ("bad confidence", change('"high"', '"sure"'), 5, "must be low, medium or high, not 'sure'"),
    ("bad pattern", change("[a-z]{8}", "[a-z{8}"), 4, "not a valid regular expression"),
    ("pattern out of ASCII", change("some_(", "söme_("), 4, "must be ASCII"),
    ("groups without secret", change("(?P<secret>", "("), 4, "none is named secret"),
    ("pattern of nothing", change("some_(?P<secret>[a-z]{8})", "x*"), 4, "matches the empty string"),
    ("late flags", change("some_(", "some_(?i)("), 4, "must stand at the start"),
    ("recursion", change("[a-z]{8}", "[a-z]{8}(?R)?"), 4, "unknown kind of group"),
    ("one example", change('["some_qmzpwkxv", "x some_wrtypqmk"]', '["some_qmzpwkxv"]'), 7, "at least 2 texts"),
    ("no counter-example", change('["some_", "any_qmzpwkxv"]', "[]"), 8, "at least 2 texts"),
    ("unknown key of an example", change('"some_qmzpwkxv"', '{ txt = "x" }'), 7, 'did you mean "text"?'),
    ("unknown checksum", GOOD + 'checksum = "gitub"\n', 9, 'did you mean "github"?'),
    ("entropy out of range", GOOD + "entropy = 9\n", 9, "more than 0 and less than 8"),
    ("link without https", GOOD + 'references = ["http://example.com"]\n', 9, "must be https links"),
    ("near without lines", GOOD + "near = { pattern = 'xy' }\n", 9, '"lines" must be a whole number of at least 0'),
    ("near with a wrong key", GOOD + "near = { pattrn = 'x', lines = 1 }\n", 9, 'did you mean "pattern"?'),
    ("pair with a wrong flag", GOOD + "pair = { rule = 'x', lines = 1, required = 1 }\n", 9, "true or false"),
    ("paths that are no globs", GOOD + "paths = { include = 'x' }\n", 9, "array of globs"),
    ("flag that is none", GOOD + "secret_not_placeholder = 'no'\n", 9, "must be true or false"),
    ("specificity that is no number", GOOD + "specificity = 1.5\n", 9, "whole number"),
]


@pytest.mark.parametrize(("text", "line", "message"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_said_with_file_line_and_remedy(
    load: Callable[..., Scanner], tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(RuleError) as caught:
        load(text)

    assert str(caught.value).startswith(f"{tmp_path / 'rules.toml'}:{line}: ")
    assert message in str(caught.value)


def test_a_rule_error_is_a_usage_error_so_that_commands_exit_with_2(load: Callable[..., Scanner]) -> None:
    with pytest.raises(UsageError):
        load("rule = 1")


def test_an_unknown_table_is_refused(load: Callable[..., Scanner]) -> None:
    with pytest.raises(RuleError, match=r'unknown table "rulez"; did you mean "rule"\?'):
        load("[[rulez]]\nid = 'x'")


def test_broken_toml_names_line_and_column(load: Callable[..., Scanner]) -> None:
    with pytest.raises(RuleError, match=r"not valid TOML: .*line 2"):
        load("[[rule]]\nid = = 1\n")


def test_the_same_id_twice_names_both_places(load: Callable[..., Scanner]) -> None:
    with pytest.raises(
        RuleError, match=r"rules.toml:9: rule id \"some-key\" is already used at .*rules.toml:1; rename"
    ):
        load(GOOD + GOOD)


def test_a_pair_with_a_rule_that_is_not_there_is_refused(load: Callable[..., Scanner]) -> None:
    with pytest.raises(RuleError, match=r'unknown rule "some-kay"; did you mean "some-key"\?'):
        load(GOOD + 'pair = { rule = "some-kay", lines = 2 }\n')


def test_lines_are_right_behind_strings_of_many_lines(load: Callable[..., Scanner], tmp_path: Path) -> None:
    text = GOOD.replace('"Revoke it."', '"""\n[[rule]]\ntitle = 1\n"""') + change('"some-key"', '"Other"')

    with pytest.raises(RuleError) as caught:
        load(text)

    assert str(caught.value).startswith(f"{tmp_path / 'rules.toml'}:13: ")


SERVICE = """\
[[service]]
id = "some"
name = "Some"
names = ["some"]
shape = "hex32"
confidence = "medium"
advice = "Revoke it."
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"hex32"', '"hex"', 'no shape "hex"'),
        ('"hex32"', '"uuid4"', 'no shape "uuid4"'),
        ('"hex32"', '"alnum{40,20}"', "the smaller number first"),
        ('["some"]', "[]", "at least one word"),
        ('["some"]', '["(some)"]', "must not be empty or have groups"),
        ('["some"]', '["some["]', "not a valid regular expression"),
        ("shape", "shap", 'did you mean "shape"?'),
    ],
)
def test_a_wrong_service_is_refused(load: Callable[..., Scanner], old: str, new: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        load(SERVICE.replace(old, new))

    assert message in str(caught.value)


def test_a_service_is_a_rule_with_key_behind_its_id(load: Callable[..., Scanner]) -> None:
    rule = load(SERVICE).rules.get("some-key")

    assert (rule.title, rule.confidence) == ("Some key", Confidence.MEDIUM)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="does not exist"):
        load_scanner([tmp_path / "none.toml"], default_rules=False)


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"holds no \*\.toml"):
        load_scanner([tmp_path], default_rules=False)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff")

    with pytest.raises(RuleError, match="not UTF-8"):
        load_scanner([tmp_path], default_rules=False)


def test_no_rules_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="no rules to scan with"):
        load_scanner(default_rules=False)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of auto, hyperscan, plain"):
        load_scanner(engine="re2")


def test_the_digest_changes_with_the_rules_and_only_with_them(load: Callable[..., Scanner]) -> None:
    first = load(GOOD).rules.digest

    assert load("# a remark\n" + GOOD).rules.digest == first
    assert load(change("{8}", "{9}")).rules.digest != first
