"""The process that starts the functions' processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pushwarden.errors import PushwardenError
from pushwarden.local.starter import Starter

HERE = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}


def test_a_process_that_cannot_begin_ends_alone_and_its_log_says_why(tmp_path: Path) -> None:
    starter = Starter(["handlers.lock"], HERE)
    try:
        for name in ("one", "two"):
            pid = starter.start({**HERE, "LOCAL_HANDLER": f"handlers.{name}.handler"}, tmp_path / f"{name}.log")
            assert starter.ended(pid, 30)
            assert f"No module named 'handlers.{name}'" in (tmp_path / f"{name}.log").read_text()
    finally:
        starter.stop()


def test_a_starter_that_cannot_begin_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    starter = Starter(["handlers.nothing"], HERE)
    with pytest.raises(PushwardenError, match="has ended"):
        starter.start({}, tmp_path / "log")
    starter.stop()
    assert "No module named 'handlers.nothing'" in capfd.readouterr().err
