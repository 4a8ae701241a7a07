"""``pushwarden baseline`` with real git, from the scan to the merge."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pushwarden.cli import cli
from pushwarden.suppress import Entry, Kind
from pushwarden.suppress.ignore_file import IgnoreFile, render
from pushwarden.suppress.inline import allowed_lines, is_allowed
from tests.detect.shipping import plain_scanner

RULES = """
[[rule]]
id = "demo-token"
title = "Demo token"
pattern = '''demo_(?P<secret>[a-z0-9]{20})'''
confidence = "high"
advice = "Revoke it."
references = ["https://docs.example.com/"]
examples = ["demo_q8w3e5r7t1y9u2i4o6p0", "x = demo_z1x2c3v4b5n6m7a8s9d0"]
counter_examples = ["demo", "demo_short"]
"""
TOKENS = ("demo_k3j9f0a7q2w8e4r6t1y5", "demo_m4n8b2v6c0x3z7l1p5o9", "demo_h6g2d8s4a0q7w3e9r5t1")


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "rules.toml").write_text(RULES)
        folder.joinpath("repo").mkdir()
        self.root = folder / "repo"
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        names = ("AUTHOR", "COMMITTER")
        who = {f"GIT_{name}_{what}": "a@example.com" for name in names for what in ("NAME", "EMAIL")}
        environment = os.environ | who | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        run = subprocess.run(
            ["git", *arguments], cwd=self.root, env=environment, check=True, capture_output=True, text=True
        )
        return run.stdout

    def commit(self, **files: str) -> None:
        for name, content in files.items():
            (self.root / name).write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work")

    def run(self, command: str, *options: str) -> Result:
        rules = ("--rules", str(self.folder / "rules.toml"), "--no-default-rules", "--jobs", "1")
        arguments = [command, *((str(self.root), *rules) if command != "scan" else (str(self.root),)), *options]
        if command == "scan":
            config = self.folder / "config.toml"
            config.write_text('[scan]\nrules = ["rules.toml"]\ndefault_rules = false\njobs = 1\n')
            arguments += ["--config", str(config), "--no-cache"]
        return CliRunner().invoke(cli, arguments, standalone_mode=False)

    @property
    def ignored(self) -> str:
        return (self.root / ".pushwarden-ignore").read_text()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("PUSHWARDEN_CACHE_DIR", str(tmp_path / "cache"))
    return Repository(tmp_path)


def test_after_a_baseline_only_new_secrets_count(repository: Repository) -> None:
    repository.commit(a=f"token = {TOKENS[0]}\n")
    assert repository.run("scan").return_value == 1

    written = repository.run("baseline", "--reason", "old ones")
    assert written.return_value == 0
    assert "1 secret added, 0 kept, 0 removed" in written.output
    after = repository.run("scan")
    assert after.return_value == 0
    assert "1 suppressed" in after.output

    repository.commit(b=f"token = {TOKENS[1]}\n")
    assert repository.run("scan").return_value == 1


def test_the_secret_stays_accepted_when_it_moves(repository: Repository) -> None:
    repository.commit(a=f"token = {TOKENS[0]}\n")
    repository.run("baseline")

    repository.git("mv", "a", "z")
    repository.commit(z=f"\n\n\n  moved = {TOKENS[0]}\n")

    assert repository.run("scan").return_value == 0


def test_a_second_run_changes_nothing(repository: Repository) -> None:
    repository.commit(a=f"token = {TOKENS[0]}\n", b=TOKENS[1])
    repository.run("baseline")
    first = repository.ignored

    assert repository.run("baseline").return_value == 0
    assert repository.ignored == first


def test_a_dry_run_writes_nothing(repository: Repository) -> None:
    repository.commit(a=TOKENS[0])

    assert "1 secret would be added" in repository.run("baseline", "--dry-run").output
    assert not (repository.root / ".pushwarden-ignore").exists()


def test_prune_forgets_entries_that_met_nothing(repository: Repository) -> None:
    repository.commit(a=TOKENS[0])
    repository.run("baseline")
    unused = "f" * 32
    (repository.root / ".pushwarden-ignore").write_text(repository.ignored + f"{unused} demo-token\n")

    assert "1 unused suppression" in repository.run("scan").output
    repository.run("baseline")
    assert unused in repository.ignored
    assert "1 kept, 1 removed" in repository.run("baseline", "--prune").output
    assert unused not in repository.ignored


def test_a_baseline_with_a_last_day_counts_until_then(repository: Repository) -> None:
    repository.commit(a=TOKENS[0])
    repository.run("baseline", "--until", "2020-01-31")

    after = repository.run("scan")
    assert after.return_value == 1
    assert "1 expired suppression" in after.output


def test_a_wrong_date_is_a_usage_error(repository: Repository) -> None:
    repository.commit(a="nothing")

    outcome = repository.run("baseline", "--until", "soon")

    assert "--until: it is a date" in str(outcome.exception)


def test_branches_that_each_wrote_a_first_baseline_merge_without_conflict(repository: Repository) -> None:
    repository.commit(start="nothing\n", **{".gitattributes": "/.pushwarden-ignore merge=union\n"})
    for branch, token in zip(("left", "right"), TOKENS, strict=False):
        repository.git("checkout", "-q", "-b", branch, "main")
        repository.commit(**{branch: token})
        repository.run("baseline")
        repository.commit()

    repository.git("merge", "-q", "-m", "merge", "left")

    assert repository.run("scan").return_value == 0
    assert repository.run("baseline").return_value == 0
    assert repository.ignored.count("demo-token") == 2


def test_branches_that_each_add_to_a_baseline_merge_without_conflict(repository: Repository) -> None:
    repository.commit(start=TOKENS[2])
    repository.run("baseline")
    repository.commit()
    for branch, token in zip(("left", "right"), TOKENS, strict=False):
        repository.git("checkout", "-q", "-b", branch, "main")
        repository.commit(**{branch: token})
        repository.run("baseline")
        repository.commit()

    repository.git("merge", "-q", "-m", "merge", "left")

    assert repository.run("scan").return_value == 0
    assert repository.ignored.count("key ") == 1


def test_a_baseline_of_an_incomplete_scan_is_written_and_exits_with_4(repository: Repository) -> None:
    repository.commit(a=TOKENS[0])
    repository.commit(b=TOKENS[1])
    repository.git("clone", "-q", "--depth", "1", repository.root.as_uri(), str(repository.folder / "shallow"))
    repository.root = repository.folder / "shallow"

    written = repository.run("baseline")

    assert written.return_value == 4
    assert "pushwarden: incomplete: 1 thing not scanned" in written.output
    assert "2 secrets added" in written.output


def test_a_bare_repository_has_no_place_for_a_baseline(repository: Repository) -> None:
    repository.commit(a=TOKENS[0])
    repository.git("clone", "-q", "--bare", str(repository.root), str(repository.folder / "bare.git"))
    repository.root = repository.folder / "bare.git"

    refused = repository.run("baseline")

    assert "has no working tree" in str(refused.exception)


def test_outside_a_repository_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    outcome = CliRunner().invoke(cli, ["baseline", str(tmp_path)], standalone_mode=False)

    assert outcome.exception is not None
    assert "git repository" in str(outcome.exception)


def test_the_built_in_rules_find_nothing_in_the_files_that_suppress() -> None:
    prints = [f"{number:032x}"[::-1].replace("0", "9a3")[:32] for number in (0x8F3C1D, 0x77E2AB)]
    rules = ("generic-password", "generic-secret", "github-pat", "stripe-secret-key")
    entries = [
        Entry(Kind.IGNORE_FILE, "x:1", frozenset({one}), (rule,), reason="an old password", seen="config/secret.py")
        for one in prints
        for rule in rules
    ]
    text = render(IgnoreFile((bytes(range(7, 231, 7)),), tuple(entries))).encode()
    scanner = plain_scanner()

    matches = scanner.scan(text, path=".pushwarden-ignore").matches

    lines = allowed_lines(text)
    assert [match for match in matches if not is_allowed(lines, match.span)] == []
