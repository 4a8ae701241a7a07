"""What the pages for users show is there: commands, options, files, headings, help texts."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pushwarden.cli import EXIT_INTERRUPTED, EXIT_UNEXPECTED, EXIT_USAGE, cli
from pushwarden.events import SecurityResolution, SecurityResponse
from tests.test_events import security_event

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/README.md")] + [
    ROOT / "docs" / name for name in ("architecture.md", "events.md", "guide.md", "security.md")
]
README = (ROOT / "README.md").read_text()


def shown(page: Path) -> Iterator[list[str]]:
    """Yield every command of a page's console blocks, as words."""
    for block in re.findall(r"^ *```console\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.lstrip().startswith("$ "):
                yield shlex.split(line.lstrip()[2:], comments=True)


def subcommand(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that the words call, and the words after it."""
    command: click.Command = cli
    context = click.Context(cli)
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        assert found is not None, words
        command, rest = found, rest[1:]
    return command, rest


def anchors(page: Path) -> set[str]:
    """Return the anchors that the page's headings make."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_pushwarden_command_that_is_shown_exists_with_its_options(page: Path) -> None:
    for words in shown(page):
        if words[0] != "pushwarden":
            continue
        command, rest = subcommand(words)
        options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        options |= {"-h", "--help", "--version"} if command is cli else {"-h", "--help"}
        for word in rest:
            if word.startswith("-") and word != "-":
                assert word.partition("=")[0] in options, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_benchmark_that_is_shown_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in shown(page):
        if words[0] == "make":
            assert set(words[1:]) <= targets, words
        if words[0].endswith("python") and words[1:3] == ["-m", "bench"]:
            named = [word for word in words[3:] if not word.startswith("-")]
            assert all((ROOT / "bench" / f"{name}.py").exists() for name in named), words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_the_help_that_the_readme_shows_is_the_real_one() -> None:
    block = re.search(r"\$ pushwarden --help\n(.*?)```", README, re.DOTALL)
    assert block is not None

    real = CliRunner(env={"COLUMNS": "100"}).invoke(cli, ["--help"], prog_name="pushwarden")

    assert block[1] == real.output


def test_the_exit_codes_of_the_readme_are_those_of_the_help() -> None:
    table = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", README, re.MULTILINE))
    real = CliRunner(env={"COLUMNS": "100"}).invoke(cli, ["scan", "--help"], prog_name="pushwarden").output
    codes = real.partition("Exit codes:")[2]

    assert set(table) == set(re.findall(r"\b\d+\b", codes))
    assert {EXIT_USAGE, EXIT_UNEXPECTED, EXIT_INTERRUPTED} <= {int(code) for code in table}


def test_the_scans_of_the_readme_run(tmp_path: Path, cached_rules: dict[str, str]) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("print(1)\n")
    git("add", "-A")
    git("commit", "-qm", "One")
    commands = [words for words in shown(ROOT / "README.md") if words[:2] == ["pushwarden", "scan"]]

    assert len(commands) == 4
    for words in commands:
        done = subprocess.run(
            [sys.executable, "-m", "pushwarden", *words[1:]],
            cwd=tmp_path,
            env={**os.environ, **cached_rules},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_the_rule_that_contributors_are_shown_passes_the_check(tmp_path: Path) -> None:
    block = re.search(r"```toml\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert block is not None
    rule = tmp_path / "acme.toml"
    rule.write_text("\n".join(line.removeprefix("   ") for line in block[1].splitlines()) + "\n")

    done = CliRunner().invoke(cli, ["rules", "check", "--engine", "plain", str(rule)])

    assert tomllib.loads(rule.read_text())["rule"][0]["confidence"] == "high"
    assert done.exit_code == 0, done.output


def test_the_picture_of_the_demo_fetches_nothing() -> None:
    picture = (ROOT / "docs" / "images" / "demo.svg").read_text()

    assert "url(http" not in picture
    assert "********" in picture


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = re.findall(r"`(tests/[^`:]+)(?:::(\w+))?`", (ROOT / "docs" / "security.md").read_text())

    assert len(named) > 15
    for path, function in named:
        assert (ROOT / path).exists(), path
        assert not function or f"def {function}(" in (ROOT / path).read_text(), function


def fields(section: str, part: int = 0) -> set[str]:
    """Return the fields that a section's table (the first, second, ...) of the page on events lists."""
    text = (ROOT / "docs" / "events.md").read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    table = [block for block in text.split("\n\n") if block.startswith("| Field")][part]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_page_on_events_lists_exactly_the_fields_that_events_have() -> None:
    event = security_event().to_detail()
    response = SecurityResponse("pw-1", "lock", "done", "", "shop", "refs/heads/main", "1", "eu-central-1", {})
    resolution = SecurityResolution("pw-1", "shop", "id", "arn", "", "")

    assert fields("Security event") == set(event)
    assert fields("Security event", 1) == set(event["findings"][0])
    assert fields("Security response") == set(response.to_detail())
    assert fields("Security resolution") == set(resolution.to_detail())
