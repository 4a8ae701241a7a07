"""Repositories that are not whole or not ordinary: scanned, or said not to be."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pushwarden.errors import UsageError
from pushwarden.history.local.model import Limits
from pushwarden.history.local.repository import open_repository
from pushwarden.history.local.scan import Selection, scan_index, scan_repository, scan_selection, scan_unstaged
from tests.history.local.building import ENVIRONMENT, Repo, context_of, make_repo, places, secrets_of, token

ONE, TWO, THREE = token(1), token(2), token(3)


def clone(source: Path, target: Path, *options: str) -> Repo:
    subprocess.run(
        ["git", "-c", "protocol.file.allow=always", "clone", "-q", *options, source.as_uri(), str(target)],
        check=True,
        env=ENVIRONMENT,
        capture_output=True,
    )
    return Repo(target)


def codes(path: Path) -> list[str]:
    return [gap.code for gap in scan_repository(context_of(path)).gaps]


def loose(repo: Repo, name: str) -> Path:
    return repo.path / ".git" / "objects" / name[:2] / name[2:]


def test_shallow_clone_is_incomplete(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a=ONE)
    repo.commit(a="gone")
    shallow = clone(repo.path, tmp_path / "shallow", "--depth=1")
    outcome = scan_repository(context_of(shallow.path))
    assert outcome.found == ()
    assert [gap.code for gap in outcome.gaps] == ["shallow"]


def test_range_above_the_cut_of_a_shallow_clone_is_complete(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a="old")
    repo.commit(a="base")
    repo.commit(a=ONE)
    shallow = clone(repo.path, tmp_path / "shallow", "--depth=2")
    outcome = scan_selection(context_of(shallow.path), Selection(range="HEAD~1..HEAD"))
    assert (secrets_of(outcome), outcome.gaps) == ([ONE], ())


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_partial_clone_is_incomplete_and_fetches_nothing(repo: Repo, tmp_path: Path, kind: str) -> None:
    repo.commit(a=ONE)
    repo.commit(a="gone")
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = clone(repo.path, tmp_path / "partial", f"--filter={kind}")
    before = partial.git("count-objects", "-v")
    outcome = scan_repository(context_of(partial.path))
    assert {gap.code for gap in outcome.gaps} & {"missing-objects", "damaged-history"}
    assert partial.git("count-objects", "-v") == before


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_part_of_a_partial_clone_is_incomplete_too(repo: Repo, tmp_path: Path, kind: str) -> None:
    repo.commit(a=ONE)
    repo.commit(a="gone")
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = clone(repo.path, tmp_path / "partial", f"--filter={kind}")
    outcome = scan_selection(context_of(partial.path), Selection(branch="HEAD"))
    assert {gap.code for gap in outcome.gaps} & {"missing-objects", "damaged-history"}


def test_index_of_a_partial_clone_without_trees_is_scanned_and_incomplete(repo: Repo, tmp_path: Path) -> None:
    repo.commit(a="words")
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = clone(repo.path, tmp_path / "partial", "--filter=tree:0", "--no-checkout")
    partial.write("new", TWO)
    partial.git("add", "new")
    for outcome in (scan_repository(context_of(partial.path)), scan_index(context_of(partial.path))):
        assert secrets_of(outcome) == [TWO]
        assert "damaged-history" in {gap.code for gap in outcome.gaps}


def test_missing_blob_is_incomplete(repo: Repo) -> None:
    repo.commit(a=ONE)
    repo.commit(a="gone")
    loose(repo, repo.git("rev-parse", "HEAD~1:a")).unlink()
    assert codes(repo.path) == ["missing-objects"]


def test_damaged_blob_is_incomplete_and_the_rest_is_scanned(repo: Repo) -> None:
    repo.commit(a="some words\n" * 50, b=ONE)
    broken = loose(repo, repo.git("rev-parse", "HEAD:a"))
    broken.chmod(stat.S_IRUSR | stat.S_IWUSR)
    broken.write_bytes(broken.read_bytes()[:20])
    outcome = scan_repository(context_of(repo.path))
    assert secrets_of(outcome) == [ONE]
    assert "damaged-object" in {gap.code for gap in outcome.gaps}


def test_missing_tree_and_commit_are_incomplete_and_the_rest_is_scanned(repo: Repo) -> None:
    repo.commit(a="x")
    repo.commit(b=ONE)
    loose(repo, repo.git("rev-parse", "HEAD~1")).unlink()
    outcome = scan_repository(context_of(repo.path))
    assert secrets_of(outcome) == [ONE]
    assert "damaged-history" in {gap.code for gap in outcome.gaps}


def test_blob_over_the_limit_is_a_gap(repo: Repo) -> None:
    repo.commit(big="x" * 2000, small=ONE)
    outcome = scan_repository(context_of(repo.path, limits=Limits(content_bytes=1000)))
    assert secrets_of(outcome) == [ONE]
    assert [(gap.code, gap.path) for gap in outcome.gaps] == [("too-large", "big")]


def test_bare_repository_is_scanned(repo: Repo, tmp_path: Path) -> None:
    added = repo.commit(a=ONE)
    bare = clone(repo.path, tmp_path / "bare.git", "--bare")
    outcome = scan_repository(context_of(bare.path))
    assert (places(outcome), outcome.found[0].in_head) == ([("a", ONE, added)], True)


def test_linked_working_tree_is_scanned_with_the_whole_history(repo: Repo, tmp_path: Path) -> None:
    added = repo.commit(a=ONE)
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    (tmp_path / "linked" / "new").write_text(TWO)
    assert places(scan_repository(context_of(tmp_path / "linked"))) == [("a", ONE, added), ("new", TWO, None)]


def test_sha256_repository_is_scanned(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "new", "--object-format=sha256")
    repo.write("staged", TWO)
    repo.git("add", "staged")
    assert secrets_of(scan_repository(context_of(repo.path))) == [TWO]
    added = repo.commit(a=ONE)
    assert len(added) == 64
    assert places(scan_repository(context_of(repo.path))) == [("a", ONE, added), ("staged", TWO, added)]


def test_objects_of_alternates_are_scanned(repo: Repo, tmp_path: Path) -> None:
    added = repo.commit(a=ONE)
    borrowing = clone(repo.path, tmp_path / "borrowing", "--shared")
    assert not list((borrowing.path / ".git" / "objects").glob("??/*"))
    assert places(scan_repository(context_of(borrowing.path))) == [("a", ONE, added)]


def test_replaced_commit_is_scanned_as_it_was(repo: Repo) -> None:
    bad = repo.commit(a=ONE)
    tree = repo.git("mktree")
    good = repo.git("commit-tree", tree, "-m", "nothing to see")
    repo.git("replace", bad, good)
    assert places(scan_repository(context_of(repo.path))) == [("a", ONE, bad)]


def test_grafted_history_is_scanned_as_it_was(repo: Repo) -> None:
    first = repo.commit(a=ONE)
    second = repo.commit(a="gone")
    repo.write(".git/info/grafts", second + "\n")
    assert places(scan_repository(context_of(repo.path))) == [("a", ONE, first)]


def test_commit_that_nothing_refers_to_is_scanned(repo: Repo) -> None:
    repo.commit(a="x")
    lost = repo.commit(b=ONE)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    outcome = scan_repository(context_of(repo.path))
    assert (places(outcome), outcome.found[0].refs) == ([("b", ONE, lost)], ())


def test_blob_that_nothing_refers_to_is_scanned(repo: Repo) -> None:
    repo.commit(a="x")
    blob = repo.git("hash-object", "-w", "--stdin", data=ONE.encode())
    assert places(scan_repository(context_of(repo.path))) == [(f"<blob {blob[:12]}>", ONE, None)]


def test_submodule_that_is_checked_out_is_scanned(repo: Repo, tmp_path: Path) -> None:
    inner = make_repo(tmp_path / "inner")
    added = inner.commit(a=ONE)
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.path), "libs/inner")
    repo.commit("add submodule")
    outcome = scan_repository(context_of(repo.path))
    assert (places(outcome), outcome.gaps) == ([("libs/inner/a", ONE, added)], ())


def test_submodule_that_is_not_checked_out_is_incomplete(repo: Repo, tmp_path: Path) -> None:
    inner = make_repo(tmp_path / "inner")
    inner.commit(a=ONE)
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.path), "inner")
    repo.commit("add submodule")
    other = clone(repo.path, tmp_path / "other")
    outcome = scan_repository(context_of(other.path))
    assert [(gap.code, gap.path) for gap in outcome.gaps] == [("submodule", "inner")]


def test_repository_inside_the_working_tree_is_scanned_as_untracked_files(repo: Repo) -> None:
    repo.commit(a="x")
    inner = make_repo(repo.path / "inner")
    inner.commit(**{"deep/b": ONE, ".gitignore": "skip"})
    inner.write("skip", TWO)
    assert places(scan_repository(context_of(repo.path))) == [("inner/deep/b", ONE, None)]


def test_repository_cannot_make_the_scan_run_something(repo: Repo, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {trap}\ncat\n")
    program.chmod(0o755)
    repo.commit(a="x\n", **{".gitattributes": "* filter=evil diff=evil\n"})
    settings = {
        "filter.evil.clean": program,
        "filter.evil.process": program,
        "diff.evil.textconv": program,
        "diff.external": program,
        "core.fsmonitor": program,
        "core.pager": program,
        "gpg.program": program,
        "log.showSignature": "true",
        "core.sshCommand": program,
    }
    for name, value in settings.items():
        repo.git("config", name, str(value))
    repo.write("a", f"{ONE}\n")
    (repo.path / "a").touch()
    assert secrets_of(scan_repository(context_of(repo.path))) == [ONE]
    assert not trap.exists()


def test_hostile_environment_is_not_passed_on(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    repo.commit(a=ONE)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path))
    assert secrets_of(scan_repository(context_of(repo.path))) == [ONE]


def test_odd_names_do_not_confuse(repo: Repo) -> None:
    first = repo.commit(**{":000000 100644 x\n\x01abc": ONE, " -n": TWO})
    repo.path.joinpath(os.fsdecode(b"caf\xe9")).write_text(THREE)
    second = repo.commit("latin-1 name")
    assert places(scan_repository(context_of(repo.path))) == [
        (" -n", TWO, first),
        (":000000 100644 x\n\x01abc", ONE, first),
        ("caf\udce9", THREE, second),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_a_gap(repo: Repo) -> None:
    repo.commit(a="x")
    repo.write("locked", ONE)
    (repo.path / "locked").chmod(0)
    assert [(gap.code, gap.path) for gap in scan_unstaged(context_of(repo.path)).gaps] == [("unreadable", "locked")]


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="needs the right to give a folder away")
def test_repository_of_somebody_else_is_refused_with_the_way_out(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit(a=ONE)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(repo.path.parent / "config"))
    for path in [repo.path, *repo.path.rglob("*")]:
        os.lchown(path, 12345, 12345)
    with pytest.raises(UsageError, match=r"safe\.directory"):
        open_repository(str(repo.path))
    (repo.path.parent / "config").write_text(f"[safe]\n\tdirectory = {repo.path}\n")
    assert secrets_of(scan_repository(context_of(repo.path))) == [ONE]


def test_folder_that_is_no_longer_there_is_refused(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        open_repository(str(tmp_path))
