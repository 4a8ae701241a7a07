from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pushwarden.model import Finding, Secret
from pushwarden.suppress import Entry, Kind, Suppressed, Suppressions, load
from pushwarden.suppress.apply import PUBLIC_KEY

KEY = b"\xab" * 32
OTHER_KEY = b"\xcd" * 32
TODAY = date(2026, 11, 23)


def entry(
    finding: Finding | None = None,
    *,
    key: bytes = KEY,
    kind: Kind = Kind.CONFIG,
    where: str = "here:1",
    **conditions: Any,
) -> Entry:
    prints = () if finding is None else (finding.match.secret.fingerprint(key, finding.match.rule_id),)
    return Entry(kind, where, frozenset(prints), **conditions)


def left(entries: list[Entry], findings: list[Finding], **options: Any) -> tuple[tuple[Finding, ...], Suppressed]:
    return Suppressions((KEY,), tuple(entries), today=TODAY).apply(findings, **options)


def test_the_fingerprint_is_keyed_by_the_repository(make: Callable[..., Finding]) -> None:
    finding = make("tok-1")

    assert Suppressions((KEY, OTHER_KEY)).fingerprint(finding) == Secret(b"tok-1").fingerprint(KEY, "example-token")
    assert Suppressions().fingerprint(finding) == Secret(b"tok-1").fingerprint(PUBLIC_KEY, "example-token")


def test_a_value_is_suppressed_wherever_it_moves_and_nothing_else(make: Callable[..., Finding]) -> None:
    moved = [make("tok-1", path="b", line=99, commit="ab" * 20), make("tok-1", path="c")]
    others = [make("tok-2"), make("tok-1", rule_id="other-rule")]

    kept, suppressed = left([entry(make("tok-1"))], moved + others)

    assert kept == tuple(others)
    assert (suppressed.total, suppressed.by_kind) == (2, {"config": 2})


@pytest.mark.parametrize("key", [OTHER_KEY, PUBLIC_KEY])
def test_an_entry_under_another_key_of_the_repository_still_counts(key: Any, make: Callable[..., Finding]) -> None:
    suppressions = Suppressions((KEY, OTHER_KEY), (entry(make("tok-1"), key=key),))

    assert suppressions.apply([make("tok-1")])[0] == ()


def test_paths_and_rules_limit_an_entry(make: Callable[..., Finding]) -> None:
    inside, outside = make("tok-1", path="tests/data/a.py"), make("tok-1", path="src/a.py")

    assert left([entry(inside, paths=("tests/**",))], [inside, outside])[0] == (outside,)
    assert left([entry(paths=("tests/**",), rules=("example-*",))], [inside, outside])[0] == (outside,)
    assert left([entry(rules=("generic-*",))], [inside])[0] == (inside,)


def test_the_last_day_still_counts_and_the_day_after_is_reported(make: Callable[..., Finding]) -> None:
    finding = make()

    on_the_day, _ = left([entry(finding, until=TODAY)], [finding])
    after, suppressed = left([entry(finding, until=date(2026, 11, 22))], [finding])

    assert on_the_day == ()
    assert after == (finding,)
    assert [stale.until for stale in suppressed.expired] == [date(2026, 11, 22)]
    assert suppressed.unused == ()


def test_a_suppression_that_met_nothing_is_unused_only_after_a_whole_scan(make: Callable[..., Finding]) -> None:
    entries = [entry(make("tok-gone"), where="a:1", reason="old"), entry(make("tok-1"), where="a:2")]

    _, whole = left(entries, [make("tok-1")])
    _, part = left(entries, [make("tok-1")], whole=False)

    assert [(stale.where, stale.what.split()[1:]) for stale in whole.unused] == [("a:1", ["(old)"])]
    assert part.unused == ()


def test_a_finding_counts_once_and_every_entry_that_meets_it_is_used(make: Callable[..., Finding]) -> None:
    finding = make()
    entries = [entry(finding, kind=Kind.IGNORE_FILE), entry(finding), entry(paths=("src/**",))]

    kept, suppressed = left(entries, [finding], inline=lambda _: True)

    assert kept == ()
    assert (suppressed.total, suppressed.by_kind, suppressed.unused) == (1, {"inline": 1}, ())


def test_inline_comments_are_asked_per_finding(make: Callable[..., Finding]) -> None:
    allowed, not_allowed = make(line=1), make(line=2)

    kept, suppressed = left([], [allowed, not_allowed], inline=lambda finding: finding is allowed)

    assert kept == (not_allowed,)
    assert suppressed.by_kind == {"inline": 1}


def test_all_files_of_a_repository_are_read_together(tmp_path: Path, make: Callable[..., Finding]) -> None:
    one, two, three = make("tok-1"), make("tok-2", path="b.py", line=3), make("tok-3", path="c.py")
    fingerprint = one.match.secret.fingerprint(KEY, one.match.rule_id)
    (tmp_path / ".pushwarden-ignore").write_text(f"key {KEY.hex()}\n{fingerprint}\n")
    (tmp_path / ".gitleaksignore").write_text("b.py:any:3\n")
    (tmp_path / ".pushwarden.toml").write_text('[[suppress]]\npaths = ["c.py"]\nreason = "x"\n')

    suppressions = load(tmp_path, today=TODAY)
    kept, suppressed = suppressions.apply([one, two, three])

    assert suppressions.keys == (KEY,)
    assert kept == ()
    assert suppressed.by_kind == {"config": 1, "ignore-file": 1, "gitleaksignore": 1}


def test_a_folder_without_any_file_suppresses_nothing(tmp_path: Path, make: Callable[..., Finding]) -> None:
    kept, suppressed = load(tmp_path).apply([make()])

    assert len(kept) == 1
    assert suppressed.total == 0


def test_no_secret_is_in_what_stale_suppressions_say(make: Callable[..., Finding]) -> None:
    finding = make("hunter2-but-longer")

    _, suppressed = left([entry(finding, reason="old")], [])

    assert "hunter2" not in repr(suppressed)
    assert finding.match.secret.fingerprint(KEY, "example-token") not in repr(suppressed)
