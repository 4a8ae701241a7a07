"""Who calls: verifies Signature Version 4 of API calls and the ``GIT`` signature of git requests.

Signatures are computed again from the principal's secret key; nothing is taken on trust from the request.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pushwarden.local.codecommit.errors import ApiError, GitRefusedError
from pushwarden.local.codecommit.iam import Policy, check_policy

SERVICE: Final = "codecommit"
CLOCK_SKEW: Final = dt.timedelta(minutes=15)
"""How far a signature's time may be from now."""

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/, ]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,"
    r" *SignedHeaders=(?P<headers>[^, ]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_GIT_PASSWORD: Final = re.compile(r"(?P<time>\d{8}T\d{6})Z(?P<signature>[0-9a-f]{64})")
_ASSUMED_ROLE: Final = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>.+)/[^/]+")


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller with its keys and its identity policies (IAM policy documents)."""

    arn: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    policies: tuple[Policy, ...] = ()

    @property
    def policy_arn(self) -> str:
        """The value of ``aws:PrincipalArn``: for a role's session, the role's ARN."""
        found = _ASSUMED_ROLE.fullmatch(self.arn)
        if found is None:
            return self.arn
        return f"arn:{found['partition']}:iam::{found['account']}:role/{found['role']}"


class Principals:
    """The known callers by access key id; safe to use from several threads."""

    def __init__(self, principals: Iterable[Principal] = ()) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, Principal] = {}
        for principal in principals:
            self.add(principal)

    def add(self, principal: Principal) -> None:
        """Add a caller, or replace the one with the same access key id.

        Raises:
            PolicyError: one of its policies cannot be evaluated.
        """
        for policy in principal.policies:
            check_policy(policy)
        with self._lock:
            self._by_key[principal.access_key_id] = principal

    def remove(self, access_key_id: str) -> None:
        """Forget a caller; an unknown one is no error."""
        with self._lock:
            self._by_key.pop(access_key_id, None)

    def find(self, access_key_id: str, session_token: str | None) -> Principal | None:
        """Return the caller whose key and session token these are."""
        with self._lock:
            principal = self._by_key.get(access_key_id)
        if principal is None or not hmac.compare_digest(principal.session_token or "", session_token or ""):
            return None
        return principal


def verify_api_call(
    principals: Principals, region: str, headers: Mapping[str, str], body: bytes, now: dt.datetime
) -> Principal:
    """Return the caller of an API call (``POST /``). ``headers`` has lower-case names.

    Raises:
        ApiError: there is no signature, the key is unknown, or the signature is wrong or too old.
    """
    given = headers.get("authorization")
    if given is None:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
    parts = _AUTHORIZATION.fullmatch(given.strip())
    if parts is None or "x-amz-date" not in headers:
        raise ApiError("IncompleteSignatureException", "Authorization header requires AWS4-HMAC-SHA256 and X-Amz-Date.")
    principal = principals.find(parts["key"], headers.get("x-amz-security-token"))
    if principal is None:
        raise ApiError("UnrecognizedClientException", "The security token included in the request is invalid.")
    if (parts["region"], parts["service"]) != (region, SERVICE):
        raise ApiError(
            "InvalidSignatureException", f"Credential should be scoped to a valid Region, not '{parts['region']}'."
        )
    expected = _api_signature(principal, region, parts["headers"].split(";"), headers, body)
    if not hmac.compare_digest(expected, parts["signature"]):
        raise ApiError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )
    if _is_stale(headers["x-amz-date"].removesuffix("Z"), now):
        raise ApiError("InvalidSignatureException", f"Signature expired: {headers['x-amz-date']} is too far from now")
    return principal


def _api_signature(
    principal: Principal, region: str, signed: list[str], headers: Mapping[str, str], body: bytes
) -> str:
    request = AWSRequest(method="POST", url=f"http://{headers.get('host', '')}/", data=body)
    for name in signed:
        request.headers[name] = headers.get(name, "")
    request.context["timestamp"] = headers["x-amz-date"]
    credentials = Credentials(principal.access_key_id, principal.secret_access_key, principal.session_token)
    signer = SigV4Auth(credentials, SERVICE, region)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def verify_git_request(
    principals: Principals, region: str, headers: Mapping[str, str], path: str, now: dt.datetime
) -> Principal:
    """Return the caller of a git request for the repository at ``path`` (``/v1/repos/NAME``).

    Raises:
        GitRefusedError: 401 without credentials, 403 when they are not valid.
    """
    given = headers.get("authorization")
    if given is None:
        raise GitRefusedError(401, "credentials are required")
    user, password = _basic_credentials(given)
    key, _, token = user.partition("%")
    principal = principals.find(key, token or None)
    parts = _GIT_PASSWORD.fullmatch(password)
    if principal is None or parts is None:
        raise GitRefusedError(403, "the credentials are not valid")
    with_port = headers.get("host", "")
    # The AWS CLI leaves the port out of what it signs, git-remote-codecommit does not; the real service has no port.
    valid = [
        hmac.compare_digest(
            git_signature(principal.secret_access_key, region, host, path, parts["time"]), parts["signature"]
        )
        for host in (with_port.rsplit(":", 1)[0], with_port)
    ]
    if not any(valid) or _is_stale(parts["time"], now):
        raise GitRefusedError(403, "the signature is not valid or has expired; sign again")
    return principal


def git_signature(secret_key: str, region: str, host: str, path: str, time: str) -> str:
    """Return the hexadecimal signature over the method ``GIT``; ``time`` is ``YYYYMMDDTHHMMSS``, UTC.

    As clients compute it: no payload hash line, no Z in the string to sign
    (https://github.com/aws/git-remote-codecommit, ``sign`` in ``git_remote_codecommit/__init__.py``).
    """
    scope = f"{time[:8]}/{region}/{SERVICE}/aws4_request"
    canonical = f"GIT\n{path}\n\nhost:{host}\n\nhost\n"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + secret_key).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _basic_credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise GitRefusedError(403, "the Authorization header cannot be read") from None
    if scheme.lower() != "basic" or not colon:
        raise GitRefusedError(403, "only Basic authorization is supported")
    return user, password


def _is_stale(time: str, now: dt.datetime) -> bool:
    try:
        signed = dt.datetime.strptime(time, "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return True
    return abs(now - signed) > CLOCK_SKEW
