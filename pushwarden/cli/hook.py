"""``pushwarden hook``: the same scan, run by git."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from pushwarden.cli.scan_run import run
from pushwarden.cli.scan_settings import Flags, Settings
from pushwarden.cli.scan_target import Target
from pushwarden.history.local.git import hook_environment
from pushwarden.history.local.history import Context
from pushwarden.history.local.model import Outcome, Report, Scanner
from pushwarden.history.local.push import Pushed, from_pre_commit, parse_pre_push, parse_pre_receive
from pushwarden.history.local.repository import Repository, open_repository
from pushwarden.history.local.scan import scan_index, scan_new

EPILOG: Final = """\b
Install one (the file must be executable):
  echo 'exec pushwarden hook pre-commit' > .git/hooks/pre-commit
  echo 'exec pushwarden hook pre-push "$@"' > .git/hooks/pre-push
  echo 'exec pushwarden hook pre-receive' > /srv/repository.git/hooks/pre-receive

An incomplete scan stops the commit or push as well (exit code 4).
"""


@click.command(epilog=EPILOG)
@click.argument("kind", type=click.Choice(["pre-commit", "pre-push", "pre-receive"]))
@click.argument("args", nargs=-1)
@click.option("--rules", multiple=True, metavar="FILE_OR_DIR", envvar="PUSHWARDEN_RULES", help="More rules.")
@click.option("--config", metavar="FILE", envvar="PUSHWARDEN_CONFIG", help="Use FILE in place of .pushwarden.toml.")
@click.option("--min-confidence", type=click.Choice(["low", "medium", "high"]), help="Leave out findings below.")
@click.option("--fail-on", type=click.Choice(["low", "medium", "high"]), help="Stop from this confidence (low).")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but findings and errors.")
def hook(kind: str, args: tuple[str, ...], **options: Any) -> int:
    """Run as a git hook: pre-commit, pre-push or pre-receive.

    pre-commit scans what is staged; the others read from standard input which refs are pushed, and scan the commits that
    the other side does not have. Git runs the hook with the right ARGS by itself.
    """
    options["rules"] = tuple(Path(each) for each in options["rules"])
    options["config"] = Path(options["config"]) if options["config"] else None
    flags = Flags(**options)
    if kind == "pre-commit":
        return run(_staged(), flags)
    pushed = from_pre_commit(os.environ) if kind == "pre-push" else None
    if pushed is None:
        text = sys.stdin.read()
        pushed = parse_pre_push(text) if kind == "pre-push" else parse_pre_receive(text)
    if not pushed.tips:
        return 0
    if kind == "pre-push":
        return run(_new(open_repository("."), pushed, [*_remote(args), *pushed.old]), flags)
    # The pushed objects wait in quarantine, where only git's own variables lead to.
    return run(_new(open_repository(".", hook_environment()), pushed, ["--all"]), flags)


def _remote(args: Sequence[str]) -> list[str]:
    """Return what is known of the remote: its tracking branches, where it has a name."""
    name = args[0] if args else os.environ.get("PRE_COMMIT_REMOTE_NAME", "")
    return [f"--remotes={name}"] if name and "/" not in name else []


def _staged() -> Target:
    index = os.environ.get("GIT_INDEX_FILE")  # `git commit -a` and `git commit FILE` have one of their own
    repository = open_repository(".", {"GIT_INDEX_FILE": str(Path(index).absolute())} if index else None)

    def scan_it(scanner: Scanner, settings: Settings, report: Report) -> Outcome:
        return scan_index(Context(repository, scanner, settings.limits, settings.jobs, report))

    return Target(root=repository.root, shown=repository.root.name, scan=scan_it, whole=False)


def _new(repository: Repository, pushed: Pushed, known: Sequence[str]) -> Target:
    def scan_it(scanner: Scanner, settings: Settings, report: Report) -> Outcome:
        context = Context(repository, scanner, settings.limits, settings.jobs, report)
        return scan_new(context, pushed.tips, known)

    return Target(root=repository.root, shown=repository.root.name, scan=scan_it, whole=False)
