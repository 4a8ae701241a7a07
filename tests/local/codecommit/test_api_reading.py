"""Repositories, branches, commits and files through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushwarden.local.codecommit import CodeCommitServer, Principal
from pushwarden.local.codecommit.shapes import service_model

from .conftest import ACCOUNT, ADMIN, ALLOW_ALL, NOBODY, REGION, Prepared, Work, code, connect


def test_a_new_repository_is_described_as_codecommit_does(server: CodeCommitServer, admin: Any) -> None:
    made = admin.create_repository(repositoryName="described", repositoryDescription="what it is", tags={"team": "a"})
    metadata = made["repositoryMetadata"]
    assert metadata["Arn"] == f"arn:aws:codecommit:{REGION}:{ACCOUNT}:described"
    assert metadata["cloneUrlHttp"] == f"{server.url}/v1/repos/described"
    assert (metadata["accountId"], metadata["repositoryDescription"]) == (ACCOUNT, "what it is")
    assert admin.get_repository(repositoryName="described")["repositoryMetadata"] == metadata
    assert admin.list_tags_for_resource(resourceArn=metadata["Arn"])["tags"] == {"team": "a"}


@pytest.mark.parametrize("name", ["ends.git", "has space", "sl/ash", "ünïcode", "x" * 101])
def test_a_repository_name_that_codecommit_does_not_take_is_refused(admin: Any, name: str) -> None:
    with pytest.raises(ClientError) as error:
        admin.create_repository(repositoryName=name)
    assert code(error) == "InvalidRepositoryNameException"


def test_a_name_is_taken_once_and_free_again_after_the_repository_is_gone(admin: Any, repo: str) -> None:
    with pytest.raises(ClientError) as error:
        admin.create_repository(repositoryName=repo)
    assert code(error) == "RepositoryNameExistsException"
    gone = admin.delete_repository(repositoryName=repo)["repositoryId"]
    assert "repositoryId" not in admin.delete_repository(repositoryName=repo)
    with pytest.raises(ClientError) as error:
        admin.get_repository(repositoryName=repo)
    assert code(error) == "RepositoryDoesNotExistException"
    assert admin.create_repository(repositoryName=repo)["repositoryMetadata"]["repositoryId"] != gone


def test_a_repository_can_be_renamed_and_keeps_its_id_tags_and_history(work: Work, admin: Any, repo: str) -> None:
    tip = work.commit()
    work.git("push", f"@{repo}", "main")
    old = admin.get_repository(repositoryName=repo)["repositoryMetadata"]
    admin.tag_resource(resourceArn=old["Arn"], tags={"k": "v"})
    admin.update_repository_name(oldName=repo, newName=f"{repo}.moved")
    new = admin.get_repository(repositoryName=f"{repo}.moved")["repositoryMetadata"]
    assert new["repositoryId"] == old["repositoryId"]
    assert admin.list_tags_for_resource(resourceArn=new["Arn"])["tags"] == {"k": "v"}
    assert admin.get_branch(repositoryName=f"{repo}.moved", branchName="main")["branch"]["commitId"] == tip


def test_repositories_are_listed_and_read_in_batches(admin: Any, repo: str) -> None:
    assert repo in [each["repositoryName"] for each in admin.list_repositories()["repositories"]]
    batch = admin.batch_get_repositories(repositoryNames=[repo, "unknown"])
    assert [each["repositoryName"] for each in batch["repositories"]] == [repo]
    assert batch["repositoriesNotFound"] == ["unknown"]


def test_tags_are_set_changed_and_removed(admin: Any, repo: str) -> None:
    arn = admin.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    admin.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    admin.tag_resource(resourceArn=arn, tags={"a": "3"})
    admin.untag_resource(resourceArn=arn, tagKeys=["b", "never"])
    assert admin.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "3"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({str(number): "x" for number in range(51)}, "TooManyTagsException"),
        ({"aws:mine": "x"}, "InvalidSystemTagUsageException"),
    ],
)
def test_tags_that_codecommit_does_not_take_are_refused(
    admin: Any, repo: str, tags: dict[str, str], expected: str
) -> None:
    arn = admin.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    with pytest.raises(ClientError) as error:
        admin.tag_resource(resourceArn=arn, tags=tags)
    assert code(error) == expected
    assert admin.list_tags_for_resource(resourceArn=arn)["tags"] == {}


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("nonsense", "InvalidResourceArnException"),
        (f"arn:aws:codecommit:us-east-1:{ACCOUNT}:x", "InvalidResourceArnException"),
        (f"arn:aws:codecommit:{REGION}:{ACCOUNT}:unknown", "RepositoryDoesNotExistException"),
    ],
)
def test_tags_of_something_else_are_not_found(admin: Any, arn: str, expected: str) -> None:
    with pytest.raises(ClientError) as error:
        admin.list_tags_for_resource(resourceArn=arn)
    assert code(error) == expected


def test_branches_are_made_listed_moved_to_default_and_deleted(work: Work, admin: Any, repo: str) -> None:
    first, second = work.commit({"a": "1"}), work.commit({"a": "2"})
    work.git("push", f"@{repo}", "main")
    admin.create_branch(repositoryName=repo, branchName="topic/one", commitId=first)
    assert admin.list_branches(repositoryName=repo)["branches"] == ["main", "topic/one"]
    with pytest.raises(ClientError) as error:
        admin.delete_branch(repositoryName=repo, branchName="main")
    assert code(error) == "DefaultBranchCannotBeDeletedException"
    admin.update_default_branch(repositoryName=repo, defaultBranchName="topic/one")
    deleted = admin.delete_branch(repositoryName=repo, branchName="main")["deletedBranch"]
    assert deleted == {"branchName": "main", "commitId": second}
    assert "deletedBranch" not in admin.delete_branch(repositoryName=repo, branchName="main")


@pytest.mark.parametrize(
    ("branch", "commit", "expected"),
    [
        ("main", None, "BranchNameExistsException"),
        ("new", "f" * 40, "CommitDoesNotExistException"),
        ("new", "abc", "InvalidCommitIdException"),
        ("bad..name", None, "InvalidBranchNameException"),
        ("nul\0name", None, "InvalidBranchNameException"),
        ("../../config", None, "InvalidBranchNameException"),
        ("x.lock", None, "InvalidBranchNameException"),
        ("x" * 256, None, "InvalidBranchNameException"),
        ("a" * 40, None, "InvalidBranchNameException"),
    ],
)
def test_a_branch_that_cannot_be_made_is_refused(
    admin: Any, prepared: Prepared, branch: str, commit: str | None, expected: str
) -> None:
    with pytest.raises(ClientError) as error:
        admin.create_branch(repositoryName=prepared.name, branchName=branch, commitId=commit or prepared.tip)
    assert code(error) == expected


def test_a_commit_is_described_as_codecommit_does(work: Work, admin: Any, repo: str) -> None:
    first = work.commit({"a": "1"})
    second = work.commit({"a": "2"}, message="Title\n\nBody with ümlauts")
    work.git("push", f"@{repo}", "main")
    commit = admin.get_commit(repositoryName=repo, commitId=second.upper())["commit"]
    date = work.git("log", "-1", "--format=%at +0000", second)
    person = {"name": "Dev", "email": "dev@example.com", "date": date}
    assert commit == {
        "commitId": second,
        "treeId": work.git("rev-parse", f"{second}^{{tree}}"),
        "parents": [first],
        "message": "Title\n\nBody with ümlauts\n",
        "author": person,
        "committer": {**person, "date": work.git("log", "-1", "--format=%ct +0000", second)},
        "additionalData": "",
    }


def test_a_batch_of_commits_gives_commits_and_errors_side_by_side(work: Work, admin: Any, repo: str) -> None:
    tip = work.commit({"a": "1"})
    blob = work.git("rev-parse", f"{tip}:a")
    work.git("push", f"@{repo}", "main")
    answer = admin.batch_get_commits(repositoryName=repo, commitIds=[tip, "f" * 40, "short", blob])
    assert [each["commitId"] for each in answer["commits"]] == [tip]
    assert [(each["commitId"], each["errorCode"]) for each in answer["errors"]] == [
        ("f" * 40, "CommitIdDoesNotExistException"),
        ("short", "InvalidCommitIdException"),
        (blob, "CommitIdDoesNotExistException"),
    ]
    with pytest.raises(ClientError) as error:
        admin.batch_get_commits(repositoryName=repo, commitIds=[tip] * 101)
    assert code(error) == "CommitIdsLimitExceededException"


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("get_commit", {"commitId": "abc"}, "InvalidCommitIdException"),
        ("get_commit", {"commitId": "f" * 40}, "CommitIdDoesNotExistException"),
        ("get_blob", {"blobId": "abc"}, "InvalidBlobIdException"),
        ("get_blob", {"blobId": "f" * 40}, "BlobIdDoesNotExistException"),
        ("get_branch", {"branchName": "never"}, "BranchDoesNotExistException"),
        ("get_branch", {"branchName": "x" * 256}, "BranchDoesNotExistException"),
        ("get_branch", {"branchName": "../../config"}, "BranchDoesNotExistException"),
        ("get_branch", {"branchName": "nul\0"}, "BranchDoesNotExistException"),
        ("get_branch", {}, "BranchNameRequiredException"),
        ("update_default_branch", {"defaultBranchName": "never"}, "BranchDoesNotExistException"),
        ("get_file", {"filePath": "never"}, "FileDoesNotExistException"),
        ("get_file", {"filePath": "dir"}, "FileDoesNotExistException"),
        ("get_file", {"filePath": "file", "commitSpecifier": "never"}, "CommitDoesNotExistException"),
        ("get_folder", {"folderPath": "never"}, "FolderDoesNotExistException"),
        ("get_folder", {"folderPath": "file"}, "FolderDoesNotExistException"),
        ("get_differences", {"afterCommitSpecifier": "f" * 40}, "CommitDoesNotExistException"),
        ("get_differences", {"afterCommitSpecifier": "abcd12"}, "InvalidCommitException"),
        ("get_differences", {"afterCommitSpecifier": "main", "MaxResults": 0}, "InvalidMaxResultsException"),
        ("get_differences", {"afterCommitSpecifier": "main", "NextToken": "?"}, "InvalidContinuationTokenException"),
        ("get_differences", {"afterCommitSpecifier": "main", "afterPath": "never"}, "PathDoesNotExistException"),
    ],
)
def test_what_is_not_there_is_answered_with_the_error_of_its_kind(
    admin: Any, prepared: Prepared, operation: str, parameters: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(admin, operation)(repositoryName=prepared.name, **parameters)
    assert code(error) == expected
    assert expected in {shape.name for shape in service_model().operation_model(_name(operation)).error_shapes}


def _name(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))


def test_a_tag_object_is_no_commit_for_get_commit(work: Work, admin: Any, repo: str) -> None:
    work.commit()
    work.git("tag", "-a", "-m", "x", "v1")
    work.git("push", f"@{repo}", "v1")
    with pytest.raises(ClientError) as error:
        admin.get_commit(repositoryName=repo, commitId=work.git("rev-parse", "v1"))
    assert code(error) == "CommitIdDoesNotExistException"


@pytest.mark.parametrize("specifier", ["main", "refs/heads/main", "HEAD", "v1", "refs/tags/v1", None])
def test_a_commit_can_be_named_in_many_ways(work: Work, admin: Any, repo: str, specifier: str | None) -> None:
    tip = work.commit({"a": "1"})
    work.git("tag", "-a", "-m", "x", "v1")
    work.git("push", f"@{repo}", "main", "v1")
    named = {} if specifier is None else {"commitSpecifier": specifier}
    assert admin.get_file(repositoryName=repo, filePath="a", **named)["commitId"] == tip


def test_files_and_folders_are_read_with_their_modes(work: Work, admin: Any, repo: str) -> None:
    work.commit({"plain": b"\xff\0bytes", "dir/tool": "x", "dir/sub/deep": "y"})
    (work.folder / "dir/tool").chmod(0o755)
    (work.folder / "dir/link").symlink_to("tool")
    work.git("add", "dir")
    work.git("update-index", "--add", "--cacheinfo", f"160000,{'d' * 40},dir/module")
    work.git("commit", "-q", "-m", "modes")
    work.git("push", f"@{repo}", "main")
    plain = admin.get_file(repositoryName=repo, filePath="plain")
    assert (plain["fileContent"], plain["fileMode"], plain["fileSize"]) == (b"\xff\0bytes", "NORMAL", 7)
    assert admin.get_file(repositoryName=repo, filePath="dir/tool")["fileMode"] == "EXECUTABLE"
    link = admin.get_file(repositoryName=repo, filePath="dir/link")
    assert (link["fileContent"], link["fileMode"]) == (b"tool", "SYMLINK")
    folder = admin.get_folder(repositoryName=repo, folderPath="dir")
    assert [each["relativePath"] for each in folder["files"]] == ["tool"]
    assert [each["absolutePath"] for each in folder["subFolders"]] == ["dir/sub"]
    assert [each["relativePath"] for each in folder["symbolicLinks"]] == ["link"]
    assert [each["commitId"] for each in folder["subModules"]] == ["d" * 40]
    root = admin.get_folder(repositoryName=repo, folderPath="/")
    assert [each["absolutePath"] for each in root["files"]] == ["plain"]


def test_a_user_without_policies_has_no_rights(server: CodeCommitServer, repo: str) -> None:
    with pytest.raises(ClientError) as error:
        connect(server, NOBODY).get_repository(repositoryName=repo)
    assert code(error) == "AccessDeniedException"
    assert error.value.response["Error"]["Message"] == (
        f"User: {NOBODY.arn} is not authorized to perform: codecommit:GetRepository on resource: "
        f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{repo} because no identity-based policy allows the "
        "codecommit:GetRepository action"
    )


def test_a_locked_repository_can_be_neither_read_nor_written_nor_untagged_by_an_ordinary_user(
    work: Work, admin: Any, developer: Any, repo: str
) -> None:
    tip = work.commit({"a": "1"})
    work.git("push", f"@{repo}", "main")
    arn = developer.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    admin.tag_resource(resourceArn=arn, tags={"RepoState": "locked"})
    attempts = [
        lambda: developer.get_file(repositoryName=repo, filePath="a"),
        lambda: developer.create_branch(repositoryName=repo, branchName="x", commitId=tip),
        lambda: developer.untag_resource(resourceArn=arn, tagKeys=["RepoState"]),
        lambda: developer.tag_resource(resourceArn=arn, tags={"RepoState": "open"}),
        lambda: developer.delete_repository(repositoryName=repo),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError) as error:
            attempt()
        assert code(error) == "AccessDeniedException"
        assert "with an explicit deny in an identity-based policy" in str(error.value)
    assert admin.get_file(repositoryName=repo, filePath="a")["fileContent"] == b"1"


def test_the_path_of_a_repository_on_disk_is_a_bare_repository(server: CodeCommitServer, work: Work, repo: str) -> None:
    tip = work.commit()
    work.git("push", f"@{repo}", "main")
    assert work.git("--git-dir", str(server.repository_path(repo)), "rev-parse", "main") == tip


def test_every_request_is_logged_with_caller_operation_repository_and_status(
    server: CodeCommitServer, admin: Any, repo: str
) -> None:
    server.requests.clear()
    admin.list_branches(repositoryName=repo)
    with pytest.raises(ClientError):
        admin.get_branch(repositoryName=repo, branchName="never")
    seen = [(each.principal_arn, each.operation, each.repository, each.status) for each in server.requests.all()]
    assert seen == [(ADMIN.arn, "ListBranches", repo, 200), (ADMIN.arn, "GetBranch", repo, 400)]


def test_a_policy_can_ask_who_calls_and_which_tags_the_call_brings(server: CodeCommitServer, repo: str) -> None:
    only_role_may_lock = {
        "Statement": {
            "Effect": "Deny",
            "Action": ["codecommit:TagResource", "codecommit:UntagResource"],
            "Resource": "*",
            "Condition": {
                "ForAnyValue:StringEquals": {"aws:TagKeys": ["RepoState"]},
                "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/locker"},
            },
        }
    }
    user = Principal(
        f"arn:aws:iam::{ACCOUNT}:user/u", "AKIATESTTAG000000001", "made-up", None, (ALLOW_ALL, only_role_may_lock)
    )
    role = Principal(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/locker/s", "AKIATESTTAG000000002", "made-up", "t", user.policies
    )
    arn = f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{repo}"
    for each in (user, role):
        server.add_principal(each)
    connect(server, user).tag_resource(resourceArn=arn, tags={"team": "a"})
    for attempt in (
        lambda: connect(server, user).tag_resource(resourceArn=arn, tags={"RepoState": "open", "team": "b"}),
        lambda: connect(server, user).untag_resource(resourceArn=arn, tagKeys=["RepoState"]),
    ):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            attempt()
    connect(server, role).tag_resource(resourceArn=arn, tags={"RepoState": "locked"})
    tags = connect(server, role).list_tags_for_resource(resourceArn=arn)["tags"]
    assert tags == {"team": "a", "RepoState": "locked"}
