"""Sign git requests to CodeCommit with AWS credentials: no stored git password, no IAM user.

The scheme is Signature Version 4 over the invented method ``GIT``, as the AWS CLI's credential helper does it:
https://github.com/aws/aws-cli/blob/develop/awscli/customizations/codecommit.py and
https://docs.aws.amazon.com/codecommit/latest/userguide/setting-up-https-unixes.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

SERVICE: Final = "codecommit"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """AWS credentials of one moment. They have no text form, so that no log shows them."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


def basic_auth_header(credentials: Credentials, *, host: str, path: str, region: str, now: datetime) -> str:
    """Return the value of the ``Authorization`` header for one repository; valid for about 15 minutes.

    Args:
        credentials: whose rights to use.
        host: the endpoint's host name, with or without a port; a port is not part of the signature.
        path: the repository's path, ``/v1/repos/NAME``: the signature holds for every request below it.
        region: AWS Region of the repository.
        now: the present time, in UTC.
    """
    username = credentials.access_key_id
    if credentials.session_token:
        username += "%" + credentials.session_token
    password = _password(credentials.secret_access_key, host=host, path=path, region=region, now=now)
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _password(secret_key: str, *, host: str, path: str, region: str, now: datetime) -> str:
    # Two oddities of the scheme: the time stamp inside the string to sign has no "Z", and the canonical request has
    # no line for the payload's hash.
    stamp = now.strftime("%Y%m%dT%H%M%S")
    scope = f"{stamp[:8]}/{region}/{SERVICE}/aws4_request"
    canonical = f"GIT\n{path}\n\nhost:{host.partition(':')[0]}\n\nhost\n"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_key}".encode()
    for part in (stamp[:8], region, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"{stamp}Z{hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()}"
