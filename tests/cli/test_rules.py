"""``pushwarden rules``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pushwarden.cli.rules import rules
from pushwarden.detect import load_scanner
from pushwarden.errors import UsageError

TEST_RULES = str(Path(__file__).parents[1] / "detect" / "rules")


def test_list_names_every_rule_with_its_confidence() -> None:
    result = CliRunner().invoke(rules, ["list", "--rules", TEST_RULES])

    assert result.exit_code == 0
    assert "test-token" in result.stdout
    assert any(line.split()[:2] == ["test-id", "medium"] for line in result.stdout.splitlines())


def test_list_as_json_can_be_read_by_programs() -> None:
    result = CliRunner().invoke(rules, ["list", "--rules", TEST_RULES, "--format", "json"])

    listed = {each["id"]: each for each in json.loads(result.stdout)}
    assert listed["test-token"]["confidence"] == "high"


def test_show_tells_all_about_one_rule() -> None:
    result = CliRunner().invoke(rules, ["show", "test-secret", "--rules", TEST_RULES])

    assert result.exit_code == 0
    assert "test-id within 3 lines" in result.stdout
    assert "Nothing to do." in result.stdout


def test_show_of_an_unknown_rule_names_the_nearest() -> None:
    result = CliRunner().invoke(rules, ["show", "test-tokn", "--rules", TEST_RULES])

    assert isinstance(result.exception, UsageError)
    assert 'did you mean "test-token"?' in str(result.exception)


def test_check_passes_rules_that_keep_their_word() -> None:
    result = CliRunner().invoke(rules, ["check", "--alone", TEST_RULES])

    assert result.exit_code == 0
    assert "0 failed" in result.stderr


def test_check_fails_and_names_the_place_of_rules_that_do_not(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        "[[rule]]\nid = 'bad-rule'\ntitle = 'Bad'\npattern = 'abc[0-9]{5}'\nconfidence = 'low'\nadvice = 'None.'\n"
        "examples = ['abc47201', 'abd47201']\ncounter_examples = ['abc', 'abc58213']\n"
    )

    result = CliRunner().invoke(rules, ["check", "--alone", str(tmp_path / "bad.toml")])

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{tmp_path / 'bad.toml'}:1: bad-rule: example 2 gives no finding",
        f"{tmp_path / 'bad.toml'}:1: bad-rule: counter-example 2 gives a finding",
    ]


def test_catalogue_prints_each_rule_with_an_example_and_advice() -> None:
    result = CliRunner().invoke(rules, ["catalogue", "--rules", TEST_RULES])

    assert "### testservice-key" in result.stdout
    assert "test_service" in result.stdout or "testservice" in result.stdout
    assert "Confidence: high." in result.stdout


def test_compile_writes_a_database_that_scanners_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushwarden.detect.load.default_rules_path", lambda: Path(TEST_RULES))

    result = CliRunner().invoke(rules, ["compile", str(tmp_path / "rules.db")])

    assert result.exit_code == 0
    scanner = load_scanner(database=tmp_path / "rules.db")
    assert scanner.notes == ()
    assert "test-token" in {rule.id for rule in scanner.rules}
