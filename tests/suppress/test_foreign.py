from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection

import pytest

from pushwarden.errors import UsageError
from pushwarden.model import Finding
from pushwarden.suppress.apply import Suppressions
from pushwarden.suppress.foreign import parse_detect_secrets, parse_gitleaks

COMMIT = "3f" * 20


def ignored(text: str, finding: Finding, known_rules: Collection[str] = ()) -> bool:
    kept, suppressed = Suppressions(gitleaks=parse_gitleaks(text)).apply([finding], known_rules=known_rules)
    assert suppressed.total == 1 - len(kept)
    return not kept


def baseline(path: str, secret: str) -> str:
    sha1 = hashlib.sha1(secret.encode()).hexdigest()
    result = {"type": "Secret Keyword", "filename": path, "hashed_secret": sha1, "line_number": 3}
    return json.dumps({"version": "1.5.0", "results": {path: [result]}})


def accepted(text: str, finding: Finding) -> bool:
    return not Suppressions(detect_secrets=parse_detect_secrets(text)).apply([finding])[0]


def test_a_gitleaks_line_means_commit_file_and_line(make: Callable[..., Finding]) -> None:
    line = f"{COMMIT}:src/app.py:generic-api-key:12"

    assert ignored(line, make(path="src/app.py", line=12, commit=COMMIT))
    assert not ignored(line, make(path="src/app.py", line=13, commit=COMMIT))
    assert not ignored(line, make(path="src/other.py", line=12, commit=COMMIT))
    assert not ignored(line, make(path="src/app.py", line=12, commit="ab" * 20))


def test_without_a_commit_it_means_every_commit(make: Callable[..., Finding]) -> None:
    line = "# a comment\n\nsrc/app.py:generic-api-key:12\n"

    assert ignored(line, make(path="src/app.py", line=12, commit="ab" * 20))
    assert ignored(line, make(path="src/app.py", line=12, commit=None))


def test_a_rule_that_both_scanners_know_must_be_the_same(make: Callable[..., Finding]) -> None:
    finding = make(path="a", line=1, rule_id="github-pat")

    assert ignored("a:github-pat:1", finding, {"github-pat", "stripe-key"})
    assert ignored("a:a-name-of-gitleaks:1", finding, {"github-pat", "stripe-key"})
    assert not ignored("a:stripe-key:1", finding, {"github-pat", "stripe-key"})


def test_a_path_with_a_colon_is_read(make: Callable[..., Finding]) -> None:
    assert ignored(f"{COMMIT}:a:b.py:x:4", make(path="a:b.py", line=4, commit=COMMIT))
    assert ignored("a:b.py:x:4", make(path="a:b.py", line=4))


@pytest.mark.parametrize("line", ["src/app.py", "src/app.py:rule", "src/app.py:rule:twelve"])
def test_a_line_that_is_no_gitleaks_fingerprint_is_named(line: str) -> None:
    with pytest.raises(UsageError, match=r"\.gitleaksignore:2: a line of this file is commit:file:rule:line"):
        parse_gitleaks(f"# heading\n{line}\n")


def test_a_detect_secrets_baseline_means_file_and_value_on_any_line(make: Callable[..., Finding]) -> None:
    text = baseline("src/app.py", "tok-4f9a1c")

    assert accepted(text, make("tok-4f9a1c", path="src/app.py", line=999))
    assert not accepted(text, make("tok-other", path="src/app.py"))
    assert not accepted(text, make("tok-4f9a1c", path="elsewhere.py"))


@pytest.mark.parametrize("path", ["./src/app.py", "src\\app.py"])
def test_other_ways_to_write_its_paths_are_understood(path: str, make: Callable[..., Finding]) -> None:
    assert accepted(baseline(path, "tok-4f9a1c"), make("tok-4f9a1c", path="src/app.py"))


def test_of_a_private_key_it_knows_the_first_line_only(make: Callable[..., Finding]) -> None:
    text = baseline("id_rsa", "BEGIN RSA PRIVATE KEY")

    assert accepted(text, make("-----BEGIN RSA PRIVATE KEY-----\nbWFkZSB1cA==\n-----END", path="id_rsa"))
    assert not accepted(text, make("-----BEGIN EC PRIVATE KEY-----\nbWFkZSB1cA==\n-----END", path="id_rsa"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"\.secrets\.baseline:1: this is no JSON"),
        ("[]", "this is no baseline of detect-secrets"),
        ('{"results": {"a": [{"hashed_secret": "hunter2"}]}}', "this is no baseline of detect-secrets"),
        ('{"results": {"a": 3}}', "this is no baseline of detect-secrets"),
        ('{"results": {"a": [{"hashed_secret": 3}]}}', "this is no baseline of detect-secrets"),
    ],
)
def test_a_broken_baseline_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_detect_secrets(text)
    assert "hunter2" not in str(caught.value)
