"""A git credential helper for CodeCommit: ``git -c credential.helper="!python -m pushwarden.local.credential"``.

Signs with the AWS credentials of the environment. Unlike the AWS CLI's helper it does not insist on an amazonaws.com host.
Protocol: https://git-scm.com/docs/gitcredentials#_custom_helpers ; git must be told ``credential.useHttpPath=true``.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from pushwarden.aws.gitsign import Credentials, basic_auth_header


def answer(request: str, environment: Mapping[str, str], now: datetime) -> str:
    """Return the helper's answer to git's request; empty where the environment has no credentials."""
    asked = dict(line.split("=", 1) for line in request.splitlines() if "=" in line)
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret or "path" not in asked:
        return ""
    credentials = Credentials(key, secret, environment.get("AWS_SESSION_TOKEN"))
    region = environment.get("AWS_REGION", "us-east-1")
    header = basic_auth_header(credentials, host=asked["host"], path=f"/{asked['path']}", region=region, now=now)
    username, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return f"username={username}\npassword={password}\n"


def main() -> None:
    """Answer ``get``; there is nothing to store or erase."""
    if sys.argv[1:] == ["get"]:
        sys.stdout.write(answer(sys.stdin.read(), os.environ, datetime.now(UTC)))


if __name__ == "__main__":
    main()
