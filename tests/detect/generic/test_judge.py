"""What the judge calls a credential, and what it leaves alone. All values are made up."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.detect.generic import GenericHit, is_plain_case, judge
from pushwarden.model import Confidence
from tests.conftest import made_up

RANDOM = "k3JxP9vQ2mZtY7wBn4LcR8sHd6FgA1Ue"


def judged(text: str, path: str = "notes.txt") -> list[GenericHit]:
    data = text.encode()
    return list(judge(data, [(0, len(data))], path))


def values(text: str, path: str = "notes.txt") -> list[str]:
    return [text.encode()[hit.start : hit.end].decode() for hit in judged(text, path)]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f"secret={RANDOM}", "test.txt"),
        (f"secret={RANDOM}\n", "test.txt"),
        (f"secret = {RANDOM}\n", "test.txt"),
        (f'secret="{RANDOM}"\n', "test.txt"),
        (f"secret = '{RANDOM}'\n", "settings.py"),
        (f'{{"secret": "{RANDOM}"}}\n', "app.json"),
        (f"secret: {RANDOM}\n", "app.yml"),
        (f"export SECRET={RANDOM}\n", ".env"),
        (f"SECRET={RANDOM}\n", ".env"),
    ],
)
def test_a_random_value_called_secret_is_at_least_medium_however_it_is_written(text: str, path: str) -> None:
    (hit,) = judged(text, path)
    assert text.encode()[hit.start : hit.end] == RANDOM.encode()
    assert hit.rule_id == "generic-secret"
    assert hit.confidence >= Confidence.MEDIUM


@pytest.mark.parametrize(
    ("text", "path", "rule", "value"),
    [
        ('db.password = "Xq7vT2mLz9"\n', "app.properties", "generic-password", "Xq7vT2mLz9"),
        (
            "ACCESS_TOKEN=9tXb4WqZ7kLr2VnY6mHs8JdC3gFp5aEu\n",
            ".env",
            "generic-token",
            "9tXb4WqZ7kLr2VnY6mHs8JdC3gFp5aEu",
        ),
        (
            'apiKey: "4fQz8LkW2vXn7RtY9bHs3JmD6cGp5aEu",\n',
            "config.js",
            "generic-api-key",
            "4fQz8LkW2vXn7RtY9bHs3JmD6cGp5aEu",
        ),
        ("mysql://shop:hG7vXq2LbN9s@$HOST/shop\n", "backup.sh", "generic-url-password", "hG7vXq2LbN9s"),
        ('client.setPassword("vK8qT2wZr5mB9x");\n', "Client.java", "generic-password", "vK8qT2wZr5mB9x"),
        ("<password>vK8qT2wZr5mB9x</password>\n", "server.xml", "generic-password", "vK8qT2wZr5mB9x"),
    ],
)
def test_names_and_places_of_credentials_are_known(text: str, path: str, rule: str, value: str) -> None:
    assert value in values(text, path)
    assert rule in {hit.rule_id for hit in judged(text, path)}


@pytest.mark.parametrize("value", ["Blossom@719", "Thunder2016!", "S1lver#42", "CoffeePepper88!", "GArden$16$"])
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("DB_PASSWORD={}\n", ".env"),
        ("spring.datasource.password={}\n", "application.properties"),
        ("MYSQL_ROOT_PASSWORD: {}\n", "docker-compose.yml"),
        ('password = "{}"\n', "settings.py"),
        ("Password: {}\n", "notes.txt"),
        ('conn.connect(user="shop", password="{}")\n', "job.py"),
    ],
)
def test_a_password_as_people_choose_it_is_found(text: str, path: str, value: str) -> None:
    assert value in values(text.format(value), path)


@pytest.mark.parametrize(
    "text",
    [
        'password="changeme"',
        "password = your_password_here",
        'password: "********"',
        "password=xxxxxxxxxxxx",
        "password = ${DB_PASSWORD}",
        "password: {{ vault_password }}",
        "password: '{{resolve:secretsmanager:prod/db:SecretString:password}}'",
        "secret = $SECRET",
        "token: <your token here>",
        'password = os.environ["DB_PASSWORD"]',
        "const token = process.env.TOKEN",
        'password = request.form["password"]',
        "token = response.get_token()",
        'key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1a2b3c4d-12ab-34cd-56ef-1234567890ab"',
        'kms_key_id = "1a2b3c4d-5e6f-4a1b-9c2d-7e8f9a0b1c2d"',
        "commit_key = 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
        'password_hash = "$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewdBPj4J/8Q3rT2W"',
        'secret: "ENC[AES256_GCM,data:Q2k9vT1x,iv:Zm9vYmFy,tag:a1b2,type:str]"',
        'publishable_key = "8fQz2LkW4vXn7RtY9bHs3JmD6cGp5aEu"',
        "ssh_key = ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7v2mLz9Xq",
        'SecretAccessKey = "q7RtY9bHs3JmD6cGp5aEu/K2vXn/bPxRfiCEXAMPLEKEY"',
        'NextToken = "q7RtY9bHs3JmD6cGp5aEuK2vXn"',
        '"GrantToken": "AQpAM2RhZTk1MGQ7RtY9bHs3JmD6cGp5aEuK2vXnZmZm"',
        'code_verifier = "q7RtY9bHs3JmD6cGp5aEuK2vXnV4wZ8xTqLkPzRs"',
        '<input type="hidden" name="authenticity_token" value="q7RtY9bHs3JmD6cGp5aEuK2vXnV4wZ8x" />',
        "<UserSecretsId>5c81f02e-7b3d-4a96-8e1f-c04d92ab7e63</UserSecretsId>",
        "Authorization: Basic bWFydGE=",
        'private_key_id: "5c81f02e7b3d4a968e1fc04d92ab7e635c81f02e"',
        "secret = {AQAAABAAAAAQq7RtY9bHs3JmD6cGp5aEuK2vXnV4wZ8x=}",
        "AUTH_PASSWORD = 0x00000009",
        "token: '^\\\\s*[a-z0-9]+$'",
        "test_password = 'blah'",
        "Resource: arn:aws:secretsmanager:*:*:secret:Panorama81*",
        "gpg --recv-keys 7C1F09BE52AD4E7F8A36D10B94CE2F857C1F09BE",
        "License: LGPLv3+_or_GPLv2+",
        "<b>Password:</b>&nbsp;",
        "signature_key = rsa-sha256",
        'token_algorithm_secret: "HS256"',
        "CIPHER_PASSWORD=AES-256-GCM",
        "password_changed: 2026-11-24",
        "last_secret = 2026-11-24T10:00:00Z",
        'auth_key: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"',
        "",
    ],
)
@pytest.mark.parametrize("path", ["settings.py", "app.yml", "notes.txt"])
def test_what_only_stands_for_a_secret_is_left_alone(text: str, path: str) -> None:
    assert values(text, path) == []


def test_each_value_is_reported_once_however_many_places_point_at_it() -> None:
    data = f"secret={RANDOM}".encode()
    assert len(list(judge(data, [(0, 10), (7, 12), (9, 9)], "a.txt"))) == 1


def test_a_secret_that_stands_twice_is_found_twice() -> None:
    assert values("DB_PASSWORD=Xq7vT2mLz9\nPG_PASSWORD=Xq7vT2mLz9\n", ".env") == ["Xq7vT2mLz9"] * 2


def test_a_value_that_a_test_uses_again_and_again_is_no_secret_but_in_settings_it_is() -> None:
    text = f'client.secret = "{RANDOM}"\n' * 8
    assert values(text, "spec/client_spec.rb") == []
    assert len(values(text, "app/client.properties")) == 8


def test_two_secrets_on_one_line_are_two() -> None:
    other = "w8Zr3KxT6qLv9YnB2mHs5JdC7gFp4aEu"
    assert values(f"secret={RANDOM} password={other}\n") == [RANDOM, other]


def test_without_places_nothing_is_read() -> None:
    assert list(judge(f"secret={RANDOM}".encode(), [], "a.txt")) == []


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_give_hits_inside_them_in_order(data: bytes, path: str) -> None:
    hits = list(judge(b"password=" + data, [(0, 9 + len(data))], path))
    assert all(0 <= hit.start < hit.end <= 9 + len(data) for hit in hits)
    assert all(one.end <= two.start for one, two in pairwise(hits))


def test_a_long_mixed_value_behind_a_name_that_says_secret_is_never_below_medium() -> None:
    source = random.Random(23)
    for number in range(400):
        value = made_up(source.random(), 32)
        text = ("secret={}\n", "password = {}\n", 'api_key: "{}"\n', "export DB_TOKEN={}\n")[number % 4].format(value)
        if is_plain_case(b"secret", value.encode()):
            hits = [hit.confidence for hit in judged(text)]
            assert hits, number
            assert max(hits) >= Confidence.MEDIUM, number


@pytest.mark.parametrize(
    "value", ["a" * 32, "0123456789" * 4, "abcdefghijklmnopqrstuvwxyzabcdef", "Short1", "with-hyphen-" * 3]
)
def test_a_value_without_a_mixture_is_no_plain_case(value: str) -> None:
    assert not is_plain_case(b"secret", value.encode())
