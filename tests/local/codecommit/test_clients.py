"""The clients that people use, unchanged: the AWS CLI, its credential helper, git-remote-codecommit's signing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pushwarden.local.codecommit import CodeCommitServer, Principal

from .conftest import ADMIN, REGION, ROLE, Work, credentials_of, signed_url

AWS = Path(sys.executable).with_name("aws")

pytestmark = pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not installed beside this Python")


def environment(server: CodeCommitServer, principal: Principal, home: Path) -> dict[str, str]:
    token = {"AWS_SESSION_TOKEN": principal.session_token} if principal.session_token else {}
    return {
        "PATH": f"{AWS.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": principal.access_key_id,
        "AWS_SECRET_ACCESS_KEY": principal.secret_access_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL_CODECOMMIT": server.url,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        **token,
    }


def aws(server: CodeCommitServer, home: Path, *arguments: str, principal: Principal = ADMIN) -> Any:
    done = subprocess.run(
        [AWS, "codecommit", *arguments, "--output", "json"],
        env=environment(server, principal, home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "{}")


def test_the_aws_command_line_reads_and_writes(server: CodeCommitServer, work: Work, repo: str, tmp_path: Path) -> None:
    tip = work.commit({"a": "1"})
    work.git("push", f"@{repo}", "main")
    branch = aws(server, tmp_path, "get-branch", "--repository-name", repo, "--branch-name", "main")["branch"]
    assert branch == {"branchName": "main", "commitId": tip}
    content = tmp_path / "content"
    content.write_bytes(b"hel\0lo")
    committed = aws(
        server,
        tmp_path,
        *("put-file", "--repository-name", repo, "--branch-name", "main", "--parent-commit-id", tip),
        *("--file-path", "b.txt", "--file-content", f"fileb://{content}"),
        principal=ROLE,
    )
    work.git("fetch", f"@{repo}", "main")
    assert work.git("rev-parse", "FETCH_HEAD") == committed["commitId"]
    assert work.git("show", "FETCH_HEAD:b.txt") == "hel\0lo"


@pytest.mark.parametrize("principal", [ADMIN, ROLE], ids=["user", "session"])
def test_the_credential_helper_of_the_aws_command_line_lets_git_in(
    server: CodeCommitServer, work: Work, repo: str, tmp_path: Path, principal: Principal
) -> None:
    tip = work.commit()
    work.git("push", f"@{repo}", "main")
    helper = '!f() { aws codecommit credential-helper "$@" --ignore-host-check; }; f'
    done = subprocess.run(
        [
            *("git", "-c", f"credential.helper={helper}", "-c", "credential.UseHttpPath=true"),
            *("ls-remote", server.clone_url(repo), "main"),
        ],
        env={
            **environment(server, principal, tmp_path),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{tip}\trefs/heads/main\n", done.stderr


def test_the_url_of_git_remote_codecommit_lets_git_in(server: CodeCommitServer, work: Work, repo: str) -> None:
    """Its URL has the port in what it signs; only the scheme is changed, because there is no TLS here."""
    user, password = credentials_of(signed_url(server, repo, ROLE))
    assert user.startswith(f"{ROLE.access_key_id}%25made%2F")
    assert "Z" in password
    work.commit()
    work.git("push", f"@{repo}", "main", principal=ROLE)
