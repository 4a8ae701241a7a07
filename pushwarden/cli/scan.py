"""``pushwarden scan``: options in, one call, exit code out."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pushwarden.cli.scan_settings import COLORS, Flags, Settings, cache_dir
from pushwarden.cli.scan_target import Target
from pushwarden.errors import UsageError
from pushwarden.history.local.pool import default_jobs

if TYPE_CHECKING:
    from pushwarden.detect import Scanner
    from pushwarden.history.local.early import Started
    from pushwarden.history.local.model import Outcome, Report
    from pushwarden.history.local.repository import Repository

EPILOG: Final = """\b
Examples:
  pushwarden scan                        every commit, ref and file of this repository
  pushwarden scan --staged               what the next commit adds (pre-commit)
  pushwarden scan --range main..HEAD     the commits of a branch
  pushwarden scan --files src config     files as they are, without git
  git diff | pushwarden scan -           standard input
  pushwarden scan -o report.html -o report.sarif

\b
Exit codes:
  0 clean, 1 findings at or above --fail-on, 2 wrong usage,
  4 incomplete (something could not be scanned), 130 interrupted, 128 unexpected
"""

LEVELS: Final = click.Choice(["low", "medium", "high"])


def _variable(name: str) -> str:
    return f"PUSHWARDEN_{name}"


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--files", is_flag=True, help="Scan files and folders as they are, without git.")
@click.option("--range", "range_", metavar="A..B", help="Only commits that B has and A has not.")
@click.option("--since", metavar="DATE", help="Only commits after DATE, as git reads dates.")
@click.option("--branch", metavar="NAME", help="Only the history of one branch, tag or commit.")
@click.option("--staged", is_flag=True, help="Only what the next commit would add.")
@click.option("--unstaged", is_flag=True, help="Only changed and untracked files of the working tree.")
@click.option(
    "--rules", multiple=True, metavar="FILE_OR_DIR", envvar=_variable("RULES"), help="More rules (repeatable)."
)
@click.option("--default-rules/--no-default-rules", default=None, help="Use the built-in rules (default: yes).")
@click.option("--config", metavar="FILE", envvar=_variable("CONFIG"), help="Use FILE in place of .pushwarden.toml.")
@click.option(
    "-f", "--format", "formats", multiple=True, metavar="FORMAT", envvar=_variable("FORMAT"),
    help="text, json, jsonl, sarif, csv, junit, html, github or gitlab.",
)  # fmt: skip
@click.option("-o", "--output", "outputs", multiple=True, metavar="FILE", help="Write a report to FILE (repeatable).")
@click.option("--min-confidence", type=LEVELS, envvar=_variable("MIN_CONFIDENCE"), help="Leave out findings below.")
@click.option("--fail-on", type=LEVELS, envvar=_variable("FAIL_ON"), help="Exit with 1 from this confidence (low).")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings (not if incomplete).")
@click.option("--show-secrets", is_flag=True, help="Write secrets out instead of ********.")
@click.option("--color", type=click.Choice(COLORS), envvar=_variable("COLOR"), help="Colours (default: auto).")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), envvar=_variable("JOBS"), help="Worker processes.")
@click.option("--cache/--no-cache", default=None, envvar=_variable("CACHE"), help="Remember what is clean (yes).")
@click.option("--max-file-size", type=click.IntRange(1), metavar="BYTES", help="Larger content is a gap (no limit).")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but reports and errors.")
@click.option("-v", "--verbose", count=True, help="Say more on standard error.")
def scan(paths: tuple[str, ...], **options: Any) -> int:
    """Scan a repository, files or standard input for secrets.

    Without options, PATH (default: here) is a git repository, and everything in it is scanned: the history of all
    branches, tags, remotes, stashes, notes and reflogs, objects that nothing refers to any more, and the files of
    the working tree that git does not ignore.
    """
    target = _target(paths, options)
    from pushwarden.cli.scan_run import run  # noqa: PLC0415 - git works meanwhile

    return run(target, _flags(options))


def _flags(options: dict[str, Any]) -> Flags:
    return Flags(
        rules=tuple(Path(each) for each in options["rules"]),
        config=Path(options["config"]) if options["config"] else None,
        **{
            name: options[name]
            for name in (
                "default_rules", "formats", "outputs", "min_confidence", "fail_on", "color", "jobs", "cache",
                "max_file_size", "show_secrets", "exit_zero", "quiet", "verbose",
            )
        },
    )  # fmt: skip


def _target(paths: tuple[str, ...], options: dict[str, Any]) -> Target:
    """Return what to scan.

    Raises:
        UsageError: options exclude each other, or one is empty.
    """
    narrow = {
        "--range": options["range_"],
        "--since": options["since"],
        "--branch": options["branch"],
        "--staged": options["staged"],
        "--unstaged": options["unstaged"],
    }
    for name in [name for name, value in narrow.items() if value == ""]:  # a variable that a script forgot to set
        raise UsageError(f"{name} is empty; say what to scan, or leave it out to scan everything")
    if "" in paths:
        raise UsageError("a PATH is empty; give the name of a file or folder, or leave it out to scan this folder")
    said = [name for name, value in narrow.items() if value]
    if paths == ("-",) or options["files"]:
        if said:
            raise UsageError(f"{said[0]} is about a git repository; leave it out, or leave out --files and -")
        return _stdin_target() if paths == ("-",) else _files_target(paths or (".",))
    if len(paths) > 1:
        raise UsageError("give one repository; to scan several files or folders as they are, add --files")
    if len(said) > 1 and {*said} & {"--staged", "--unstaged"}:
        raise UsageError(f"{said[0]} and {said[1]} exclude each other; scan twice")
    return _repository_target(paths[0] if paths else ".", options, whole=not said)


def _repository_target(folder: str, options: dict[str, Any], *, whole: bool) -> Target:
    from pushwarden.history.local.repository import open_repository  # noqa: PLC0415 - files and streams do not need it

    # `git commit -a` and `git commit FILE` tell their hooks of an index of their own.
    index = os.environ.get("GIT_INDEX_FILE") if options["staged"] and folder == "." else None
    repository = open_repository(folder, {"GIT_INDEX_FILE": os.path.abspath(index)} if index else None)  # noqa: PTH100
    started = _start(repository, options) if whole else None
    from pushwarden.history.local import scan as ways  # noqa: PLC0415 - git works meanwhile
    from pushwarden.history.local.history import Context  # noqa: PLC0415

    if started is not None:
        started.log.split(2 * (options["jobs"] or default_jobs()))
    selection = ways.Selection(options["range_"], options["since"], options["branch"])

    def scan_it(scanner: Scanner, settings: Settings, report: Report) -> Outcome:
        # Other limits, other results: both are part of what a remembered result holds for.
        context = Context(repository, scanner, settings.limits, settings.jobs, report, started=started)
        if whole and settings.cache:
            from pushwarden.history.local.memory import Memory  # noqa: PLC0415

            context = replace(context, memory=Memory(cache_dir(), f"{scanner.rules.digest} {settings.limits}"))
        if options["staged"]:
            return ways.scan_index(context)
        if options["unstaged"]:
            return ways.scan_unstaged(context)
        return ways.scan_repository(context) if whole else ways.scan_selection(context, selection)

    return Target(root=repository.root, shown=repository.root.name or str(repository.root), scan=scan_it, whole=whole)


def _start(repository: Repository, options: dict[str, Any]) -> Started | None:
    """Let git begin to list what there is; not where a remembered scan will probably do without."""
    from pushwarden.history.local.early import Started, place_of  # noqa: PLC0415 - only whole scans need it

    if options["cache"] is not False and place_of(cache_dir(), repository.common_dir).exists():
        return None
    try:
        started = Started(repository.git)
    except OSError:  # no room for what git says: the scan will meet that as well, and tell
        return None
    click.get_current_context().call_on_close(started.close)  # whatever ends this command ends git
    return started


def _files_target(paths: tuple[str, ...]) -> Target:
    from pushwarden.history.local.files import scan_files  # noqa: PLC0415 - a hook does not need it

    return Target(
        root=Path(),
        shown=" ".join(paths),
        scan=lambda scanner, settings, report: scan_files(
            paths, scanner, jobs=settings.jobs, limits=settings.limits, report=report
        ),
        whole=False,
    )


def _stdin_target() -> Target:
    from pushwarden.history.local.files import scan_stream  # noqa: PLC0415 - a hook does not need it

    return Target(
        root=Path(),
        shown="<stdin>",
        scan=lambda scanner, settings, _: scan_stream(sys.stdin.buffer, scanner, settings.limits),
        whole=False,
    )
