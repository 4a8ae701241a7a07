"""Signatures: right, wrong, old and missing."""

from __future__ import annotations

import base64
import datetime as dt
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from pushwarden.local.codecommit import CodeCommitServer, Principal
from pushwarden.local.codecommit.auth import Principals, git_signature, verify_api_call, verify_git_request
from pushwarden.local.codecommit.errors import ApiError, GitRefusedError

from .conftest import ADMIN, REGION, ROLE, connect, git_time

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
KNOWN = Principals([ADMIN, ROLE])


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (Principal(ADMIN.arn, ADMIN.access_key_id, "wrong"), "InvalidSignatureException"),
        (Principal(ADMIN.arn, "AKIATESTNEVER0000001", "x"), "UnrecognizedClientException"),
        (Principal(ADMIN.arn, ADMIN.access_key_id, ADMIN.secret_access_key, "token"), "UnrecognizedClientException"),
        (Principal(ROLE.arn, ROLE.access_key_id, ROLE.secret_access_key), "UnrecognizedClientException"),
    ],
)
def test_a_caller_with_wrong_credentials_is_refused(
    server: CodeCommitServer, principal: Principal, expected: str
) -> None:
    with pytest.raises(ClientError) as error:
        connect(server, principal).list_repositories()
    assert error.value.response["Error"]["Code"] == expected
    assert server.requests.all()[-1].principal_arn is None


def test_a_session_with_its_token_is_let_in(server: CodeCommitServer) -> None:
    assert "repositories" in connect(server, ROLE).list_repositories()


def test_a_signature_for_another_region_is_refused(server: CodeCommitServer) -> None:
    client: Any = connect(server, ADMIN)
    client.meta.events.register(
        "before-sign", lambda request, **_: request.context.update(signing={"region": "us-east-1"})
    )
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client.list_repositories()


def test_a_body_that_was_changed_after_signing_is_refused() -> None:
    headers, body = signed_call(b'{"repositoryName": "mine"}', NOW)
    assert verify_api_call(KNOWN, REGION, headers, body, NOW) == ADMIN
    with pytest.raises(ApiError) as error:
        verify_api_call(KNOWN, REGION, headers, body.replace(b"mine", b"your"), NOW)
    assert error.value.code == "InvalidSignatureException"


@pytest.mark.parametrize(("minutes", "taken"), [(0, True), (14, True), (-14, True), (16, False), (-16, False)])
def test_a_signature_is_valid_for_a_quarter_of_an_hour(minutes: int, taken: bool) -> None:
    then = NOW + dt.timedelta(minutes=minutes)
    headers, body = signed_call(b"{}", then)
    git = git_headers(ADMIN, "shop", then)
    if taken:
        assert verify_api_call(KNOWN, REGION, headers, body, NOW) == ADMIN
        assert verify_git_request(KNOWN, REGION, git, "/v1/repos/shop", NOW) == ADMIN
        return
    with pytest.raises(ApiError, match="expired"):
        verify_api_call(KNOWN, REGION, headers, body, NOW)
    with pytest.raises(GitRefusedError, match="expired"):
        verify_git_request(KNOWN, REGION, git, "/v1/repos/shop", NOW)


def signed_call(body: bytes, when: dt.datetime) -> tuple[dict[str, str], bytes]:
    request = AWSRequest("POST", "http://127.0.0.1:8080/", data=body)
    request.headers["Host"] = "127.0.0.1:8080"
    request.headers["X-Amz-Date"] = request.context["timestamp"] = git_time(when) + "Z"
    signer = SigV4Auth(Credentials(ADMIN.access_key_id, ADMIN.secret_access_key), "codecommit", REGION)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    return {name.lower(): value for name, value in request.headers.items()}, body


def git_headers(principal: Principal, name: str, when: dt.datetime, **change: str) -> dict[str, str]:
    time = git_time(when)
    signature = git_signature(
        principal.secret_access_key, change.get("region", REGION), "git.example", f"/v1/repos/{name}", time
    )
    user = principal.access_key_id + (f"%{principal.session_token}" if principal.session_token else "")
    password = change.get("password", f"{time}Z{signature}")
    basic = base64.b64encode(f"{change.get('user', user)}:{password}".encode()).decode()
    return {"host": "git.example:8080", "authorization": f"Basic {basic}"}


def test_the_git_signature_is_the_one_of_the_reference_client() -> None:
    """git-remote-codecommit signs with botocore; the server has a few lines of its own, so that the two check each other."""
    signer = SigV4Auth(Credentials("AKIATEST", "a made-up key"), "codecommit", "us-east-2")
    request = AWSRequest("GIT", "https://git.example/v1/repos/shop")
    request.context["timestamp"] = "20261123T120000"
    text = signer.string_to_sign(request, "GIT\n/v1/repos/shop\n\nhost:git.example\n\nhost\n")
    expected = signer.signature(text, request)
    assert git_signature("a made-up key", "us-east-2", "git.example", "/v1/repos/shop", "20261123T120000") == expected


def test_git_credentials_with_a_session_token_are_taken() -> None:
    assert verify_git_request(KNOWN, REGION, git_headers(ROLE, "shop", NOW), "/v1/repos/shop", NOW) == ROLE


@pytest.mark.parametrize(
    "change",
    [
        {"region": "us-east-1"},
        {"user": "AKIATESTNEVER0000001"},
        {"user": f"{ADMIN.access_key_id}%token"},
        {"password": "plain"},
        {"password": "20261123T120000Z" + "0" * 64},
        {"password": "20269999T120000Z" + "0" * 64},
    ],
)
def test_wrong_git_credentials_are_refused_for_good(change: dict[str, str]) -> None:
    with pytest.raises(GitRefusedError) as error:
        verify_git_request(KNOWN, REGION, git_headers(ADMIN, "shop", NOW, **change), "/v1/repos/shop", NOW)
    assert error.value.status == 403


@pytest.mark.parametrize("header", ["Bearer x", "Basic", "Basic ***", "Basic /w==", "Basic " + "QQ=="])
def test_an_authorization_header_that_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(GitRefusedError) as error:
        verify_git_request(KNOWN, REGION, {"host": "x", "authorization": header}, "/v1/repos/shop", NOW)
    assert error.value.status == 403


def post(server: CodeCommitServer, body: bytes, **headers: str) -> tuple[int, dict[str, str]]:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    request = urllib.request.Request(server.url + "/", body, named, method="POST")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=10)
    with error.value:
        return error.value.code, json.loads(error.value.read())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"Authorization": "AWS4-HMAC-SHA256 nonsense"}, "IncompleteSignatureException"),
        ({"Authorization": "Basic abc"}, "IncompleteSignatureException"),
    ],
)
def test_a_call_without_a_signature_is_refused(
    server: CodeCommitServer, headers: dict[str, str], expected: str
) -> None:
    status, body = post(server, b"{}", X_Amz_Target="CodeCommit_20150413.ListRepositories", **headers)
    assert (status, body["__type"]) == (400, expected)


def test_a_principal_shows_no_secret() -> None:
    assert "made-up" not in repr(ROLE)


def test_a_principal_can_be_taken_away(server: CodeCommitServer) -> None:
    leaver = Principal("arn:aws:iam::111122223333:user/leaver", "AKIATESTLEA000000001", "made-up", None, ADMIN.policies)
    server.add_principal(leaver)
    client = connect(server, leaver)
    client.list_repositories()
    server.remove_principal(leaver.access_key_id)
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client.list_repositories()


def test_the_principal_arn_of_a_session_is_that_of_its_role() -> None:
    assert ROLE.policy_arn == "arn:aws:iam::111122223333:role/scanner"
    assert ADMIN.policy_arn == ADMIN.arn
