from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pushwarden.model import Finding
from pushwarden.suppress import Entry, Kind, Stale, Suppressions
from pushwarden.suppress.apply import PUBLIC_KEY
from pushwarden.suppress.baseline import Words, make_mergeable, save, update
from pushwarden.suppress.files import SuppressError
from pushwarden.suppress.ignore_file import IgnoreFile, parse, render

KEY = b"\xab" * 32
OTHER_KEY = b"\xcd" * 32


def fingerprint(finding: Finding, key: bytes = KEY) -> str:
    return finding.match.secret.fingerprint(key, finding.match.rule_id)


def a_key() -> bytes:
    return KEY


def no_key() -> bytes:
    raise AssertionError("there is a key already")


def test_a_first_baseline_makes_a_key_and_one_entry_per_secret(make: Callable[..., Finding]) -> None:
    found = [make("tok-1", path="b.py", line=7), make("tok-1", path="a.py"), make("tok-2", path="c.py")]

    change = update(IgnoreFile(), Suppressions(), found=found, left=found, new_key=a_key)

    assert change.file.keys == (KEY,)
    assert {(*each.fingerprints, each.rules, each.seen) for each in change.file.entries} == {
        (fingerprint(found[0]), ("example-token",), "a.py"),
        (fingerprint(found[2]), ("example-token",), "c.py"),
    }
    assert (change.added, change.kept, change.removed) == (2, 0, 0)


def test_the_file_holds_no_secret_and_no_line_number(make: Callable[..., Finding]) -> None:
    found = [make("hunter2-but-longer", line=4711)]

    text = render(update(IgnoreFile(), Suppressions(), found=found, left=found, new_key=a_key).file)

    assert "hunter2" not in text
    assert "4711" not in text


def test_an_update_keeps_what_is_there_and_adds_what_is_new(make: Callable[..., Finding]) -> None:
    old = Entry(Kind.IGNORE_FILE, "x:1", frozenset({fingerprint(make("tok-1"))}), reason="by hand")
    file = IgnoreFile((KEY,), (old,))
    found = [make("tok-1"), make("tok-2")]

    change = update(
        file,
        Suppressions((KEY,), (old,)),
        found=found,
        left=found[1:],
        new_key=no_key,
        words=Words("new", "Ada", date(2027, 1, 31)),
    )

    kept, added = change.file.entries
    assert kept == old
    assert (added.reason, added.author, added.until) == ("new", "Ada", date(2027, 1, 31))


def test_an_update_without_news_changes_no_byte(make: Callable[..., Finding]) -> None:
    found = [make("tok-1"), make("tok-2")]
    text = render(update(IgnoreFile(), Suppressions(), found=found, left=found, new_key=a_key).file)
    file = parse(text)

    again = update(file, Suppressions((KEY,), file.entries), found=found, left=[], new_key=no_key)

    assert render(again.file) == text


@pytest.mark.parametrize("key", [OTHER_KEY, PUBLIC_KEY])
def test_entries_under_another_key_are_rewritten_to_the_first(key: Any, make: Callable[..., Finding]) -> None:
    finding = make("tok-1")
    old = Entry(Kind.IGNORE_FILE, "x:1", frozenset({fingerprint(finding, key)}))

    change = update(
        IgnoreFile((KEY, OTHER_KEY), (old,)),
        Suppressions((KEY, OTHER_KEY), (old,)),
        found=[finding],
        left=[],
        new_key=no_key,
    )

    assert change.file.entries[0].fingerprints == {fingerprint(finding)}


def test_a_key_of_the_configuration_is_not_written_a_second_time(make: Callable[..., Finding]) -> None:
    found = [make("tok-1")]

    change = update(IgnoreFile(), Suppressions((KEY,)), found=found, left=found, new_key=no_key)

    assert change.file.keys == ()
    assert change.file.entries[0].fingerprints == {fingerprint(found[0])}


def test_entries_to_remove_are_named_by_their_place() -> None:
    entries = tuple(Entry(Kind.IGNORE_FILE, f"x:{line}", frozenset({f"{line}" * 32})) for line in (1, 2))

    change = update(
        IgnoreFile((KEY,), entries),
        Suppressions((KEY,), entries),
        found=[],
        left=[],
        new_key=no_key,
        remove=[Stale(Kind.IGNORE_FILE, "x:1", "old")],
    )

    assert change.file.entries == entries[1:]
    assert (change.kept, change.removed) == (1, 1)


def test_saving_replaces_the_file_whole(tmp_path: Path) -> None:
    save(tmp_path, IgnoreFile((KEY,)))
    save(tmp_path, IgnoreFile((OTHER_KEY,)))

    assert parse((tmp_path / ".pushwarden-ignore").read_text()).keys == (OTHER_KEY,)
    assert [each.name for each in tmp_path.iterdir()] == [".pushwarden-ignore"]


def test_a_file_that_cannot_be_written_is_a_clear_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / ".pushwarden-ignore").mkdir()

    with pytest.raises(SuppressError, match=r"cannot write it .*; nothing was changed"):
        save(tmp_path, IgnoreFile())
    assert [each.name for each in tmp_path.iterdir()] == [".pushwarden-ignore"]


def test_a_link_in_place_of_the_file_is_replaced_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    (tmp_path / ".pushwarden-ignore").symlink_to(outside)

    save(tmp_path, IgnoreFile())

    assert outside.read_text() == "precious"
    assert not (tmp_path / ".pushwarden-ignore").is_symlink()


def test_a_link_under_the_name_of_the_partial_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    (tmp_path / ".pushwarden-ignore.guessed.part").symlink_to(outside)
    monkeypatch.setattr("pushwarden.suppress.baseline.secrets.token_hex", lambda _: "guessed")

    with pytest.raises(SuppressError, match="cannot write it"):
        save(tmp_path, IgnoreFile())

    assert outside.read_text() == "precious"


def test_git_is_told_once_to_keep_both_sides(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    attributes = tmp_path / ".gitattributes"
    attributes.write_text("*.png binary")

    assert make_mergeable(tmp_path)
    assert attributes.read_text() == "*.png binary\n/.pushwarden-ignore merge=union\n"
    assert not make_mergeable(tmp_path)


def test_outside_git_no_attributes_are_written(tmp_path: Path) -> None:
    assert not make_mergeable(tmp_path)
    assert list(tmp_path.iterdir()) == []
