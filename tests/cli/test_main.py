from __future__ import annotations

import sys

import click
import pytest

from pushwarden import cli
from pushwarden.errors import PushwardenError, UsageError


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (UsageError("what, where, what next"), 2),
        (PushwardenError("out of luck"), 128),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("never foreseen"), 128),
        (ModuleNotFoundError("never foreseen", name="pushwarden.missing"), 128),
        (ModuleNotFoundError("No module named 'boto3'", name="boto3.session"), 2),
        (click.UsageError("no such option"), 2),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: BaseException, code: int
) -> None:
    def failing(**_: object) -> None:
        raise raised

    monkeypatch.setattr(cli.cli, "main", failing)
    with pytest.raises(SystemExit) as exit_:
        cli.main()

    assert exit_.value.code == code
    shown = capsys.readouterr().err
    assert shown
    assert "never foreseen" not in shown  # what an unforeseen error quotes may be a secret


def test_a_command_whose_extra_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setattr(sys, "argv", ["pushwarden", "doctor"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()

    assert exit_.value.code == cli.EXIT_USAGE
    shown = capsys.readouterr().err
    assert "needs boto3" in shown
    assert "pip install '.[local]'" in shown
    assert "Traceback" not in shown


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    cli.cli(["--help"], standalone_mode=False)

    shown = capsys.readouterr().out
    assert [name for name in cli.COMMANDS if name not in shown] == []


def test_every_command_can_be_imported() -> None:
    group = cli.cli
    context = click.Context(group)
    for name in cli.COMMANDS:
        assert isinstance(group.get_command(context, name), click.Command), name
