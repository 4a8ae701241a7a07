"""Ordinary git against the server: clone, push, force push, tags, delete, fetch."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushwarden.local.codecommit import CodeCommitServer

from .conftest import ADMIN, DEVELOPER, NOBODY, ROLE, Work, signed_url

Details = Callable[[str], list[dict[str, Any]]]


def test_an_empty_repository_can_be_cloned(work: Work, repo: str) -> None:
    done = work.run("clone", f"@{repo}", "copy")
    assert done.returncode == 0
    assert "empty repository" in done.stderr


def test_what_was_pushed_comes_back_with_a_clone(work: Work, repo: str) -> None:
    tip = work.commit({"a.txt": "one\n", "sub/b.bin": b"\0\1\2"})
    work.git("push", f"@{repo}", "main")
    work.git("clone", f"@{repo}", "copy")
    assert (work.folder / "copy/sub/b.bin").read_bytes() == b"\0\1\2"
    assert work.git("-C", "copy", "rev-parse", "HEAD") == tip
    assert work.git("-C", "copy", "branch", "--show-current") == "main"


def test_the_first_branch_that_is_pushed_becomes_the_default(work: Work, repo: str, admin: Any) -> None:
    assert "defaultBranch" not in admin.get_repository(repositoryName=repo)["repositoryMetadata"]
    work.commit()
    work.git("push", f"@{repo}", "main:trunk")
    work.git("push", f"@{repo}", "main:main")
    assert admin.get_repository(repositoryName=repo)["repositoryMetadata"]["defaultBranch"] == "trunk"


def test_a_tag_alone_makes_no_default_branch(work: Work, repo: str, admin: Any) -> None:
    work.commit()
    work.git("tag", "v1")
    work.git("push", f"@{repo}", "v1")
    assert "defaultBranch" not in admin.get_repository(repositoryName=repo)["repositoryMetadata"]


def test_a_force_push_moves_the_branch_back_and_the_commit_stays_readable_by_id(
    work: Work, repo: str, admin: Any, details: Details
) -> None:
    good = work.commit({"a": "1"})
    bad = work.commit({"a": "2"})
    work.git("push", f"@{repo}", "main")
    work.git("push", "--force", f"@{repo}", f"{good}:main")
    assert admin.get_branch(repositoryName=repo, branchName="main")["branch"]["commitId"] == good
    assert admin.get_commit(repositoryName=repo, commitId=bad)["commit"]["parents"] == [good]
    assert (details(repo)[-1]["oldCommitId"], details(repo)[-1]["commitId"]) == (bad, good)


def test_a_commit_that_no_ref_reaches_cannot_be_fetched(work: Work, repo: str) -> None:
    good = work.commit({"a": "1"})
    bad = work.commit({"a": "2"})
    work.git("push", f"@{repo}", "main")
    other = Work(work.server, work.folder.parent / "other")
    assert other.run("fetch", f"@{repo}", good).returncode == 0
    work.git("push", "--force", f"@{repo}", f"{good}:main")
    assert other.run("fetch", f"@{repo}", bad).returncode != 0


def test_tags_can_be_pushed_and_deleted(work: Work, repo: str, details: Details) -> None:
    tip = work.commit()
    work.git("tag", "light")
    work.git("tag", "-a", "-m", "annotated", "heavy")
    work.git("push", f"@{repo}", "main", "light", "heavy")
    listed = work.git("ls-remote", f"@{repo}")
    assert f"{tip}\trefs/tags/light" in listed
    assert f"{tip}\trefs/tags/heavy^{{}}" in listed
    work.git("push", f"@{repo}", "--delete", "light")
    assert "refs/tags/light" not in work.git("ls-remote", f"@{repo}")
    assert [(each["event"], each["referenceName"]) for each in details(repo)] == [
        ("referenceCreated", "main"),
        ("referenceCreated", "light"),
        ("referenceCreated", "heavy"),
        ("referenceDeleted", "light"),
    ]


@pytest.mark.parametrize("which", ["commit", "tag"])
def test_the_event_of_an_annotated_tag_carries_the_id_that_the_switch_says(
    server: CodeCommitServer, work: Work, repo: str, details: Details, which: str
) -> None:
    server.events.annotated_tag_event = which  # type: ignore[assignment]
    ids = {"commit": work.commit()}
    work.git("tag", "-a", "-m", "annotated", "heavy")
    ids["tag"] = work.git("rev-parse", "heavy")
    work.git("push", f"@{repo}", "heavy")
    assert details(repo)[0]["commitId"] == ids[which]


def test_notes_are_stored_and_send_no_event_unless_asked(
    server: CodeCommitServer, work: Work, repo: str, details: Details
) -> None:
    work.commit()
    work.git("notes", "add", "-m", "a note")
    work.git("push", f"@{repo}", "refs/notes/commits")
    assert "refs/notes/commits" in work.git("ls-remote", f"@{repo}")
    assert details(repo) == []
    server.events.other_refs = True
    work.git("push", f"@{repo}", "--delete", "refs/notes/commits")
    assert [each["referenceFullName"] for each in details(repo)] == ["refs/notes/commits"]


def test_a_branch_can_be_deleted_but_not_the_default_branch(work: Work, repo: str, details: Details) -> None:
    tip = work.commit()
    work.git("push", f"@{repo}", "main", "main:topic")
    done = work.run("push", f"@{repo}", "--delete", "main", "topic")
    assert done.returncode == 1
    assert "[remote rejected] main (cannot delete the default branch)" in done.stderr
    assert work.git("ls-remote", "--heads", f"@{repo}") == f"{tip}\trefs/heads/main"
    assert [(each["event"], each["referenceName"]) for each in details(repo)[2:]] == [("referenceDeleted", "topic")]


def test_deleting_a_branch_that_is_not_there_sends_no_event(work: Work, repo: str, details: Details) -> None:
    work.commit()
    work.git("push", f"@{repo}", "main")
    work.run("push", f"@{repo}", ":refs/heads/never")
    assert len(details(repo)) == 1


def test_a_shallow_clone_has_one_commit_and_can_be_deepened_and_pushed_from(work: Work, repo: str) -> None:
    for number in range(5):
        work.commit({"a": str(number)})
    work.git("push", f"@{repo}", "main")
    work.git("clone", "--depth=1", f"@{repo}", "copy")
    assert work.git("-C", "copy", "rev-list", "--count", "HEAD") == "1"
    work.git("-C", "copy", "fetch", "--depth=3", f"@{repo}", "main")
    assert work.git("-C", "copy", "rev-list", "--count", "HEAD") == "3"
    work.git("-C", "copy", "commit", "--allow-empty", "-m", "more")
    work.git("-C", "copy", "push", f"@{repo}", "HEAD:main")
    assert work.git("ls-remote", f"@{repo}", "main").split()[0] == work.git("-C", "copy", "rev-parse", "HEAD")


def test_a_fetch_brings_only_what_is_new_after_a_long_negotiation(work: Work, repo: str) -> None:
    work.commit({"a": "0"})
    work.git("push", f"@{repo}", "main")
    work.git("clone", f"@{repo}", "copy")
    tip = work.commit({"a": "1"})
    work.git("push", f"@{repo}", "main")
    lines = "".join(
        f"commit refs/heads/side-{number}\ncommitter D <d@example.com> {1_600_000_000 + number} +0000\ndata 1\n.\n\n"
        for number in range(200)
    )
    work.git("-C", "copy", "fast-import", "--quiet", stdin=lines)  # 200 tips to name: a request that git zips
    work.git("-C", "copy", "fetch", f"@{repo}", "main")
    assert work.git("-C", "copy", "rev-parse", "FETCH_HEAD") == tip


def test_a_push_above_the_post_buffer_is_taken_in_chunks(work: Work, repo: str) -> None:
    content = os.urandom(3 << 20)
    work.commit({"big.bin": content})
    work.git("push", f"@{repo}", "main")
    work.git("clone", f"@{repo}", "copy")
    assert (work.folder / "copy/big.bin").read_bytes() == content


def test_a_file_above_six_megabytes_can_be_fetched_but_not_read_through_the_api(
    work: Work, repo: str, admin: Any
) -> None:
    tip = work.commit({"big.txt": b"0123456789abcdef" * (6 << 16) + b"x"})
    work.git("push", f"@{repo}", "main")
    with pytest.raises(ClientError, match="FileTooLargeException"):
        admin.get_file(repositoryName=repo, filePath="big.txt")
    with pytest.raises(ClientError, match="FileTooLargeException"):
        admin.get_blob(repositoryName=repo, blobId=work.git("rev-parse", f"{tip}:big.txt"))
    work.git("clone", f"@{repo}", "copy")
    assert (work.folder / "copy/big.txt").stat().st_size == (6 << 20) + 1


@pytest.mark.parametrize("name", ["a;id", "$(id)", "`id`", "a|b&c", "käse/ünï", "it's", 'quo"te', "-dash", "%41"])
def test_branch_names_are_data(work: Work, repo: str, admin: Any, details: Details, name: str) -> None:
    tip = work.commit()
    work.git("push", f"@{repo}", f"main:refs/heads/{name}")
    assert admin.get_branch(repositoryName=repo, branchName=name)["branch"]["commitId"] == tip
    assert details(repo)[0]["referenceName"] == name


def test_a_branch_named_like_a_commit_id_is_refused(work: Work, repo: str) -> None:
    work.commit()
    done = work.run("push", f"@{repo}", f"main:refs/heads/{'a' * 40}")
    assert "remote rejected" in done.stderr


def test_pushes_at_the_same_time_all_arrive(server: CodeCommitServer, repo: str, tmp_path: Path) -> None:
    works = [Work(server, tmp_path / str(number)) for number in range(4)]
    tips = {str(number): each.commit({str(number): "x"}) for number, each in enumerate(works)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda item: item[1].git("push", f"@{repo}", f"main:b{item[0]}"), enumerate(works)))
    listed = works[0].git("ls-remote", "--heads", f"@{repo}")
    assert all(f"{tip}\trefs/heads/b{name}" in listed for name, tip in tips.items())


def test_two_forced_pushes_with_a_lease_on_the_same_tip_do_not_both_win(
    server: CodeCommitServer, repo: str, tmp_path: Path
) -> None:
    first, second = Work(server, tmp_path / "1"), Work(server, tmp_path / "2")
    base = first.commit({"a": "0"})
    first.git("push", f"@{repo}", "main")
    second.git("fetch", f"@{repo}", "main")
    second.git("reset", "--hard", "FETCH_HEAD")
    first.commit({"a": "1"})
    second.commit({"a": "2"})
    first.git("push", f"--force-with-lease=main:{base}", f"@{repo}", "main")
    assert second.run("push", f"--force-with-lease=main:{base}", f"@{repo}", "main").returncode != 0


def test_a_session_with_a_token_can_push(work: Work, repo: str, details: Details) -> None:
    work.commit()
    work.git("push", f"@{repo}", "main", principal=ROLE)
    assert details(repo)[0]["callerUserArn"] == ROLE.arn


def test_a_caller_without_rights_can_neither_pull_nor_push(work: Work, repo: str) -> None:
    work.commit()
    for command in (["ls-remote", f"@{repo}"], ["push", f"@{repo}", "main"]):
        done = work.run(*command, principal=NOBODY)
        assert "403" in done.stderr


def test_a_lock_by_tag_keeps_ordinary_users_out_and_lets_super_users_in(work: Work, repo: str, admin: Any) -> None:
    work.commit({"a": "1"})
    work.git("push", f"@{repo}", "main", principal=DEVELOPER)
    arn = admin.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    admin.tag_resource(resourceArn=arn, tags={"RepoState": "locked"})
    work.commit({"a": "2"})
    assert "403" in work.run("push", f"@{repo}", "main", principal=DEVELOPER).stderr
    assert "403" in work.run("fetch", f"@{repo}", principal=DEVELOPER).stderr
    work.git("push", f"@{repo}", "main", principal=ADMIN)
    admin.untag_resource(resourceArn=arn, tagKeys=["RepoState"])
    work.git("fetch", f"@{repo}", principal=DEVELOPER)


def test_an_unknown_repository_is_not_found(work: Work) -> None:
    assert "not found" in work.run("ls-remote", "@never-created").stderr


def test_a_renamed_repository_answers_under_its_new_name_only(work: Work, repo: str, admin: Any) -> None:
    tip = work.commit()
    work.git("push", f"@{repo}", "main")
    admin.update_repository_name(oldName=repo, newName=f"{repo}-new")
    assert tip in work.git("ls-remote", f"@{repo}-new")
    assert work.run("ls-remote", f"@{repo}").returncode != 0


def test_a_signature_for_another_repository_is_refused(
    server: CodeCommitServer, work: Work, repo: str, admin: Any
) -> None:
    url = signed_url(server, "some-other-repo").replace("some-other-repo", repo)
    assert "403" in work.run("ls-remote", url).stderr


def test_git_without_credentials_is_asked_for_them(server: CodeCommitServer, work: Work, repo: str) -> None:
    done = work.run("ls-remote", server.clone_url(repo))
    assert done.returncode != 0
    assert [each.status for each in server.requests.of(repository=repo, operation="git-*")] == [401]
    assert ADMIN.secret_access_key not in done.stderr
