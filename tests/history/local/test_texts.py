"""Commit and tag objects, whatever somebody wrote into them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pushwarden.history.local.texts import author_of, parse_person, parse_written
from pushwarden.model import Person

COMMIT = (
    b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
    b"parent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
    b"author Ann Ex <ann@example.org> 1700000000 +0130\n"
    b"committer Com <com@example.org> 1700000000 -0800\n"
    b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEzsig\n -----END PGP SIGNATURE-----\n"
    b"odd hidden\n more\n"
    b"\n"
    b"Subject\n\nBody\n"
)


def test_message_people_and_unknown_headers_are_told_apart_from_what_git_writes() -> None:
    written = parse_written(COMMIT)
    assert written.message == b"odd hidden\nmore\nSubject\n\nBody\n"
    assert written.people == (b"Ann Ex <ann@example.org>", b"Com <com@example.org>")
    assert author_of(COMMIT) == Person("Ann Ex", "ann@example.org", "2023-11-14T23:43:20+01:30")


def test_tag_has_its_name_message_and_tagger() -> None:
    raw = b"object 1\ntype commit\ntag v1\ntagger Tom <t@example.org> 0 +0000\n\nhello\n"
    written = parse_written(raw)
    assert written.message == b"v1\nhello\n"
    assert author_of(raw) == Person("Tom", "t@example.org", "1970-01-01T00:00:00+00:00")


def test_object_without_author_has_none() -> None:
    assert author_of(b"tree 1\ncommitter C <c@example.org> 0 +0000\n\nauthor X <x@example.org>\n") is None


def test_person_without_date_or_brackets_is_kept() -> None:
    assert parse_person(b"Ann <ann@example.org>") == Person("Ann", "ann@example.org", "")
    assert parse_person(b"just text") == Person("just text", "", "")
    assert parse_person(b"A <a> 99999999999999 +0000").date == ""
    assert parse_person(b"A <a> 1700000000 +9999").date == "2023-11-14T22:13:20+00:00"


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_apart(raw: bytes) -> None:
    head, _, message = raw.partition(b"\n\n")
    written = parse_written(raw)
    assert written.message.endswith(message)
    for person in written.people:
        assert person in head
