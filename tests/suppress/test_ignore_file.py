from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.errors import UsageError
from pushwarden.suppress import Entry, Kind
from pushwarden.suppress.ignore_file import IgnoreFile, parse, render

ONE = "0d2f9a7be1c34455a6b7c8d9e0f10213"
TWO = "f" * 32
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)


def test_a_fingerprint_alone_is_enough() -> None:
    (entry,) = parse(f"{ONE}\n").entries

    assert entry == Entry(Kind.IGNORE_FILE, ".pushwarden-ignore:1", frozenset({ONE}))


def test_scope_reason_author_and_last_day_are_read() -> None:
    line = f'{ONE} github-pat in=docs/** in="a b/*" until=2027-01-31 by=Ada reason="is a \\"test\\"" seen=x.py  # note'

    (entry,) = parse(line).entries

    assert entry.rules == ("github-pat",)
    assert entry.paths == ("docs/**", "a b/*")
    assert (entry.until, entry.author, entry.reason) == (date(2027, 1, 31), "Ada", 'is a "test"')
    assert entry.seen == "x.py"


def test_comments_and_empty_lines_mean_nothing() -> None:
    assert parse("# one\n\n   # two\n") == IgnoreFile()


def test_two_keys_of_a_merge_are_both_kept() -> None:
    file = parse(f"key {'cd' * 32}  # pushwarden:allow\nkey {'ab' * 32}\nkey {'ab' * 32}\n")

    assert file.keys == (b"\xab" * 32, b"\xcd" * 32)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", r":1: a fingerprint is 32 digits"),
        (f"{ONE} rule unti=2027-01-31", r':1: cannot understand \'unti\' here; did you mean "until"'),
        (f"{ONE} rule until=soon", r":1: until is a date"),
        (f'{ONE} reason="open', r":1: cannot understand the line from column"),
        (f"{ONE} rule other", r":1: cannot understand 'other' here"),
        (f'{ONE} reason="\\q"', r":1: .* is no JSON text"),
        ("key 1234", r":1: key is 64 random hex digits"),
        ("<<<<<<< HEAD", r":1: a merge left its markers"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_remedy(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=r"\.pushwarden-ignore" + message):
        parse(line)


ENTRIES = st.builds(
    Entry,
    kind=st.just(Kind.IGNORE_FILE),
    where=st.just(".pushwarden-ignore:1"),
    fingerprints=st.builds(lambda one: frozenset({one}), HEX),
    rules=st.sampled_from([(), ("github-pat",), ("generic-*",)]),
    paths=st.lists(TEXT, max_size=2).map(tuple),
    reason=TEXT,
    author=TEXT,
    until=st.none() | st.dates(),
    seen=TEXT,
)


@given(ENTRIES)
def test_what_is_written_is_read_again(entry: Any) -> None:
    file = parse(render(IgnoreFile((b"k" * 32,), (entry,))))

    assert file.keys == (b"k" * 32,)
    (again,) = file.entries
    assert again == Entry(**{name: getattr(entry, name) for name in Entry.__slots__} | {"where": again.where})


@given(st.lists(ENTRIES, max_size=6), st.randoms(use_true_random=False))
def test_the_text_does_not_depend_on_the_order_or_on_repetition(entries: Any, random: Any) -> None:
    shuffled = entries * 2
    random.shuffle(shuffled)

    assert render(IgnoreFile((), tuple(entries))) == render(IgnoreFile((), tuple(shuffled)))


def test_there_is_one_line_per_entry_sorted_by_fingerprint_without_line_numbers() -> None:
    entries = tuple(Entry(Kind.IGNORE_FILE, "x:99", frozenset({one}), seen="a\nb") for one in (TWO, ONE))

    lines = [line for line in render(IgnoreFile((), entries)).splitlines() if not line.startswith("#")]

    assert lines == [f'{ONE} seen="a\\nb"', f'{TWO} seen="a\\nb"']
