"""What a scan finds, where it says it is, and what it shows."""

from __future__ import annotations

import string
import time

import pytest

from pushwarden.detect import PairedMatch, Scanner
from pushwarden.model import REDACTED, Confidence, Match
from tests.detect.conftest import made_up, token

TOKEN = token()
KEY_ID = "TKID" + made_up(12, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
SECRET = made_up(30, seed=8)


def only(scanner: Scanner, data: bytes, path: str = "") -> Match:
    result = scanner.scan(data, path=path)
    assert result.gaps == ()
    assert len(result.matches) == 1
    return result.matches[0]


def ids(scanner: Scanner, data: bytes, path: str = "") -> list[str]:
    return [each.rule_id for each in scanner.scan(data, path=path).matches]


@pytest.mark.parametrize("before", [b"", b"\n", b"\r\n\r\n", b"x = ", b"\xff\xfe\xfd ", "größe ".encode(), b"a\rb\r"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\r\n", b" # \xe9", b"\r"])
def test_a_secret_is_found_wherever_it_stands_with_its_exact_offsets(
    scanner: Scanner, before: bytes, after: bytes
) -> None:
    match = only(scanner, before + TOKEN.encode() + after)

    assert match.secret.reveal() == TOKEN.encode()
    assert (match.span.start, match.span.end) == (len(before), len(before) + len(TOKEN))


@pytest.mark.parametrize(
    ("before", "line", "column"),
    [
        (b"", 1, 1),
        (b"\n", 2, 1),
        (b"a\r\nb\r\n ", 3, 2),
        (b"a\rb\r ", 3, 2),
        (b"\r\n\n\r", 4, 1),
        ("äöü ".encode(), 1, 5),
        ("äöü ".encode("latin-1"), 1, 5),
        ("日本 = ".encode(), 1, 6),
    ],
)
def test_lines_end_at_any_line_break_and_columns_count_characters(
    scanner: Scanner, before: bytes, line: int, column: int
) -> None:
    span = only(scanner, before + TOKEN.encode() + b"\nend").span

    assert (span.start_line, span.start_column) == (line, column)
    assert (span.end_line, span.end_column) == (line, column + len(TOKEN))


def test_several_secrets_on_one_line_are_all_found_and_all_redacted(scanner: Scanner) -> None:
    one, two = token(1), token(2)

    matches = scanner.scan(f"a={one} b={two};".encode()).matches

    assert [each.secret.reveal().decode() for each in matches] == [one, two]
    assert {each.snippet for each in matches} == {f"a={REDACTED} b={REDACTED};"}


def test_a_secret_of_several_lines_ends_on_its_last_line(scanner: Scanner) -> None:
    body = f"\n{made_up(64)}\n{made_up(20)}\n"

    match = only(scanner, f"-----BEGIN TEST KEY-----{body}-----END TEST KEY-----".encode())

    assert match.secret.reveal().decode() == body
    assert (match.span.start_line, match.span.end_line) == (1, 3)
    assert made_up(64) not in match.snippet


def test_a_long_line_is_cut_around_the_secret(scanner: Scanner) -> None:
    match = only(scanner, b"x " * 5000 + TOKEN.encode() + b" y" * 5000)

    assert REDACTED in match.snippet
    assert len(match.snippet) <= 200


def test_a_wrong_checksum_is_no_finding(scanner: Scanner) -> None:
    last = "A" if TOKEN[-1] != "A" else "B"

    assert ids(scanner, (TOKEN[:-1] + last).encode()) == []


@pytest.mark.parametrize("secret", ["x" * 30, "ab" * 15, "a" * 29 + "b"])
def test_little_entropy_is_no_finding(scanner: Scanner, secret: str) -> None:
    assert ids(scanner, f"test_secret = {secret}".encode()) == []


def test_a_specific_rule_beats_a_generic_one_on_the_same_bytes(scanner: Scanner) -> None:
    assert ids(scanner, f"value = {TOKEN}".encode()) == ["test-token"]
    assert ids(scanner, f"value = {made_up(20)}".encode()) == ["test-generic"]


def test_both_halves_of_a_credential_are_one_finding(scanner: Scanner) -> None:
    match = only(scanner, f"id: {KEY_ID}\n\n\ntest_secret: {SECRET}\n".encode())

    assert isinstance(match, PairedMatch)
    assert (match.rule_id, match.confidence) == ("test-secret", Confidence.HIGH)
    assert match.paired is not None
    assert match.paired.reveal() == KEY_ID.encode()
    assert KEY_ID not in repr(match)


def test_halves_that_stand_too_far_apart_are_two_findings(scanner: Scanner) -> None:
    data = f"id: {KEY_ID}\n\n\n\ntest_secret: {SECRET}\n".encode()

    assert ids(scanner, data) == ["test-id", "test-secret"]


def test_each_half_is_used_once(scanner: Scanner) -> None:
    data = f"{KEY_ID}\ntest_secret={SECRET}\ntest_secret={made_up(30, seed=9)}\n".encode()

    paired = [each.paired is not None for each in scanner.scan(data).matches if isinstance(each, PairedMatch)]

    assert ids(scanner, data) == ["test-secret", "test-secret"]
    assert paired == [True]


@pytest.mark.parametrize(("lines", "found"), [(0, True), (2, True), (3, False)])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_context_counts_only_within_its_lines(scanner: Scanner, lines: int, found: bool, ending: str) -> None:
    value = made_up(32, "0123456789abcdef")

    for text in (f"neighbour{ending * lines} {value}", f"{value}{ending * lines} neighbour"):
        assert bool(ids(scanner, text.encode())) is found


def test_context_far_away_on_a_huge_line_does_not_count(scanner: Scanner) -> None:
    value = made_up(32, "0123456789abcdef")

    assert ids(scanner, f"neighbour{' ' * 3000}{value}".encode()) == []


def test_a_key_is_found_by_the_name_of_its_service(scanner: Scanner) -> None:
    value = made_up(32, "0123456789abcdef")

    assert ids(scanner, f"TESTSERVICE_API_KEY={value}".encode()) == ["testservice-key"]
    assert ids(scanner, f"# test-service\nkey: '{value}'\n".encode()) == ["testservice-key"]
    assert ids(scanner, f"testServiceToken = '{value}'\n".encode()) == ["testservice-key"]
    assert ids(scanner, f"key: '{value}'\n".encode()) == []
    assert ids(scanner, f"testservice {value}\n".encode()) == []
    assert ids(scanner, f"testservices_key={value}".encode()) == []


def test_of_two_services_the_one_named_closest_before_owns_the_key(scanner: Scanner) -> None:
    value = made_up(32, "0123456789abcdef")

    assert ids(scanner, f"testservice\notherservice licence = {value}".encode()) == ["otherservice-key"]
    assert ids(scanner, f"otherservice\ntestservice key = {value}".encode()) == ["testservice-key"]


def test_a_service_with_words_of_its_own_needs_one_of_them(scanner: Scanner) -> None:
    value = made_up(32, "0123456789abcdef")

    assert ids(scanner, f"otherservice key = {value}".encode()) == []


def test_a_name_inside_another_word_is_no_name(scanner: Scanner) -> None:
    value = made_up(32, "0123456789abcdef")

    assert ids(scanner, f"possible licence = {value}".encode()) == []


def test_a_deadline_that_has_passed_makes_the_result_incomplete(scanner: Scanner) -> None:
    result = scanner.scan(TOKEN.encode(), path="a.txt", deadline=time.monotonic() - 1)

    assert result.matches == ()
    assert [(gap.code, gap.path) for gap in result.gaps] == [("timeout", "a.txt")]


def test_nothing_is_found_in_nothing(scanner: Scanner) -> None:
    assert scanner.scan(b"").matches == ()


def test_a_secret_never_shows_in_text_of_the_result(scanner: Scanner) -> None:
    result = scanner.scan(f"value = {made_up(20)}\n{TOKEN}\n".encode())

    assert len(result.matches) == 2
    assert TOKEN not in repr(result)
    assert made_up(20) not in repr(result)


def test_binary_rubbish_does_no_harm(scanner: Scanner) -> None:
    data = bytes(range(256)) * 64

    assert ids(scanner, data) == []
    assert ids(scanner, data + b" " + TOKEN.encode() + b" " + data) == ["test-token"]


def test_printable_only(scanner: Scanner) -> None:
    match = only(scanner, b"\x00\x1b[31m " + TOKEN.encode() + b"\x07")

    assert all(char in string.printable or char == "\N{REPLACEMENT CHARACTER}" for char in match.snippet)
    assert "\x1b" not in match.snippet


def test_of_a_dump_of_keys_the_first_are_found_and_the_result_is_incomplete(scanner: Scanner) -> None:
    data = "\n".join(token(seed) for seed in range(17_500)).encode()

    result = scanner.scan(data, path="dump.txt")

    assert len(result.matches) == 10_000 + len(data) // 100
    assert result.matches[-1].span.start_line == len(result.matches)
    assert [gap.code for gap in result.gaps] == ["too-dense"]
