from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("which", ["again", "full", "other"])
def test_the_checks_of_cdk_nag_find_nothing_unexplained(assembly: Path, which: str) -> None:
    assert (assembly / which / "error.txt").read_text() == ""


def test_the_checks_of_cdk_nag_do_find_things(assembly: Path) -> None:
    assert "Validation failed" in (assembly / "bait" / "error.txt").read_text()
    assert "AwsSolutions-SQS3" in (assembly / "bait" / "validation-report.json").read_text()


def test_the_same_input_gives_the_same_template_and_assets(assembly: Path) -> None:
    for name in ("pushwarden.template.json", "pushwarden.assets.json"):
        assert (assembly / "plain" / name).read_bytes() == (assembly / "again" / name).read_bytes()


def test_cfn_lint_finds_no_error(assembly: Path) -> None:
    templates = [str(next((assembly / which).glob("*.template.json"))) for which in ("plain", "other")]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), "--non-zero-exit-code", "error", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert not re.search(r"^E\d", done.stdout, re.MULTILINE)
