"""Every ordinary kind of push, through real git, the real functions and their real queues."""

from __future__ import annotations

import os
from pathlib import Path

from tests.conftest import aws_secret, made_up
from tests.service.conftest import Repo, places


def test_a_leak_is_told_locked_and_reset(repo: Repo) -> None:
    clean = repo.start()
    alice = repo.person()
    leak = alice.commit({"conf/prod.env": aws_secret()}, "Add settings")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert event["actions"] == ["notify", "lock", "reset"]
    assert places(event) == {("conf/prod.env", leak)}
    assert event["pusher"].endswith(":user/developer")
    assert event["acceptedCommitId"] == clean
    assert repo.tip() == clean
    assert repo.service.tags(repo.name)["RepoState"] == "locked"
    assert repo.responded("lock") == ["done"]
    assert repo.responded("reset") == ["done"]
    assert len(repo.mails) == 3
    refused = alice.git("push", "origin", "HEAD:main", check=False)
    assert refused.returncode != 0
    assert "403" in refused.stderr


def test_several_commits_in_one_push_are_scanned_one_by_one(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"a.txt": "nothing\n"}, "One")
    second = alice.commit({"b.txt": aws_secret("b")}, "Two")
    third = alice.commit({"c.txt": aws_secret("c")}, "Three")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert places(event) == {("b.txt", second), ("c.txt", third)}
    assert event["commitsScanned"] == 3


def test_a_secret_added_and_removed_within_one_push_is_found(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    added = alice.commit({"key.txt": aws_secret()}, "Add")
    alice.commit({"key.txt": "gone\n"}, "Remove")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert places(event) == {("key.txt", added)}


def test_a_secret_that_only_a_merge_commit_brings_is_found(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.git("checkout", "-q", "-b", "side")
    alice.commit({"side.txt": "side\n"}, "Side")
    alice.git("checkout", "-q", "main")
    alice.commit({"main.txt": "main\n"}, "Main")
    alice.git("merge", "-q", "--no-ff", "--no-commit", "side")
    merge = alice.commit({"evil.txt": aws_secret()}, "Merge")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert places(event) == {("evil.txt", merge)}


def test_a_new_branch_with_a_secret_is_deleted_and_backed_up(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    leak = alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:feature")

    (event,) = repo.settle()

    assert event["change"] == "referenceCreated"
    assert places(event) == {("key.txt", leak)}
    assert repo.tip("refs/heads/feature") is None
    assert repo.responded("reset") == ["done"]


def test_two_new_branches_with_the_same_commit_do_not_hide_each_other(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:one", "HEAD:two")

    events = repo.settle()

    assert {event["referenceFullName"] for event in events} == {"refs/heads/one", "refs/heads/two"}
    assert repo.tip("refs/heads/one") is None
    assert repo.tip("refs/heads/two") is None


def test_a_first_push_with_a_secret_stays_because_the_default_branch_cannot_go(repo: Repo) -> None:
    alice = repo.person()
    leak = alice.commit({"key.txt": aws_secret()}, "Begin badly")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert places(event) == {("key.txt", leak)}
    assert repo.tip() == leak
    assert repo.responded("reset") == ["refused"]
    assert repo.responded("lock") == ["done"]


def test_a_force_push_is_scanned_from_what_was_accepted(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"a.txt": "one\n"}, "One")
    alice.git("push", "origin", "HEAD:main")
    assert repo.settle() == []
    alice.git("reset", "-q", "--hard", "HEAD~1")
    forced = alice.commit({"b.txt": aws_secret()}, "Other")
    alice.git("push", "--force", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert places(event) == {("b.txt", forced)}
    assert event["commitsScanned"] == 1


def test_a_light_tag_on_a_new_commit_is_scanned(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    leak = alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("tag", "v1")
    alice.git("push", "origin", "v1")

    (event,) = repo.settle()

    assert event["referenceFullName"] == "refs/tags/v1"
    assert places(event) == {("key.txt", leak)}
    assert repo.tip("refs/tags/v1") is None


def test_an_annotated_tag_is_scanned_with_its_message(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.git("tag", "-a", "-m", aws_secret(), "v2")
    alice.git("push", "origin", "v2")

    (event,) = repo.settle()

    assert [f["source"] for f in event["findings"]] == ["tag-message"]
    assert repo.tip("refs/tags/v2") is None
    assert repo.responded("reset") == ["done"]


def test_a_deleted_branch_raises_nothing(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"a.txt": "one\n"}, "One")
    alice.git("push", "origin", "HEAD:feature")
    alice.git("push", "origin", ":feature")

    assert repo.settle() == []


def test_a_branch_that_was_deleted_before_its_event_came_is_scanned_all_the_same(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    leak = alice.commit({"key.txt": aws_secret()}, "Add")
    repo.service.codecommit.events.drop = 1
    alice.git("push", "origin", "HEAD:feature")
    alice.git("push", "origin", ":feature")

    (event,) = repo.settle()

    assert places(event) == {("key.txt", leak)}
    assert event["actions"] == ["notify", "lock"]


def test_moving_and_renaming_a_file_with_an_old_secret_raises_nothing(repo: Repo) -> None:
    repo.old({"old/key.txt": aws_secret() + "a line\n" * 20})
    alice = repo.person()
    alice.git("mv", "old", "new")
    alice.commit({}, "Move")
    alice.git("mv", "new/key.txt", "new/renamed.txt")
    alice.commit({"new/renamed.txt": aws_secret() + "another line\n" * 20}, "Rename and edit")
    alice.git("push", "origin", "HEAD:main")

    assert repo.settle() == []


def test_editing_a_file_with_an_old_secret_raises_only_what_is_new(repo: Repo) -> None:
    repo.old({"key.txt": aws_secret("old")})
    alice = repo.person()
    alice.commit({"key.txt": "# a comment\n    " + aws_secret("old")}, "Indent")
    alice.git("push", "origin", "HEAD:main")
    assert repo.settle() == []
    second = alice.commit({"key.txt": aws_secret("old") + aws_secret("new")}, "Add another")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert [(f["line"], f["commitId"]) for f in event["findings"]] == [(2, second)]


def test_a_file_above_six_megabytes_is_scanned(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    filler = ("some ordinary text without any meaning\n" * 200_000).encode()
    alice.commit({"big.log": filler + aws_secret().encode()}, "Add a big file")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert [f["line"] for f in event["findings"]] == [200_001]


def test_a_binary_file_is_scanned(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"program.bin": b"\x7fELF\0\0\1\2" * 50 + aws_secret().encode() + b"\0\0\xff" * 50}, "Add a program")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert {f["path"] for f in event["findings"]} == {"program.bin"}


def test_a_submodule_is_passed_over(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.git("update-index", "--add", "--cacheinfo", f"160000,{made_up('sub', 40, '0123456789abcdef')},vendored")
    alice.git("commit", "-q", "-m", "Add a submodule")
    alice.git("push", "origin", "HEAD:main")

    assert repo.settle() == []


def test_the_target_of_a_symbolic_link_is_scanned(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    Path(alice.folder / "link").symlink_to(aws_secret().strip())
    alice.commit({}, "Link")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert [f["source"] for f in event["findings"]] == ["symlink"]


def test_a_secret_in_a_commit_message_is_found_and_told_without_it(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"a.txt": "a\n"}, f"Use {aws_secret('message')}")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert [f["source"] for f in event["findings"]] == ["commit-message"]
    assert made_up("message", 40) not in str(event)


def test_a_secret_in_a_file_name_is_found_and_told_without_it(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({f"conf/{aws_secret('name').strip()}": "a\n"}, "Add")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert [f["source"] for f in event["findings"]] == ["file-name"]
    assert made_up("name", 40) not in str(event)


def test_a_commit_made_through_the_api_is_scanned(repo: Repo) -> None:
    clean = repo.start()
    made = repo.api.put_file(
        repositoryName=repo.name,
        branchName="main",
        fileContent=aws_secret().encode(),
        filePath="key.txt",
        parentCommitId=clean,
    )

    (event,) = repo.settle()

    assert places(event) == {("key.txt", made["commitId"])}
    assert repo.tip() == clean


def test_merging_a_pull_request_brings_nothing_new_to_tell(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"feature.txt": "clean\n"}, "Feature")
    alice.git("push", "origin", "HEAD:feature")
    assert repo.settle() == []
    target = {"repositoryName": repo.name, "sourceReference": "feature", "destinationReference": "main"}
    request = repo.api.create_pull_request(title="Feature", targets=[target])["pullRequest"]
    repo.api.merge_pull_request_by_fast_forward(pullRequestId=request["pullRequestId"], repositoryName=repo.name)

    assert repo.settle() == []
    assert repo.tip() == repo.tip("refs/heads/feature")


def test_a_removed_commit_that_is_pushed_again_is_told_of_again(repo: Repo) -> None:
    clean = repo.start()
    alice = repo.person()
    alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:main")
    (first,) = repo.settle()
    assert repo.tip() == clean
    repo.unlock()
    alice.git("push", "origin", "HEAD:main")

    (second,) = repo.settle()

    assert second["incidentId"] != first["incidentId"]
    assert repo.tip() == clean
    assert repo.responded("reset") == ["done", "done"]


def test_newer_commits_of_others_are_never_dropped(repo: Repo) -> None:
    repo.start()
    alice, bob = repo.person(), repo.admin
    events = repo.service.codecommit.events
    events.hold()
    alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:main")
    bob.git("pull", "-q", "origin", "main")
    newer = bob.commit({"work.txt": "Bob's work\n"}, "Work")
    bob.git("push", "origin", "HEAD:main")
    (first,) = [e for e in events.held if e["detail"]["commitId"] != newer]
    events.release(lambda _held: [first])

    repo.settle()

    assert repo.tip() == newer
    assert repo.responded("reset") == ["refused"]
    assert repo.responded("lock") == ["done"]


def test_an_open_finding_is_not_told_of_again_with_the_next_push(repo: Repo) -> None:
    alice = repo.person()
    alice.commit({"key.txt": aws_secret()}, "Begin badly")
    alice.git("push", "origin", "HEAD:main")
    assert len(repo.settle()) == 1
    admin = repo.admin
    admin.git("pull", "-q", "origin", "main")
    admin.commit({"b.txt": "b\n"}, "Go on")
    admin.git("push", "origin", "HEAD:main")

    assert repo.settle() == []


def test_restoring_gives_the_removed_commit_back_and_is_not_answered(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    leak = alice.commit({"key.txt": aws_secret()}, "Add")
    alice.git("push", "origin", "HEAD:main")
    (event,) = repo.settle()
    repo.unlock()
    done = repo.admin.pushwarden("restore", repo.name, event["incidentId"], "--branch", "rescue")

    assert done.returncode == 0, done.stderr
    assert repo.settle() == []
    assert repo.tip("refs/heads/rescue") == leak


def test_refs_with_shell_characters_and_unicode_are_just_names(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    alice.commit({"key.txt": aws_secret()}, "Add")
    name = "a;id$(touch${IFS}x)`id`|b&c-ünï-😀"
    alice.git("push", "origin", f"HEAD:refs/heads/{name}")

    (event,) = repo.settle()

    assert event["referenceFullName"] == f"refs/heads/{name}"
    assert repo.tip(f"refs/heads/{name}") is None


def test_a_path_that_is_not_utf8_is_scanned_and_told(repo: Repo) -> None:
    repo.start()
    alice = repo.person()
    (alice.folder / "x").mkdir()
    path = bytes(alice.folder / "x") + b"/\xff\xfe-key.txt"
    Path(os.fsdecode(path)).write_text(aws_secret())
    alice.commit({}, "Add")
    alice.git("push", "origin", "HEAD:main")

    (event,) = repo.settle()

    assert [f["path"] for f in event["findings"]] == ["x/\\udcff\\udcfe-key.txt"]
