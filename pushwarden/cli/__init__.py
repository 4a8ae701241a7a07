"""The command line: the only place that prints or exits.

Commands are imported when they are called, not before, so that a hook that runs on every commit starts fast.
"""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from typing import Final

import click

from pushwarden import __version__
from pushwarden.errors import PushwardenError, UsageError

COMMANDS: Final = {
    "backfill": ("pushwarden.cli.backfill:backfill", "Scan the history that was there before Pushwarden was."),
    "baseline": ("pushwarden.cli.baseline:baseline", "Write down today's findings, so that only new ones count."),
    "completion": ("pushwarden.cli.completion:completion", "Print the completion script of a shell."),
    "doctor": ("pushwarden.cli.doctor:doctor", "Check a deployed Pushwarden and the caller's rights."),
    "hook": ("pushwarden.cli.hook:hook", "Run as a git hook: pre-commit, pre-push or pre-receive."),
    "local": ("pushwarden.cli.local:local", "Run the whole service on this machine, without AWS."),
    "restore": ("pushwarden.cli.restore:restore", "Give back commits that a reset removed."),
    "rules": ("pushwarden.cli.rules:rules", "List, show and check the rules."),
    "scan": ("pushwarden.cli.scan:scan", "Scan a repository, files or standard input for secrets."),
    "unlock": ("pushwarden.cli.unlock:unlock", "Lift the lock of a repository after a leak was dealt with."),
}
"""Each command: where its click command is, and the line that ``pushwarden --help`` shows."""
_OBJECTS: Final = 50_000
"""So many new objects before Python looks for garbage: modules and rules are many, and all of them stay."""

EXIT_USAGE: Final = 2
EXIT_UNEXPECTED: Final = 128
EXIT_INTERRUPTED: Final = 130
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
EXIT_BROKEN_PIPE: Final = 141
"""As a shell tells of any program whose reader went away (``| head``): 128 and the number of SIGPIPE."""


class LazyGroup(click.Group):
    """A group whose commands are imported at their first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None where there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pushwarden")
def cli() -> None:
    """Find secrets in git, and guard AWS CodeCommit against them."""


def main() -> None:
    """Run the command line and exit.

    0 clean, 1 findings, 2 usage, 4 incomplete, 128 unexpected, 130 interrupted, 141 nobody read what was printed.
    """
    gc.set_threshold(_OBJECTS)
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except SystemExit:  # click's answer to a broken pipe; its exit code 1 would mean findings
        code = _broken_pipe()
    except click.ClickException as error:
        error.show()
        code = EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("pushwarden: interrupted", err=True)
        code = EXIT_INTERRUPTED
    except UsageError as error:
        click.echo(f"pushwarden: {error}", err=True)
        code = EXIT_USAGE
    except PushwardenError as error:
        click.echo(f"pushwarden: {error}", err=True)
        code = EXIT_UNEXPECTED
    except OSError as error:
        code = _full(error) if error.errno in _FULL else _unforeseen(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: Python's own exit code 1 would mean findings
        code = _unforeseen(error)
    gc.freeze()  # all that is left ends with the process: looking through it for garbage takes 20 ms
    sys.exit(code if isinstance(code, int) else 0)


def _broken_pipe() -> int:
    """End quietly; return the exit code."""
    _print_no_more()
    return EXIT_BROKEN_PIPE


def _full(error: OSError) -> int:
    """Tell that there is no room for what was to be written; return the exit code."""
    _print_no_more()
    click.echo(f"pushwarden: {error.strerror}: not everything could be written; make room and run it again", err=True)
    return EXIT_UNEXPECTED


def _print_no_more() -> None:
    """Keep Python from writing what is left, and from complaining, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unforeseen(error: Exception) -> int:
    """Tell of an error that no command has foreseen; return the exit code."""
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if missing not in {"", "pushwarden", "handlers"}:
        click.echo(
            f"pushwarden: this command needs {missing}, which is not installed; in a clone of the project,"
            " `pip install '.[local]'` installs what every command needs",
            err=True,
        )
        return EXIT_USAGE
    import traceback  # noqa: PLC0415 - slow to import, and hardly ever needed

    # Without its message: nobody foresaw the error, so nobody knows what it quotes.
    places = "".join(traceback.format_tb(error.__traceback__))
    click.echo(f"{places}{type(error).__name__}", err=True)
    click.echo("pushwarden: this is a defect of pushwarden; please report it with the lines above", err=True)
    return EXIT_UNEXPECTED
