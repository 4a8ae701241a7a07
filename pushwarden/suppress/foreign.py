"""Suppressions of other scanners, read as they are: ``.gitleaksignore`` and detect-secrets' ``.secrets.baseline``.

Links:
    https://github.com/gitleaks/gitleaks#gitleaksignore
    https://github.com/Yelp/detect-secrets#quickstart
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from pushwarden.model import Finding
from pushwarden.suppress.files import DETECT_SECRETS_NAME, GITLEAKS_NAME, SuppressError
from pushwarden.suppress.model import Kind

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHA1: Final = re.compile(r"[0-9a-f]{40}")
_KEY_HEADER: Final = re.compile(rb"BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?")


@dataclass(frozen=True, slots=True)
class GitleaksEntry:
    """A line of ``.gitleaksignore``: ``commit:file:rule:line`` or, for any commit, ``file:rule:line``."""

    where: str
    path: str
    rule: str
    line: int
    commit: str | None = None

    kind = Kind.GITLEAKS

    def matches(self, finding: Finding, known_rules: Collection[str]) -> bool:
        """Return whether the entry means this finding.

        Its rule is a word of gitleaks. It must be the finding's rule only where both of us have a rule of that name;
        else the place decides.
        """
        span = finding.match.span
        return (
            finding.path == self.path
            and span.start_line <= self.line <= span.end_line
            and self.commit in {None, finding.commit}
            and (self.rule == finding.match.rule_id or self.rule not in known_rules)
        )


@dataclass(frozen=True, slots=True)
class DetectSecretsEntry:
    """A result of a detect-secrets baseline: the file and the SHA-1 of the secret."""

    where: str
    path: str
    sha1: str

    kind = Kind.DETECT_SECRETS


def parse_gitleaks(text: str, name: str = GITLEAKS_NAME) -> tuple[GitleaksEntry, ...]:
    """Read a ``.gitleaksignore``.

    Raises:
        SuppressError: A line is no fingerprint of gitleaks.
    """
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            entries.append(_gitleaks_entry(stripped, f"{name}:{number}"))
    return tuple(entries)


def _gitleaks_entry(line: str, where: str) -> GitleaksEntry:
    try:
        place, rule, line_text = line.rsplit(":", 2)
        start_line = int(line_text)
    except ValueError:
        raise SuppressError(where, "a line of this file is commit:file:rule:line or file:rule:line") from None
    head, colon, path = place.partition(":")
    if colon and _COMMIT.fullmatch(head):
        return GitleaksEntry(where, path, rule, start_line, head)
    return GitleaksEntry(where, place, rule, start_line)


def parse_detect_secrets(text: str, name: str = DETECT_SECRETS_NAME) -> tuple[DetectSecretsEntry, ...]:
    """Read a baseline of detect-secrets, of any version; entries audited as real are in it too, and count too.

    Raises:
        SuppressError: This is no baseline of detect-secrets.
    """
    try:
        document: Any = json.loads(text)
        return tuple(
            DetectSecretsEntry(f"{name}: {path}", path.replace("\\", "/").removeprefix("./"), _sha1(result))
            for path, results in sorted(document["results"].items())
            for result in results
        )
    except json.JSONDecodeError as error:
        raise SuppressError(f"{name}:{error.lineno}", f"this is no JSON: {error.msg}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        problem = 'this is no baseline of detect-secrets: "results" with "hashed_secret" is missing or misshaped'
        raise SuppressError(name, f"{problem}; write it anew with `detect-secrets scan`") from error


def _sha1(result: dict[str, Any]) -> str:
    value = result["hashed_secret"]
    if not _SHA1.fullmatch(value):
        raise ValueError
    return str(value)


def sha1s(finding: Finding) -> frozenset[str]:
    """Return the hashes under which detect-secrets may have stored a finding's secret.

    Of a private key it stores the words of the first line only (``BEGIN RSA PRIVATE KEY``).
    """
    secret = finding.match.secret.reveal()
    header = _KEY_HEADER.search(secret)
    texts = [secret] if header is None else [secret, header[0]]
    return frozenset(hashlib.sha1(text, usedforsecurity=False).hexdigest() for text in texts)
