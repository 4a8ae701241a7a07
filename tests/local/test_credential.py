from __future__ import annotations

from datetime import UTC, datetime

from pushwarden.local.credential import answer

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ASKED = "protocol=http\nhost=127.0.0.1:8989\npath=v1/repos/shop\n\n"


def test_git_gets_a_signature_for_the_repository_it_asks_about() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAMADEUP", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_REGION": "eu-central-1"}
    lines = answer(ASKED, keys, NOW).splitlines()

    assert lines[0] == "username=AKIAMADEUP"
    assert lines[1].startswith("password=20261123T000000Z")
    assert answer(ASKED.replace("shop", "other"), keys, NOW).splitlines()[1] != lines[1]


def test_without_credentials_or_path_git_gets_nothing() -> None:
    assert answer(ASKED, {}, NOW) == ""
    assert answer("host=x\n", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, NOW) == ""
