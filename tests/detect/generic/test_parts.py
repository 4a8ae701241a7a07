from __future__ import annotations

import math
from array import array

import hyperscan
import pytest

from pushwarden.detect.generic import TRIGGERS, candidates, features, gate, language, model


def found(text: bytes) -> list[tuple[str, bytes, bytes]]:
    return [
        (each.link, each.name.strip(b" \"'\\"), text[each.start : each.end])
        for each in candidates.find(text, 0, len(text))
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"db_password = 'a b'", ("op", b"db_password", b"a b")),
        (b'{\\"token\\": \\"q1w2\\"}', ("op", b"token", b"q1w2")),
        (b'set("api_key", "q1w2e3")', ("comma", b"api_key", b"q1w2e3")),
        (b'get(password) or "q1w2e3"', ("default", b"password", b"q1w2e3")),
        (b"run --password q1w2e3", ("gap", b"--password", b"q1w2e3")),
        (b"IDENTIFIED BY 'q1w2e3'", ("gap", b"IDENTIFIED BY", b"q1w2e3")),
        (b"amqp://me:q1w2e3@host/", ("url", b"amqp", b"q1w2e3")),
        (b"X: Basic q1w2e3", ("header", b"X", b"q1w2e3")),
        (b"<password>q1w2e3</password>", ("tag", b"password", b"q1w2e3")),
    ],
)
def test_a_candidate_has_link_name_and_value(text: bytes, expected: tuple[str, bytes, bytes]) -> None:
    assert expected in found(text)


def test_a_value_may_end_behind_the_stretch_that_is_read() -> None:
    text = b"token=" + b"a1" * 50
    assert [each.end for each in candidates.find(text, 0, 10)] == [len(text)]


def test_words_surprise_less_than_random_letters() -> None:
    table = model.load().table
    assert (
        language.surprise(b"connection_timeout", table)[0]
        < gate.MIN_SURPRISE
        < language.surprise(b"xqzvkwjh", table)[0]
    )


def test_the_share_of_known_words_is_known() -> None:
    words = model.load().words
    assert language.coverage(b"supersecretpassword", words)[0] == 1.0
    assert language.coverage(b"zqxv", words) == (0.0, 0)


def test_a_hash_is_excused_by_its_name() -> None:
    digest = b"3b18e512dba79e4c8300dd08aeb37f8e728b8dad"
    assert gate.excused(b"commit_key", digest)
    assert not gate.excused(b"api_key", digest)


def test_there_is_one_number_for_each_name() -> None:
    data = b"password = 'q1w2e3r4'"
    (candidate,) = candidates.find(data, 0, len(data))
    view = features.View.of(data, candidate, features.Place.of("a/b.py"))
    weights = model.load()
    assert len(features.numbers(data, view, weights.table, weights.words)) == len(features.NAMES)


def test_hashed_groups_do_not_overlap() -> None:
    data = b"password = 'q1w2e3r4'"
    (candidate,) = candidates.find(data, 0, len(data))
    view = features.View.of(data, candidate, features.Place.of("b.py"))
    name, around, value = features.hashed_name(view), features.hashed_around(view), features.hashed_value(view)
    assert max(name) < features.GROUPS[0] <= min(around)
    assert max(around) < features.GROUPS[0] + features.GROUPS[1] <= min(value)
    assert max(value) < features.HASHES


def test_weights_survive_packing() -> None:
    weights = model.load()
    assert model.unpack(model.pack(weights)) == weights


def test_weights_that_are_cut_off_or_foreign_are_refused() -> None:
    raw = model.pack(model.load())
    with pytest.raises(model.ModelError, match="cut off"):
        model.unpack(raw[:-3])
    with pytest.raises(model.ModelError, match="another format"):
        model.unpack(b"SOMETHIN" + raw[8:])


def test_trees_are_walked_to_their_leaves() -> None:
    tree = ((0, 1, 2, 0.5), (-1, 0, 0, -1.0), (-1, 0, 0, 2.0))
    made = model.Model(b"", b"", array("b"), 1.0, 0.0, 0.25, model.Cuts(0, 0, 0, 0), 1, -math.inf, (tree, tree))
    assert made.score([0.5]) == -1.75
    assert made.score([0.6]) == 4.25


def test_the_weights_file_stays_below_one_megabyte() -> None:
    assert len(model.pack(model.load())) < 1_000_000


def test_hyperscan_takes_the_triggers_and_they_end_near_the_value() -> None:
    database = hyperscan.Database()
    database.compile(
        expressions=list(TRIGGERS), flags=[0] * len(TRIGGERS), ids=list(range(len(TRIGGERS))), elements=len(TRIGGERS)
    )
    data = b"x = 1\nmy_password = 'q1w2e3r4'\ny = 2\n"
    ends: list[int] = []
    database.scan(data, lambda _id, _start, end, _flags, _context: ends.append(end))
    assert ends
    assert all(data.index(b"q1w2") < end <= data.index(b"q1w2") + 4 for end in ends)
