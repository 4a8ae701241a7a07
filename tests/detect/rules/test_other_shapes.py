"""A value of another shape than its service documents is still looked at by the judge: a rule speaks for its own shape only."""

from __future__ import annotations

import pytest

from pushwarden.detect import Scanner

HEX_40 = "3f9a1c77b02e4d5c8f6a90e1d2b3c4f5a6978810"
HEX_64 = "3f9a1c77b02e4d5c8f6a90e1d2b3c4f5a69788103f9a1c77b02e4d5c8f6a90e1"


@pytest.mark.parametrize(
    "line",
    [
        f"AWS_SECRET_ACCESS_KEY={HEX_40}",  # of a store that speaks S3
        f"COHERE_API_KEY={HEX_40}",
        f"EXPO_TOKEN={HEX_40}",
        f"CLOUDFLARE_API_TOKEN={HEX_40}",
        f"x-api-key: {HEX_40}",
        f"CONFLUENT_API_SECRET={HEX_64}",
        f"COGNITO_CLIENT_SECRET={HEX_64[:52]}",
    ],
)
def test_hexadecimal_digits_under_the_name_of_a_service_with_another_alphabet_are_found(
    shipped: Scanner, line: str
) -> None:
    assert shipped.scan(line.encode(), path=".env").matches


def test_a_commit_under_such_a_name_is_not(shipped: Scanner) -> None:
    assert not shipped.scan(f"secret-access-key-commit: {HEX_40}\n".encode(), path="versions.txt").matches
