"""``pushwarden scan`` as people run it."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pushwarden.cli.scan_output import Output, plan_outputs, wants_color
from pushwarden.cli.scan_progress import render
from pushwarden.errors import UsageError
from pushwarden.history.local.early import Started
from pushwarden.history.local.git import Git
from pushwarden.history.local.model import Progress
from tests.cli.conftest import Run
from tests.history.local.building import RULES, Repo, token

ONE, TWO = token(1), token(2)


def findings(out: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(out)["findings"]
    return listed


def test_clean_repository_exits_with_0(run: Run, repo: Repo) -> None:
    repo.commit(a="x")
    ran = run("scan", "--format", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["result"] == "clean"
    assert "pushwarden: No secrets found; 1 commit, 1 ref, 1 blob" in ran.err


def test_finding_exits_with_1_and_is_redacted(run: Run, repo: Repo) -> None:
    added = repo.commit(a=f"key {ONE}\n")
    ran = run("scan", "--format", "json")
    assert ran.code == 1
    (finding,) = findings(ran.out)
    assert (finding["path"], finding["start_line"], finding["commit"]) == ("a", 1, added)
    assert (finding["rule_id"], finding["in_head"], finding["source"]) == ("test-token", True, "file")
    assert ONE not in ran.out + ran.err


def test_secrets_are_shown_on_request(run: Run, repo: Repo) -> None:
    repo.commit(a=ONE)
    assert findings(run("scan", "--format", "json", "--show-secrets").out)[0]["secret"] == ONE


def test_exit_zero_lets_findings_pass(run: Run, repo: Repo) -> None:
    repo.commit(a=ONE)
    assert run("scan", "--exit-zero", "-q").code == 0


def test_incomplete_exits_with_4_even_with_exit_zero(run: Run, repo: Repo) -> None:
    repo.commit(a="x" * 100)
    ran = run("scan", "--exit-zero", "--max-file-size", "10", "--format", "json")
    assert ran.code == 4
    assert json.loads(ran.out)["result"] == "incomplete"
    assert "pushwarden: Incomplete: 1 thing not scanned. No secrets in what was scanned" in ran.err
    assert "pushwarden: not scanned: a: 100 bytes, the limit is 10" in ran.err


def test_confidence_below_the_threshold_is_left_out_or_does_not_fail(run: Run, repo: Repo, tmp_path: Path) -> None:
    low = tmp_path / "low.toml"
    text = (Path(__file__).parents[1] / "history/local/rules.toml").read_text(encoding="utf-8")
    low.write_text(text.replace('"high"', '"low"'), encoding="utf-8")
    repo.commit(a=ONE)
    rules = ("--rules", str(low), "--no-default-rules", "--format", "json")
    failing = run("scan", *rules, "--fail-on", "medium", one_rule=False)
    assert (failing.code, len(findings(failing.out))) == (0, 1)
    left_out = run("scan", *rules, "--min-confidence", "medium", one_rule=False)
    assert (left_out.code, findings(left_out.out)) == (0, [])


def test_files_are_reported_as_they_were_given(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/deep").mkdir(parents=True)
    Path("data/deep/a.txt").write_text(ONE)
    Path("data/z.txt").write_text(TWO)
    assert [each["path"] for each in findings(run("scan", "--files", "data", "-f", "json").out)] == [
        "data/deep/a.txt",
        "data/z.txt",
    ]
    assert findings(run("scan", "--files", "data/z.txt", "-f", "json").out)[0]["path"] == "data/z.txt"
    assert findings(run("scan", "--files", "./data", "-f", "json").out)[0]["path"] == "./data/deep/a.txt"


def test_standard_input_is_scanned(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"one\n{ONE}\n".encode())))
    ran = run("scan", "-", "-f", "json")
    assert (ran.code, findings(ran.out)[0]["path"], findings(ran.out)[0]["start_line"]) == (1, "<stdin>", 2)


@pytest.mark.parametrize(
    ("option", "expected"), [("--staged", ["staged"]), ("--unstaged", ["loose"]), ("--branch=HEAD", ["old"])]
)
def test_parts_of_a_repository(run: Run, repo: Repo, option: str, expected: list[str]) -> None:
    repo.commit(old=ONE)
    repo.write("staged", TWO)
    repo.git("add", "staged")
    repo.write("loose", token(3))
    assert [each["path"] for each in findings(run("scan", option, "-f", "json").out)] == expected


def test_staged_scan_of_git_commit_with_its_own_index(run: Run, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit(a="x")
    repo.write("a", ONE)
    repo.git("add", "a", GIT_INDEX_FILE=".git/other")
    assert run("scan", "--staged", "-q").code == 0
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/other")
    assert run("scan", "--staged", "-q").code == 1


def test_reports_go_to_files_by_extension(run: Run, repo: Repo, tmp_path: Path) -> None:
    repo.commit(a=ONE)
    ran = run("scan", "-o", str(tmp_path / "r.json"), "-o", str(tmp_path / "r.sarif"), "-o", str(tmp_path / "r.csv"))
    assert ran.out == ""
    assert len(findings((tmp_path / "r.json").read_text())) == 1
    assert json.loads((tmp_path / "r.sarif").read_text())["version"] == "2.1.0"
    assert len(list(csv.reader((tmp_path / "r.csv").read_text().splitlines()))) == 2


def test_scan_is_reproducible_to_the_byte(run: Run, repo: Repo, tmp_path: Path) -> None:
    for number in range(5):
        repo.commit(**{f"f{number}": f"{token(number)} {token(number + 1)}\n"})
    outputs = []
    for jobs in ("1", "2"):
        run("scan", "-q", "-j", jobs, "-o", str(tmp_path / "r.json"))
        outputs.append((tmp_path / "r.json").read_bytes())
    assert outputs[0] == outputs[1]
    assert b"test-token" in outputs[0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--files", "missing"], "missing"),
        (["--files", "--staged"], "--staged"),
        (["--staged", "--unstaged"], "exclude each other"),
        (["a", "b"], "--files"),
        (["/"], "--files"),
        (["--format", "yaml"], "yaml"),
        (["-f", "json", "-f", "csv"], "-o FILE"),
        (["-o", "report.what"], "--format"),
        (["--range", "--all"], "dash"),
        (["--jobs", "0"], "jobs"),
        (["--rules", "none.toml"], "none.toml"),
        (["--config", "none.toml"], "none.toml"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what(run: Run, repo: Repo, args: list[str], message: str) -> None:
    repo.commit(a="x")
    ran = run("scan", *args)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_unknown_key_of_the_configuration_names_the_nearest(run: Run, repo: Repo) -> None:
    repo.write(".pushwarden.toml", '[scan]\nfail_onn = "high"\n')
    ran = run("scan")
    assert ran.code == 2
    assert ".pushwarden.toml" in ran.err
    assert "fail_on" in ran.err.replace("fail_onn", "")


def test_flag_beats_environment_beats_file_beats_default(run: Run, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit(a=ONE)
    assert run("scan").out.startswith(("\n", "┃", "╭", " ", "─"))
    repo.write(".pushwarden.toml", '[scan]\nformat = "json"\n')
    assert run("scan").out.startswith("{")
    monkeypatch.setenv("PUSHWARDEN_FORMAT", "csv")
    assert run("scan").out.startswith('"rule_id"')
    assert "sarif" in run("scan", "--format", "sarif").out


def test_entry_that_met_nothing_is_told_only_where_all_was_looked_at(run: Run, repo: Repo) -> None:
    repo.commit(**{"a": "x", ".pushwarden-ignore": f"{'0' * 32}\n"})
    assert len(json.loads(run("scan", "--format", "json").out)["suppressed"]["unused"]) == 1
    for narrow in (["--min-confidence", "medium"], ["--branch", "main"], ["--max-file-size", "1"]):
        assert json.loads(run("scan", "--format", "json", *narrow).out)["suppressed"]["unused"] == []


def test_gitleaks_entry_of_a_rule_that_we_have_too_meets_only_that_rule(run: Run, repo: Repo) -> None:
    repo.commit(**{"a": ONE, ".gitleaksignore": "a:their-own-rule:1\n"})
    assert json.loads(run("scan", "--format", "json").out)["suppressed"]["total"] == 1
    rules = Path(__file__).parents[1] / "history/local/rules.toml"
    other = repo.path.parent / "other.toml"
    other.write_text(rules.read_text().replace("test-token", "their-own-rule").replace("tok_", "kot_"))
    ran = run("scan", "--format", "json", "--rules", str(other))
    assert json.loads(ran.out)["suppressed"]["total"] == 0


def test_inline_comment_suppresses_and_is_counted(run: Run, repo: Repo) -> None:
    repo.commit(a=f"{ONE}  # pushwarden:allow\n")
    ran = run("scan", "-f", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["suppressed"]["total"] == 1


def test_full_disk_is_said_and_leaves_the_old_report(run: Run, repo: Repo, tmp_path: Path) -> None:
    repo.commit(a=ONE)
    ran = run("scan", "-f", "json", "-o", "/dev/full")
    assert ran.code == 128
    assert "/dev/full" in ran.err
    assert "Traceback" not in ran.err


def test_machine_without_room_for_the_scan_is_said(run: Run, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    repo.commit(a=ONE)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    ran = run("scan", "--no-cache")
    assert ran.code == 128
    assert "No space left" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("formats", "files", "expected"),
    [
        ((), (), [("-", "text")]),
        (("json",), (), [("-", "json")]),
        (("json",), ("out",), [("out", "json")]),
        ((), ("a.sarif", "b.html"), [("a.sarif", "sarif"), ("b.html", "html")]),
        (("json", "text"), ("out",), [("out", "json"), ("-", "text")]),
        (("json",), ("-", "b.csv"), [("-", "json"), ("b.csv", "csv")]),
    ],
)
def test_formats_and_files_are_paired(
    formats: tuple[str, ...], files: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert plan_outputs(formats, files, None) == tuple(Output(*each) for each in expected)


def test_two_formats_cannot_be_printed() -> None:
    with pytest.raises(UsageError, match="only one"):
        plan_outputs(("json", "csv"), (), None)


def test_color_choice_beats_no_color_beats_force_color_beats_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color("auto", is_terminal=True)
    assert not wants_color("auto", is_terminal=False)
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_color("auto", is_terminal=True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert wants_color("auto", is_terminal=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color("auto", is_terminal=True)
    assert wants_color("always", is_terminal=False)


def test_progress_line_shows_share_and_rate() -> None:
    line = render(Progress(50_000_000, 200_000_000, "blobs"), 0.5)
    assert " 25%" in line
    assert "50 of 200 MB of blobs" in line
    assert "100 MB/s" in line
    assert render(Progress(0, 0, "files"), 0.0).count("100%") == 1


def test_first_use_says_that_it_takes_longer(run: Run, repo: Repo) -> None:
    first, second = run("scan"), run("scan")
    assert "first use" in first.err
    assert "first use" not in second.err


def test_rules_that_changed_are_compiled_again_and_that_is_said(run: Run, repo: Repo, tmp_path: Path) -> None:
    repo.commit(a="x")
    changed = tmp_path / "changed.toml"
    changed.write_text(RULES.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    run("scan")

    again = ("scan", "--no-default-rules", "--rules", str(changed))
    assert "compiling them" in run(*again, one_rule=False).err
    assert run(*again, one_rule=False).err == ""


def test_help_has_examples_and_exit_codes(run: Run) -> None:
    ran = run("scan", "--help", one_rule=False)
    assert ran.code == 0
    for word in ("--staged", "main..HEAD", "4 incomplete", "130"):
        assert word in ran.out


def test_working_folder_is_left_as_it_was(run: Run, repo: Repo) -> None:
    repo.commit(a=ONE)
    before = sorted(repo.path.iterdir())
    run("scan", "-q")
    assert sorted(repo.path.iterdir()) == before
    assert repo.git("status", "--porcelain") == ""


def test_a_scan_that_ends_early_leaves_no_git_behind(run: Run, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit(a="x")
    begun: list[Started] = []
    original = Started.__init__

    def remember(self: Started, git: Git) -> None:
        original(self, git)
        begun.append(self)

    monkeypatch.setattr(Started, "__init__", remember)
    assert run("scan", "--rules", "no-such-file", one_rule=False).code == 2
    (started,) = begun
    assert started.log._parts
    for process in (started.listing._process, started.log._lister, *(part.process for part in started.log._parts)):
        assert process.returncode is not None
    assert started.listing._file.closed


@pytest.mark.parametrize("args", [("--range", ""), ("--since", ""), ("--branch", ""), ("--files", ""), ("",)])
def test_a_variable_that_a_script_forgot_to_set_is_no_wish_to_scan_everything(
    run: Run, repo: Repo, args: tuple[str, ...]
) -> None:
    repo.commit(a=ONE)
    ran = run("scan", *args)
    assert (ran.code, ran.out) == (2, "")
    assert "is empty" in ran.err


@pytest.mark.parametrize("name", ["no/such/folder/report.json", ".", ""])
def test_a_report_that_has_nowhere_to_go_is_refused_before_the_scan(run: Run, repo: Repo, name: str) -> None:
    repo.commit(a=ONE)
    ran = run("scan", "-f", "json", "-o", name)
    assert (ran.code, ran.out) == (2, "")
    assert "give " in ran.err
    assert "first use" not in ran.err  # no rules were compiled for it
