"""What a scan of a repository attributes to whom."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pushwarden.errors import UsageError
from pushwarden.history.local.scan import (
    Selection,
    scan_index,
    scan_new,
    scan_repository,
    scan_selection,
    scan_unstaged,
)
from pushwarden.model import Source
from tests.history.local.building import Repo, context_of, make_repo, places, secrets_of, token

ONE, TWO, THREE = token(1), token(2), token(3)


def test_secret_added_and_deleted_is_attributed_to_the_commit_that_added_it(repo: Repo) -> None:
    repo.commit(a="x\n")
    added = repo.commit(a=f"x\nkey {ONE}\n")
    repo.commit(a="x\n")
    (found,) = scan_repository(context_of(repo.path)).found
    finding = found.finding
    assert (finding.path, finding.commit, finding.source) == ("a", added, Source.FILE)
    assert (finding.match.span.start_line, finding.match.span.start_column) == (2, 5)
    assert finding.author is not None
    assert (finding.author.name, finding.author.email) == ("Ann", "ann@example.org")
    assert finding.author.date == "2026-01-02T03:04:05+01:00"
    assert (found.in_head, found.refs) == (False, ("main",))


def test_moving_and_editing_a_file_with_a_secret_raises_nothing_new(repo: Repo) -> None:
    first = repo.commit(a=f"{ONE}\n")
    repo.git("mv", "a", "b")
    repo.commit("move")
    repo.commit(b=f"    {ONE}\nmore\n")
    outcome = scan_repository(context_of(repo.path))
    assert places(outcome) == [("a", ONE, first)]
    assert outcome.found[0].in_head is True


def test_copying_a_secret_to_another_file_is_a_finding_there(repo: Repo) -> None:
    first = repo.commit(a=ONE)
    second = repo.commit(b=ONE)
    assert places(scan_repository(context_of(repo.path))) == [("a", ONE, first), ("b", ONE, second)]


def test_secret_in_one_content_under_many_names_is_a_finding_at_each(repo: Repo) -> None:
    names = ["one.py", "two.py", "tests/three.py", "four.yml"]
    first = repo.commit(**dict.fromkeys(names, f"x\nkey {ONE}\n"))
    assert places(scan_repository(context_of(repo.path))) == sorted((name, ONE, first) for name in names)


def test_secret_that_comes_back_is_attributed_to_the_first_commit(repo: Repo) -> None:
    first = repo.commit(a=ONE)
    repo.commit(a="gone")
    repo.commit(a=ONE)
    assert places(scan_repository(context_of(repo.path))) == [("a", ONE, first)]


def test_secret_in_a_merge_commit_alone_is_found(repo: Repo) -> None:
    repo.commit(a="a\n", b="b\n")
    repo.git("switch", "-q", "-c", "side")
    repo.commit(b="b2\n")
    repo.git("switch", "-q", "main")
    repo.commit(a="a2\n")
    repo.git("merge", "-q", "--no-commit", "side")
    merge = repo.commit("merge", a=f"a2\n{ONE}\n", evil=TWO)
    assert places(scan_repository(context_of(repo.path))) == [("a", ONE, merge), ("evil", TWO, merge)]


def test_merge_that_moves_a_file_of_one_branch_raises_nothing_new(repo: Repo) -> None:
    repo.commit(a="a\n")
    repo.git("switch", "-q", "-c", "side")
    added = repo.commit(q=ONE)
    repo.git("switch", "-q", "main")
    repo.commit(a="a2\n")
    repo.git("merge", "-q", "--no-commit", "side")
    repo.git("mv", "q", "p")
    repo.commit("merge")
    assert places(scan_repository(context_of(repo.path))) == [("q", ONE, added)]


def test_merge_of_two_branches_raises_nothing_of_its_own(repo: Repo) -> None:
    repo.commit(a="a\n")
    repo.git("switch", "-q", "-c", "side")
    added = repo.commit(b=ONE)
    repo.git("switch", "-q", "main")
    repo.commit(a="a2\n")
    repo.git("merge", "-q", "side", "-m", "merge")
    outcome = scan_repository(context_of(repo.path))
    assert places(outcome) == [("b", ONE, added)]
    assert outcome.found[0].refs == ("main", "side")


def test_what_a_range_replaces_is_not_raised_again(repo: Repo) -> None:
    base = repo.commit(a=f"{ONE}\n")
    new = repo.commit(a=f"{ONE}\nmore\n{TWO}\n")
    outcome = scan_selection(context_of(repo.path), Selection(range=f"{base}..HEAD"))
    assert places(outcome) == [("a", TWO, new)]
    assert outcome.counts.commits == 1
    assert (outcome.found[0].refs, outcome.found[0].in_head) == (("main",), True)


def test_move_in_a_range_raises_nothing(repo: Repo) -> None:
    base = repo.commit(a=f"{ONE}\n")
    repo.git("mv", "a", "b")
    repo.commit("move")
    assert scan_selection(context_of(repo.path), Selection(range=f"{base}..HEAD")).found == ()


def test_branch_and_date_select_commits(repo: Repo) -> None:
    repo.commit(a=ONE)
    repo.git("switch", "-q", "-c", "side")
    repo.write("b", TWO)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "later", GIT_COMMITTER_DATE="2026-05-01T00:00:00Z")
    context = context_of(repo.path)
    assert secrets_of(scan_selection(context, Selection(branch="main"))) == [ONE]
    assert secrets_of(scan_selection(context, Selection(since="2026-04-01"))) == [TWO]


@pytest.mark.parametrize(
    "selection", [Selection(range="nothing..here"), Selection(branch="none"), Selection(branch="--output=x")]
)
def test_unknown_revisions_are_refused(repo: Repo, selection: Selection) -> None:
    repo.commit(a="x")
    with pytest.raises(UsageError, match=r"--(range|branch) "):
        scan_selection(context_of(repo.path), selection)


@pytest.mark.parametrize("date", ["yesterdy", "", "now", "2099-01-01"])
def test_date_that_git_would_take_for_now_is_refused(repo: Repo, date: str) -> None:
    repo.commit(a=ONE)
    with pytest.raises(UsageError, match="--since"):
        scan_selection(context_of(repo.path), Selection(since=date))


def test_staged_scan_sees_the_index_and_not_the_working_tree(repo: Repo) -> None:
    repo.commit(a=f"{ONE}\n", b="b")
    repo.write("a", f"x\n{ONE}\n{TWO}\n")
    repo.git("add", "a")
    repo.write("b", THREE)
    outcome = scan_index(context_of(repo.path))
    assert places(outcome) == [("a", TWO, None)]
    assert outcome.found[0].in_head is False


def test_staged_move_raises_nothing(repo: Repo) -> None:
    repo.commit(a=f"{ONE}\n")
    repo.git("mv", "a", "b")
    assert scan_index(context_of(repo.path)).found == ()


def test_staged_scan_works_before_the_first_commit(repo: Repo) -> None:
    repo.write("a", ONE)
    repo.git("add", "a")
    outcome = scan_index(context_of(repo.path))
    assert places(outcome) == [("a", ONE, None)]
    assert outcome.found[0].in_head is None


def test_unstaged_scan_sees_changes_and_untracked_files_but_not_ignored_ones(repo: Repo) -> None:
    repo.commit(a=f"{ONE}\n", **{".gitignore": "skip\n"})
    repo.write("a", f"{ONE}\n{TWO}\n")
    repo.write("new/b", THREE)
    repo.write("skip", token(9))
    assert places(scan_unstaged(context_of(repo.path))) == [("a", TWO, None), ("new/b", THREE, None)]


def test_same_secret_is_reported_once_for_history_and_working_tree(repo: Repo) -> None:
    first = repo.commit(a=f"{ONE}\n")
    repo.write("a", f"changed\n{ONE}\n")
    assert places(scan_repository(context_of(repo.path))) == [("a", ONE, first)]


def test_new_commits_of_a_push_are_scanned_with_their_tags(repo: Repo) -> None:
    base = repo.commit(a=ONE)
    new = repo.commit(b=TWO)
    repo.git("tag", "-a", "v1", "-m", f"release {THREE}")
    tag = repo.git("rev-parse", "v1")
    outcome = scan_new(context_of(repo.path), [new, tag], [base, "0123456789" * 4])
    assert places(outcome) == [("<tag-message>", THREE, tag), ("b", TWO, new)]


def test_names_are_reported_once_for_the_commit_that_brought_them(repo: Repo) -> None:
    first = repo.commit(**{f"dir/{ONE}/a": "1\n"})
    repo.commit(**{f"dir/{ONE}/b": "2\n", f"dir/{ONE}/a": "3\n"})
    (found,) = scan_repository(context_of(repo.path)).found
    assert found.finding.source is Source.FILE_NAME
    assert (found.finding.path, found.finding.commit, found.in_head) == (f"dir/{ONE}/a", first, True)


def test_equal_blobs_are_scanned_once(repo: Repo) -> None:
    repo.commit(a="same\n", b="same\n", c="other\n")
    outcome = scan_repository(context_of(repo.path))
    assert (outcome.counts.blobs, outcome.counts.commits, outcome.counts.refs) == (2, 1, 1)


def test_two_workers_find_what_one_finds(repo: Repo) -> None:
    for number in range(8):
        repo.commit(**{f"f{number}": f"{token(number)}\n" + f"line {number}\n" * 60_000})
    one = scan_repository(context_of(repo.path))
    two = scan_repository(context_of(repo.path, jobs=2))
    assert len(one.found) == 8
    assert places(one) == places(two)


def test_inline_comment_is_seen(repo: Repo) -> None:
    repo.commit(a=f"{ONE} # pushwarden:allow\n{TWO}\n")
    outcome = scan_repository(context_of(repo.path))
    assert {each.finding.match.secret.reveal().decode(): each.allowed for each in outcome.found} == {
        ONE: True,
        TWO: False,
    }


def test_folder_outside_git_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--files"):
        context_of(tmp_path)


def test_empty_repository_is_clean(tmp_path: Path) -> None:
    outcome = scan_repository(context_of(make_repo(tmp_path / "empty").path))
    assert (outcome.found, outcome.gaps) == ((), ())


def test_refs_that_only_name_another_one_are_not_told(repo: Repo) -> None:
    repo.commit(a=token(1))
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    (found,) = scan_repository(context_of(repo.path)).found
    assert found.refs == ("main", "remotes/origin/main")


@pytest.mark.parametrize("formatted", ["sha1", "sha256"])
def test_files_that_were_only_touched_are_not_scanned(tmp_path: Path, formatted: str) -> None:
    repo = make_repo(tmp_path / "repo", f"--object-format={formatted}")
    repo.commit(a="same\n", b="changes\n")
    (repo.path / "link").symlink_to("a")
    repo.commit("link")
    copy = tmp_path / "copy"
    shutil.copytree(repo.path, copy, symlinks=True, copy_function=shutil.copyfile)  # other inodes, other times
    (copy / "b").write_text(f"changes {token(1)}\n")
    outcome = scan_repository(context_of(copy))
    assert secrets_of(outcome) == [token(1)]
    assert outcome.counts.files == 1
    assert scan_unstaged(context_of(copy)).counts.files == 1
