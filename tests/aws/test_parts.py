"""However many refs there are, and whatever they are called: each part fits, and nothing is lost."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.aws import parts
from pushwarden.aws.parts import ITEM_BYTES, pack, ref_key, unpack

NAMES = st.text(min_size=1, max_size=40).map(lambda text: f"refs/heads/{text}")


@given(st.dictionaries(NAMES, st.text("0123456789abcdef", min_size=40, max_size=40), max_size=20))
@settings(max_examples=30)
def test_what_is_packed_comes_back(refs: dict[str, str]) -> None:
    assert unpack(pack(refs)) == refs


def test_refs_whose_names_cannot_be_compressed_are_cut_smaller() -> None:
    source = random.Random(1)
    refs = {f"refs/tags/{source.randbytes(400).hex()}": source.randbytes(20).hex() for _ in range(1500)}

    packed = pack(refs)

    assert len(packed) > 1
    assert max(map(len, packed)) <= ITEM_BYTES
    assert unpack(packed) == refs


def test_one_ref_is_one_part_and_so_is_none() -> None:
    assert [len(pack({})), len(pack({"refs/heads/main": "a"}))] == [1, 1]


def test_a_key_of_the_table_holds_any_name_of_a_ref() -> None:
    names = [
        "refs/heads/main",
        "refs/tags/" + "x" * 2000,
        "refs/tags/" + "x" * 2001,
        "refs/heads/\udcff",
        "refs/heads/é",
    ]

    keys = [ref_key(each) for each in names]

    assert keys[0] == "refs/heads/main"
    assert len(set(keys)) == len(names)
    assert all(len(f"ref#{each}".encode()) <= 1024 for each in keys)


def test_the_parts_leave_room_for_the_rest_of_an_item() -> None:
    assert parts.ITEM_BYTES + 1024 * 2 < 400 * 1024
