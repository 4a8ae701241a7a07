"""The git client against our CodeCommit, which hangs up on what the real one hangs up on."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
import urllib3

from pushwarden.aws.githttp import (
    ZERO_ID,
    GitAccessError,
    GitEndpoint,
    GitUnavailableError,
    NotOurRefError,
    PackTooLargeError,
    RefRejectedError,
    RepositoryNotFoundError,
    _receive_pack_bytes,
)
from pushwarden.aws.gitsign import Credentials
from pushwarden.aws.pktline import packet
from pushwarden.local.codecommit import CodeCommitServer
from pushwarden.local.service import administrator

REGION, ACCOUNT = "eu-central-1", "123456789012"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeCommitServer]:
    with CodeCommitServer(tmp_path_factory.mktemp("git"), ACCOUNT, REGION, [administrator()]) as running:
        yield running


@pytest.fixture(scope="module")
def git(server: CodeCommitServer) -> GitEndpoint:
    who = administrator()
    credentials = Credentials(who.access_key_id, who.secret_access_key)
    return GitEndpoint(server.url, REGION, lambda: credentials, urllib3.PoolManager(retries=False))


@pytest.fixture(scope="module")
def commits(server: CodeCommitServer) -> list[str]:
    who = administrator()
    client = boto3.client(
        "codecommit",
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=who.access_key_id,
        aws_secret_access_key=who.secret_access_key,
    )
    for name in ("shop", "empty"):
        client.create_repository(repositoryName=name)
    made: list[str] = []
    for number in range(3):
        parent = {"parentCommitId": made[-1]} if made else {}
        put = {"filePath": "a.txt", "fileContent": f"{number}\n".encode()}
        made.append(
            client.create_commit(repositoryName="shop", branchName="main", putFiles=[put], **parent)["commitId"]
        )
    return made


def fetched(git: GitEndpoint, tmp_path: Path, *, want: str, haves: list[str], max_bytes: int = 1 << 20) -> list[str]:
    advertised = git.advertisement("shop", "git-upload-pack")
    pack = tmp_path / "x.pack"
    with pack.open("wb") as into:
        git.fetch("shop", wants=[want], haves=haves, advertised=advertised, into=into, max_bytes=max_bytes)
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "r")], check=True)
    done = subprocess.run(
        ["git", "--git-dir", str(tmp_path / "r"), "index-pack", "-v", "--stdin"],
        input=pack.read_bytes(),
        capture_output=True,
        check=True,
    )
    assert done.stdout
    listing = subprocess.run(
        ["git", "--git-dir", str(tmp_path / "r"), "cat-file", "--batch-check", "--batch-all-objects"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return sorted(line.split()[1] for line in listing.splitlines())


def test_a_fetch_brings_what_is_new_and_nothing_else(git: GitEndpoint, commits: list[str], tmp_path: Path) -> None:
    assert fetched(git, tmp_path, want=commits[2], haves=[commits[0]]) == [
        "blob",
        "blob",
        "commit",
        "commit",
        "tree",
        "tree",
    ]


def test_haves_that_the_server_does_not_know_do_no_harm(git: GitEndpoint, commits: list[str], tmp_path: Path) -> None:
    assert len(fetched(git, tmp_path, want=commits[2], haves=["1" * 40, commits[1]])) == 3


def test_a_fetch_of_what_is_known_already_is_an_empty_pack(git: GitEndpoint, commits: list[str]) -> None:
    advertised = git.advertisement("shop", "git-upload-pack")
    into = io.BytesIO()

    assert (
        git.fetch("shop", wants=[commits[2]], haves=[commits[2]], advertised=advertised, into=into, max_bytes=99) == 32
    )


def test_a_pack_beyond_the_limit_is_refused(git: GitEndpoint, commits: list[str], tmp_path: Path) -> None:
    with pytest.raises(PackTooLargeError):
        fetched(git, tmp_path, want=commits[2], haves=[], max_bytes=100)


def test_a_commit_that_no_ref_reaches_is_not_our_ref(git: GitEndpoint, commits: list[str], tmp_path: Path) -> None:
    with pytest.raises(NotOurRefError):
        fetched(git, tmp_path, want="2" * 40, haves=[])


def test_an_empty_repository_advertises_no_refs(git: GitEndpoint, commits: list[str]) -> None:
    assert git.advertisement("empty", "git-upload-pack").refs == {}


def test_a_repository_that_is_not_there_is_said_to_be_gone(git: GitEndpoint) -> None:
    with pytest.raises(RepositoryNotFoundError):
        git.advertisement("nowhere", "git-upload-pack")


def test_wrong_credentials_are_refused_without_showing_them(git: GitEndpoint, commits: list[str]) -> None:
    wrong = replace(git, credentials=lambda: Credentials("AKIAWRONG", "made-up-wrong-key"))
    with pytest.raises(GitAccessError) as error:
        wrong.advertisement("shop", "git-upload-pack")
    assert "made-up-wrong-key" not in str(error.value)


def test_a_ref_moves_back_and_forth_by_compare_and_swap(git: GitEndpoint, commits: list[str]) -> None:
    git.update_ref("shop", "refs/heads/main", old=commits[2], new=commits[0])
    assert git.advertisement("shop", "git-upload-pack").refs["refs/heads/main"] == commits[0]

    with pytest.raises(RefRejectedError):
        git.update_ref("shop", "refs/heads/main", old=commits[1], new=commits[2])

    git.update_ref("shop", "refs/heads/main", old=commits[0], new=commits[2])
    assert git.advertisement("shop", "git-upload-pack").refs["refs/heads/main"] == commits[2]


def test_a_ref_is_made_and_deleted(git: GitEndpoint, commits: list[str]) -> None:
    git.update_ref("shop", "refs/heads/new;branch", old=ZERO_ID, new=commits[1])
    assert git.advertisement("shop", "git-upload-pack").refs["refs/heads/new;branch"] == commits[1]

    git.update_ref("shop", "refs/heads/new;branch", old=commits[1], new=ZERO_ID)
    assert "refs/heads/new;branch" not in git.advertisement("shop", "git-upload-pack").refs


def test_a_commit_that_the_server_lacks_is_refused(git: GitEndpoint, commits: list[str]) -> None:
    with pytest.raises(RefRejectedError):
        git.update_ref("shop", "refs/heads/main", old=commits[2], new="3" * 40)


def test_a_server_that_cannot_be_reached_is_a_passing_fault(git: GitEndpoint) -> None:
    with pytest.raises(GitUnavailableError):
        replace(git, url="http://127.0.0.1:1").advertisement("shop", "git-upload-pack")


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_a_pack_that_is_cut_off_is_refused(cut: int) -> None:
    pack = b"PACK" + bytes(60)
    body = io.BytesIO(packet(b"NAK\n") + packet(b"\x01" + pack[:-cut]) + b"0000")

    with pytest.raises(GitUnavailableError, match="damaged"):
        _receive_pack_bytes(body, io.BytesIO(), 1000)
