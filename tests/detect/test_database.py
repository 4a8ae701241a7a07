"""The compiled database on disk: written once, read fast, never trusted when it does not fit."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pushwarden.detect import Scanner, load_scanner
from pushwarden.detect.load import DATABASE_VARIABLE, package_database
from pushwarden.detect.rule import Rule
from tests.detect.conftest import RULES, token

DATA = f"a = {token()}\nneighbour 0f1e2d3c4b5a69788796a5b4c3d2e1f0\n".encode()


def load(cache: Path) -> Scanner:
    return load_scanner([RULES], default_rules=False, cache_dir=cache)


def files(cache: Path) -> list[Path]:
    return sorted(cache.iterdir())


def test_a_second_start_reads_what_the_first_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(tmp_path)
    monkeypatch.setattr("pushwarden.detect.database.compile_plan", None)

    second = load(tmp_path)

    assert second.engine == "hyperscan"
    assert second.notes == ()
    assert second.scan(DATA) == first.scan(DATA)
    assert second.rules.digest == first.rules.digest
    assert [rule.id for rule in second.rules] == [rule.id for rule in first.rules]
    assert len(first.scan(DATA).matches) == 2


def test_nothing_but_the_database_is_left_in_the_cache(tmp_path: Path) -> None:
    load(tmp_path)

    assert [path.suffix for path in files(tmp_path)] == [".db"]


def test_other_rules_get_a_database_of_their_own(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "test.toml").write_text((RULES / "test.toml").read_text())
    load_scanner([rules], default_rules=False, cache_dir=tmp_path / "cache")
    (rules / "test.toml").write_text((RULES / "test.toml").read_text().replace("tst_", "tzt_"))

    changed = load_scanner([rules], default_rules=False, cache_dir=tmp_path / "cache")

    assert len(files(tmp_path / "cache")) == 2
    assert "test-token" not in {each.rule_id for each in changed.scan(DATA).matches}


@pytest.mark.parametrize("damage", [b"", b"rubbish", None], ids=["empty", "rubbish", "cut"])
def test_a_damaged_database_is_compiled_again_and_that_is_said(tmp_path: Path, damage: bytes | None) -> None:
    load(tmp_path)
    place = files(tmp_path)[0]
    place.write_bytes(place.read_bytes()[:-100] if damage is None else damage)

    again = load(tmp_path)

    assert len(again.scan(DATA).matches) == 2
    assert "compiled again" in again.notes[0]
    assert load(tmp_path).notes == ()


def test_a_flipped_bit_in_a_rule_is_noticed_before_the_rule_is_asked_for(tmp_path: Path) -> None:
    load(tmp_path)
    place = files(tmp_path)[0]
    raw = bytearray(place.read_bytes())
    raw[raw.index(b'"advice":"') + 3] ^= 0x10
    place.write_bytes(raw)

    again = load(tmp_path)

    assert len(again.scan(DATA).matches) == 2
    assert "compiled again" in again.notes[0]


def test_a_start_makes_only_the_rules_that_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(tmp_path)
    made: list[str] = []

    def make(**fields: Any) -> Rule:
        made.append(fields["id"])
        return Rule(**fields)

    monkeypatch.setattr("pushwarden.detect.plan.Rule", make)

    second = load(tmp_path)
    second.scan(b"nothing to see")

    assert len(made) < len(second.rules) / 2
    assert second.rules.ids == first.rules.ids
    assert list(second.rules) == list(first.rules)
    assert len(made) == len(set(made)) == len(second.rules)


def test_a_flipped_bit_in_the_compiled_part_is_noticed(tmp_path: Path) -> None:
    load(tmp_path)
    place = files(tmp_path)[0]
    raw = bytearray(place.read_bytes())
    raw[-2000] ^= 0x10
    place.write_bytes(raw)

    again = load(tmp_path)

    assert len(again.scan(DATA).matches) == 2
    assert "compiled again" in again.notes[0]


def test_of_old_databases_only_those_used_last_stay(tmp_path: Path) -> None:
    for day in range(12):
        old = tmp_path / f"rules-{day}.db"
        old.touch()
        os.utime(old, (day * 86_400, day * 86_400))
    (tmp_path / "other").touch()

    load(tmp_path)

    (new,) = {each.name for each in files(tmp_path)} - {f"rules-{day}.db" for day in range(12)} - {"other"}
    assert [each.name for each in files(tmp_path) if each.name != new] == [
        "other", "rules-10.db", "rules-11.db", *(f"rules-{day}.db" for day in range(5, 10)),
    ]  # fmt: skip


def test_a_cache_that_cannot_be_written_is_said_and_no_obstacle(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")

    scanner = load(blocked / "cache")

    assert len(scanner.scan(DATA).matches) == 2
    assert "could not be kept" in scanner.notes[0]


def _start(cache: str) -> int:
    return len(load(Path(cache)).scan(DATA).matches)


def test_many_starts_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(_start, [str(tmp_path)] * 4) == [2] * 4

    assert len(files(tmp_path)) == 1


def test_without_hyperscan_the_plain_engine_serves_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    for name in ("pushwarden.detect.database", "pushwarden.detect.multi"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    scanner = load_scanner([RULES], default_rules=False)

    assert scanner.engine == "plain"
    assert "pip install hyperscan" in str(scanner.fallback_reason)
    assert len(scanner.scan(DATA).matches) == 2


def test_a_packaged_database_is_used_instead_of_the_rule_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushwarden.detect.load.default_rules_path", lambda: RULES)
    package_database(tmp_path / "rules.db")
    monkeypatch.setattr("pushwarden.detect.load.default_rules_path", lambda: tmp_path / "gone")
    monkeypatch.setenv(DATABASE_VARIABLE, str(tmp_path / "rules.db"))

    scanner = load_scanner()

    assert (scanner.engine, scanner.notes) == ("hyperscan", ())
    assert len(scanner.scan(DATA).matches) == 2


def test_a_packaged_database_that_does_not_fit_is_said_and_the_rules_are_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushwarden.detect.load.default_rules_path", lambda: RULES)
    (tmp_path / "rules.db").write_bytes(b"of another version")

    scanner = load_scanner(database=tmp_path / "rules.db")

    assert len(scanner.scan(DATA).matches) == 2
    assert "packaged rule database is not used" in scanner.notes[0]
