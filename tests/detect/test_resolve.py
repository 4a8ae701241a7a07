"""Whose bytes they are when several rules hit the same ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pushwarden.detect import PairedMatch, Scanner
from pushwarden.model import Confidence
from tests.detect.conftest import made_up

RULES = """
[[rule]]
id = "acme-id"
title = "Acme id"
pattern = '''\\bACID[A-Z2-7]{12}\\b'''
confidence = "medium"
not = ['''ACIDDOCUMENTS''']
advice = "Nothing."
examples = ["ACIDPTGZ6JFEBZSD", "ACIDQWB5PDKHX6PY"]
counter_examples = ["ACID", "ACIDDOCUMENTSABC"]

[[rule]]
id = "acme-key"
title = "Acme key"
pattern = '''acme_key=(?P<secret>[A-Za-z0-9]{30})\\b'''
confidence = "medium"
pair = { rule = "acme-id", lines = 3, confidence = "high" }
advice = "Nothing."
examples = ["acme_key=ox9yimTcfipZGnzPbDFDyFKm51zfFo", "acme_key=DNxril3RavGD5MfvJ7NScUykT8C8UB"]
counter_examples = ["acme_key=", "acme_key=short"]

[[rule]]
id = "other-key"
title = "Other key that looks alike"
pattern = '''key=(?P<secret>[A-Za-z0-9]{30,40})\\b'''
confidence = "high"
specificity = -1
pair = { rule = "acme-id", lines = 3 }
advice = "Nothing."
examples = ["key=ox9yimTcfipZGnzPbDFDyFKm51zfFoA", "key=DNxril3RavGD5MfvJ7NScUykT8C8UBA"]
counter_examples = ["key=", "key=short"]

[[rule]]
id = "generic-word"
title = "Any id"
pattern = '''id: (?P<secret>\\S{6,60})'''
confidence = "low"
specificity = -10
advice = "Nothing."
examples = ["id: xEEsAoCaA2QT", "id: HAZt9xslXTTI"]
counter_examples = ["id: ", "id: a"]
"""
ID = "ACID" + made_up(12, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
KEY = made_up(30, seed=8)


@pytest.fixture(params=["plain", "hyperscan"])
def acme(request: pytest.FixtureRequest, load: Callable[..., Scanner]) -> Scanner:
    return load(RULES, request.param)


def ids(scanner: Scanner, text: str) -> list[str]:
    return [each.rule_id for each in scanner.scan(text.encode()).matches]


def test_a_half_that_is_part_of_a_finding_gives_no_generic_one(acme: Scanner) -> None:
    assert ids(acme, f"id: {ID}\n") == ["acme-id"]
    assert ids(acme, f"id: {ID}\nacme_key={KEY}\n") == ["acme-key"]


def test_it_gives_none_where_both_halves_are_encoded_either(acme: Scanner) -> None:
    text = "".join(f"\\x{byte:02x}" for byte in f"id: {ID} acme_key={KEY} ".encode())

    assert ids(acme, text) == ["acme-key"]


def test_what_a_rule_knows_to_be_no_secret_gives_no_generic_finding(acme: Scanner) -> None:
    assert ids(acme, "id: ACIDDOCUMENTSABC\n") == []
    assert ids(acme, "id: ACIDDOCUMENTXABC\n") == ["acme-id"]
    assert ids(acme, "id: BCIDDOCUMENTSABC\n") == ["generic-word"]


def test_what_a_rule_knows_to_be_no_secret_is_no_half_of_one(acme: Scanner) -> None:
    match = acme.scan(f"ACIDDOCUMENTSABC\nacme_key={KEY}\n".encode()).matches[0]

    assert match.rule_id == "acme-key"
    assert not isinstance(match, PairedMatch)


def test_of_two_rules_for_the_same_bytes_only_the_one_that_is_kept_takes_the_half(acme: Scanner) -> None:
    (match,) = acme.scan(f"{ID}\nacme_key={KEY}\n".encode()).matches

    assert isinstance(match, PairedMatch)
    assert (match.rule_id, match.confidence) == ("acme-key", Confidence.HIGH)
    assert match.paired is not None
    assert match.paired.reveal() == ID.encode()


def test_a_value_that_only_counts_is_shown_but_stops_nothing(acme: Scanner) -> None:
    (match,) = acme.scan(b"acme_key=0123456789abcdefghij0123456789\n").matches

    assert (match.rule_id, match.confidence) == ("acme-key", Confidence.LOW)


def test_the_example_keys_of_the_aws_documentation_are_no_findings_of_any_rule(shipped: Scanner) -> None:
    text = 'aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"\naws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"\n'

    assert ids(shipped, text) == []


def test_an_aws_key_with_its_id_is_one_finding(shipped: Scanner) -> None:
    key_id = "AKIA" + made_up(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", seed=3)
    text = f'access_key = "{key_id}"\naws_secret_access_key = "{made_up(40, seed=4)}"\n'

    assert len(ids(shipped, text)) == 1


def test_no_half_shows_in_the_line_of_the_other(acme: Scanner) -> None:
    (match,) = acme.scan(f"{ID} acme_key={KEY}\n".encode()).matches

    assert ID not in match.snippet
    assert KEY not in match.snippet
