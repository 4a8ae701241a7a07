from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pushwarden.errors import UsageError
from pushwarden.model import Confidence
from pushwarden.suppress.config import ScanSettings, read_config

FINGERPRINT = "0d2f9a7be1c34455a6b7c8d9e0f10213"


def read(tmp_path: Path, content: str) -> Any:
    (tmp_path / ".pushwarden.toml").write_text(content)
    return read_config(tmp_path)


def test_no_file_means_no_settings(tmp_path: Path) -> None:
    config = read_config(tmp_path)

    assert (config.path, config.scan, config.entries, config.keys) == (None, ScanSettings(), (), ())


def test_settings_are_read(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [scan]
        rules = ["rules", "/etc/rules.toml"]
        default_rules = false
        min_confidence = "medium"
        fail_on = "high"
        format = "sarif"
        color = "never"
        jobs = 3
        cache = false
        """,
    )

    assert config.scan == ScanSettings(
        rules=(tmp_path / "rules", type(tmp_path)("/etc/rules.toml")),
        default_rules=False,
        min_confidence=Confidence.MEDIUM,
        fail_on=Confidence.HIGH,
        format="sarif",
        color="never",
        jobs=3,
        cache=False,
    )


def test_suppressions_are_read(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        f"""
        key = "{"ab" * 32}"

        [[suppress]]
        fingerprints = ["{FINGERPRINT}"]
        reason = "test account"
        author = "Ada"
        until = 2027-01-31

        [[suppress]]
        paths = ["tests/**"]
        rules = ["generic-*"]
        reason = "made up"
        """,
    )

    first, second = config.entries
    assert config.keys == (b"\xab" * 32,)
    assert (first.fingerprints, first.until, first.author) == (frozenset({FINGERPRINT}), date(2027, 1, 31), "Ada")
    assert first.where == ".pushwarden.toml:4"
    assert (second.paths, second.rules, second.where) == (("tests/**",), ("generic-*",), ".pushwarden.toml:10")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "[scan]\nmin_confidenc = 'low'",
            r'\.pushwarden\.toml:2: unknown key .* in scan; did you mean "min_confidence"',
        ),
        ("[scna]", r'\.pushwarden\.toml:1: unknown key \'scna\'; did you mean "scan"'),
        ("[scan]\njobs = 0", r"toml:2: jobs is a whole number from 1"),
        ("[scan]\njobs = true", r"toml:2: jobs is a whole number"),
        ("[scan]\n\ncolor = 'alway'", r'toml:3: color cannot be \'alway\'; did you mean "always"'),
        ("[scan]\nformat = 'pdf'", r"toml:2: format cannot be 'pdf'"),
        ("[scan]\nfail_on = 3", r"toml:2: fail_on cannot be 3; known are: low, medium, high"),
        ("[scan]\ncache = 'yes'", r"toml:2: cache is true or false, without quotes"),
        ("[scan]\nrules = 'x'", r'toml:2: rules is a list of texts; write rules = \["...", "..."\]'),
        ("scan = 3", r"toml:1: scan is a table"),
        ("suppress = 3", r"each suppression is a table; write \[\[suppress\]\]"),
        ("[[suppress]]\nreason = 'x'", r"toml:1: this suppresses everything"),
        ("\n[[suppress]]\nrules = ['a']", r"toml:2: a suppression needs a reason"),
        ("[[suppress]]\nrule = ['a']", r'toml:1: unknown key \'rule\' in suppress; did you mean "rules"'),
        ("[[suppress]]\nfingerprint = 'hunter2'\nreason = 'x'", r"toml:1: a fingerprint is 32 digits"),
        ("[[suppress]]\nrules = ['a']\nreason = 'x'\nuntil = 'May'", r"toml:1: until is a date; write until = 2027"),
        ("key = 'short'", r"toml:1: key is 64 random hex digits; `pushwarden baseline` makes one"),
        ("a = = 1", r"this is no TOML: .*line 1"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_remedy(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, content)


def test_a_value_that_may_be_a_secret_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    for content in ("[[suppress]]\nfingerprint = 'hunter2'\nreason = 'x'", "key = 'hunter2'"):
        with pytest.raises(UsageError) as caught:
            read(tmp_path, content)
        assert "hunter2" not in str(caught.value)


def test_another_file_can_be_named_and_must_exist(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    with pytest.raises(UsageError, match="there is no such configuration file; check --config"):
        read_config(tmp_path, other)

    other.write_text("[scan]\njobs = 2")
    assert read_config(tmp_path, other).scan.jobs == 2


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".pushwarden.toml").mkdir()

    with pytest.raises(UsageError, match="this is no regular file"):
        read_config(tmp_path)


def test_bytes_that_are_no_utf_8_are_an_error_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / ".pushwarden.toml").write_bytes(b'[scan]\nformat = "\xff"')

    with pytest.raises(UsageError):
        read_config(tmp_path)
