from __future__ import annotations

import base64
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from pushwarden.aws.gitsign import Credentials, basic_auth_header

NOW = datetime(2026, 11, 23, 9, 30, 15, tzinfo=UTC)
HOST = "git-codecommit.eu-central-1.amazonaws.com"


def decoded(credentials: Credentials) -> tuple[str, str]:
    header = basic_auth_header(credentials, host=HOST, path="/v1/repos/shop", region="eu-central-1", now=NOW)
    username, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return username, password


def test_the_signature_is_the_one_that_botocore_computes() -> None:
    # As the AWS CLI's credential helper does it, with botocore's own key derivation.
    signer = SigV4Auth(BotoCredentials("AKIAMADEUP", "made-up-secret"), "codecommit", "eu-central-1")
    request = AWSRequest("GIT", f"https://{HOST}/v1/repos/shop")
    request.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%S")
    canonical = f"GIT\n/v1/repos/shop\n\nhost:{HOST}\n\nhost\n"
    signature = signer.signature(signer.string_to_sign(request, canonical), request)

    assert decoded(Credentials("AKIAMADEUP", "made-up-secret")) == ("AKIAMADEUP", f"20261123T093015Z{signature}")


def test_a_session_token_travels_in_the_user_name() -> None:
    assert decoded(Credentials("ASIAMADEUP", "made-up-secret", "to/ken+="))[0] == "ASIAMADEUP%to/ken+="


def test_credentials_have_no_text_form() -> None:
    shown = repr(Credentials("AKIAMADEUP", "made-up-secret", "token"))

    assert "made-up-secret" not in shown
    assert "token" not in shown
