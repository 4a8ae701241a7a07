"""One server for all tests of this folder; every test uses repositories of its own."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import git_remote_codecommit
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from pushwarden.local.codecommit import CodeCommitServer, Principal

ACCOUNT = "111122223333"
REGION = "eu-central-1"

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"}]}
LOCK = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Deny",
        "Action": "codecommit:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/RepoState": "locked"}},
    },
}

ADMIN = Principal(
    f"arn:aws:iam::{ACCOUNT}:user/ada", "AKIATESTADA000000001", "made-up-secret-of-ada", None, (ALLOW_ALL,)
)
DEVELOPER = Principal(
    f"arn:aws:iam::{ACCOUNT}:user/dev", "AKIATESTDEV000000001", "made-up-secret-of-dev", None, (ALLOW_ALL, LOCK)
)
NOBODY = Principal(f"arn:aws:iam::{ACCOUNT}:user/nobody", "AKIATESTNOB000000001", "made-up-secret-of-nobody")
ROLE = Principal(
    f"arn:aws:sts::{ACCOUNT}:assumed-role/scanner/session-1",
    "ASIATESTROL000000001",
    "made-up-secret-of-role",
    "made/up+session=token==",
    (ALLOW_ALL,),
)

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeCommitServer]:
    root = tmp_path_factory.mktemp("codecommit")
    principals = [ADMIN, DEVELOPER, NOBODY, ROLE]
    with CodeCommitServer(root, ACCOUNT, REGION, principals, lambda _: None) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave nothing behind for the next test of a shared server."""
    yield
    if "server" in request.fixturenames:
        running: CodeCommitServer = request.getfixturevalue("server")
        running.faults.clear()
        running.requests.clear()
        running.events.clear()
        running.events.other_refs = False
        running.events.annotated_tag_event = "commit"
        running.rate_limit_per_s = None


def connect(server: CodeCommitServer, principal: Principal, **settings: Any) -> Any:
    """Return a boto3 client as users make it, without retries."""
    return boto3.client(
        "codecommit",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=principal.access_key_id,
        aws_secret_access_key=principal.secret_access_key,
        aws_session_token=principal.session_token,
        config=Config(retries={"total_max_attempts": 1}, **settings),
    )


@pytest.fixture(scope="session")
def admin(server: CodeCommitServer) -> Any:
    return connect(server, ADMIN)


@pytest.fixture(scope="session")
def developer(server: CodeCommitServer) -> Any:
    return connect(server, DEVELOPER)


@pytest.fixture
def repo(admin: Any) -> str:
    """The name of a new, empty repository."""
    name = f"repo-{next(_NUMBERS)}"
    admin.create_repository(repositoryName=name)
    return name


def signed_url(server: CodeCommitServer, name: str, principal: Principal = ADMIN) -> str:
    """Return the clone URL as git-remote-codecommit makes it, but for the scheme: there is no TLS here."""
    credentials = Credentials(principal.access_key_id, principal.secret_access_key, principal.session_token)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODE_COMMIT_ENDPOINT", server.url.removeprefix("http://"))
        url = git_remote_codecommit.git_url(name, "v1", REGION, credentials)
    return str(url).replace("https://", "http://", 1)


def credentials_of(url: str) -> tuple[str, str]:
    """Return user and password from a signed URL."""
    found = re.match(r"http://([^:]+):([^@]+)@", url)
    assert found is not None
    return found[1], found[2]


class Work:
    """A clone with real git."""

    def __init__(self, server: CodeCommitServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = itertools.count(1_700_000_000)
        self.git("init", "--quiet", "--initial-branch=main")

    def run(self, *arguments: str, principal: Principal = ADMIN, stdin: str | None = None) -> Any:
        """Run git; ``@NAME`` in an argument becomes the signed URL of a repository."""
        given = [
            signed_url(self.server, argument[1:], principal) if argument.startswith("@") else argument
            for argument in arguments
        ]
        date = f"{next(self._clock)} +0000"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Dev",
            "GIT_AUTHOR_EMAIL": "dev@example.com",
            "GIT_COMMITTER_NAME": "Dev",
            "GIT_COMMITTER_EMAIL": "dev@example.com",
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
        }
        return subprocess.run(
            ["git", *given], cwd=self.folder, env=environment, input=stdin, capture_output=True, text=True, check=False
        )

    def git(self, *arguments: str, principal: Principal = ADMIN, stdin: str | None = None) -> str:
        """Run git, which must succeed, and return what it prints."""
        done = self.run(*arguments, principal=principal, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return str(done.stdout).strip()

    def commit(self, files: dict[str, str | bytes] | None = None, message: str = "change") -> str:
        """Write files, commit everything and return the commit's id."""
        for name, content in (files or {}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def work(server: CodeCommitServer, tmp_path: Path) -> Work:
    return Work(server, tmp_path / "work")


@pytest.fixture
def details(server: CodeCommitServer) -> Callable[[str], list[dict[str, Any]]]:
    """Return the details of the events that a repository has sent."""

    def of(name: str) -> list[dict[str, Any]]:
        return [event["detail"] for event in server.events.sent if event["detail"].get("repositoryName") == name]

    return of


def git_time(moment: dt.datetime) -> str:
    """Return a time as the GIT signature writes it."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S")


@pytest.fixture
def diverged(work: Work, repo: str) -> dict[str, str]:
    """``main`` and ``topic`` with a common base; both change ``both`` in different places."""
    lines = [f"line {number}\n" for number in range(20)]
    base = work.commit({"both": "".join(lines), "main-only": "0", "gone": "x", "d/deep": "1"})
    work.git("switch", "-q", "-c", "topic")
    (work.folder / "gone").unlink()
    topic = work.commit({"both": "topic\n" + "".join(lines[1:]), "d/new": "t"})
    work.git("switch", "-q", "main")
    main = work.commit({"both": "".join(lines[:-1]) + "main\n", "main-only": "1"})
    work.git("push", f"@{repo}", "main", "topic", f"{base}:refs/heads/behind")
    return {"base": base, "topic": topic, "main": main}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """Return the error code that the API answered with."""
    return str(error.value.response["Error"]["Code"])


@dataclass(frozen=True)
class Prepared:
    """A repository with two commits on ``main`` and the tag ``v1``; tests only fail to change it."""

    name: str
    old: str
    tip: str


@pytest.fixture(scope="session")
def prepared(server: CodeCommitServer, admin: Any, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    admin.create_repository(repositoryName="prepared")
    work = Work(server, tmp_path_factory.mktemp("prepared"))
    old = work.commit({"file": "0", "dir/inner": "1"})
    tip = work.commit({"file": "1"})
    work.git("tag", "v1")
    work.git("push", "@prepared", "main", "v1")
    return Prepared("prepared", old, tip)
