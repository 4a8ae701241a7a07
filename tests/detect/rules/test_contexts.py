"""A token with a shape of its own is found whatever stands around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from pushwarden.detect import Rule, Scanner
from pushwarden.model import Confidence
from tests.detect.shipping import plain_scanner

LEAST: Final = 0.97
"""Share of the tokens that must be found: a few formats end or begin with signs that a context also has."""
LONGEST: Final = 300

CONTEXTS: Final[dict[str, Callable[[str, str], str]]] = {
    "behind an escaped line break": lambda n, v: f'{n} "first\\n{v}\\nlast"',
    "between percent-encoded quotes": lambda n, v: f"{n}?q=%22{v}%22",
    "behind a percent-encoded sign": lambda n, v: f"{n}?state=token%3D{v}%26x",
    "in parentheses": lambda n, v: f"{n}({v})",
    "at the end of a sentence": lambda n, v: f"{n}: the key is {v}.",
    "between commas": lambda n, v: f"{n},{v},x",
    "in a query": lambda n, v: f"https://{n}.com/?t={v}&a=b",
    "in a cookie": lambda n, v: f"{n}={v};path=/",
    "as the password of a URL": lambda n, v: f"https://user:{v}@{n}.com/x",
    "between escaped quotes": lambda n, v: f'"{n}\\": \\"{v}\\""',
    "in a table": lambda n, v: f"| {n} | {v} |",
    "in code of Markdown": lambda n, v: f"{n} `{v}`",
    "between HTML entities": lambda n, v: f"{n} &quot;{v}&quot;",
    "in a cell of HTML": lambda n, v: f"<td>{n}</td><td>{v}</td>",
    "before a carriage return": lambda n, v: f"{n}\r\n{v}\r\n",
}


def _token(scanner: Scanner, rule: Rule) -> str | None:
    """Return a token of ``rule`` out of its examples, if it is found on a line of its own behind the provider's name."""
    for example in rule.examples:
        for match in scanner.scan(example.text.encode(), path=example.path).matches:
            token = match.secret.reveal().decode()
            if match.rule_id == rule.id and "\n" not in token and len(token) <= LONGEST:
                alone = f"{rule.id.split('-')[0]}\n{token}\n"
                return token if scanner.scan(alone.encode(), path="example.txt").matches else None
    return None


@pytest.fixture(scope="module")
def tokens(shipped: Scanner) -> dict[str, str]:
    rules = [rule for rule in plain_scanner().rules if rule.engine == "pattern"][::3]
    found = {rule.id: _token(shipped, rule) for rule in rules if rule.confidence > Confidence.LOW}
    return {rule_id: token for rule_id, token in found.items() if token is not None}


@pytest.mark.parametrize("context", CONTEXTS)
def test_nearly_every_token_is_found_in_each_context(shipped: Scanner, tokens: dict[str, str], context: str) -> None:
    missed = [
        rule_id
        for rule_id, token in tokens.items()
        if not shipped.scan(CONTEXTS[context](rule_id.split("-")[0], token).encode(), path="example.txt").matches
    ]

    assert len(missed) <= (1 - LEAST) * len(tokens), missed
