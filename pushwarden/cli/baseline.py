"""``pushwarden baseline``: accept today's findings, so that only new ones count."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import click

from pushwarden.cli.scan_progress import ProgressLine
from pushwarden.cli.scan_run import EXIT_INCOMPLETE
from pushwarden.cli.scan_settings import Flags, Settings, cache_dir, merge
from pushwarden.detect import RuleSet, load_scanner
from pushwarden.errors import UsageError
from pushwarden.history.local.history import Context
from pushwarden.history.local.model import Found
from pushwarden.history.local.repository import Repository, open_repository
from pushwarden.history.local.scan import scan_repository
from pushwarden.model import Confidence, Finding, Gap
from pushwarden.report.summary import number
from pushwarden.suppress import Kind, Stale, Suppressions, load
from pushwarden.suppress.baseline import ATTRIBUTES_NAME, Update, Words, make_mergeable, save, update
from pushwarden.suppress.config import read_config
from pushwarden.suppress.files import IGNORE_NAME, read_text
from pushwarden.suppress.ignore_file import parse
from pushwarden.suppress.value import KEY_BYTES, a_date

EPILOG: Final = """\b
Examples:
  pushwarden baseline                          accept everything that is found today
  pushwarden baseline --reason "revoked in May" --author Ada
  pushwarden baseline --until 2027-01-31       accept it for some time only
  pushwarden baseline --prune                  and forget entries that met nothing

\b
Exit codes:
  0 written (or nothing to write), 2 wrong usage, 4 written, but the scan was incomplete
"""


@click.command(epilog=EPILOG)
@click.argument("path", default=".", metavar="[PATH]")
@click.option("--reason", default="", help="Why the new entries are accepted.")
@click.option("--author", default="", help="Who accepts them.")
@click.option("--until", metavar="DATE", help="Last day of the new entries, such as 2027-01-31.")
@click.option("--prune", is_flag=True, help="Remove entries that met nothing and those whose day is over.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would change, and write nothing.")
@click.option("--rules", multiple=True, metavar="FILE_OR_DIR", help="More rules (repeatable).")
@click.option("--default-rules/--no-default-rules", default=None, help="Use the built-in rules (default: yes).")
@click.option("--config", metavar="FILE", help="Use FILE in place of .pushwarden.toml.")
@click.option("--min-confidence", type=click.Choice(["low", "medium", "high"]), help="Leave out findings below.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), help="Worker processes.")
def baseline(path: str, **options: Any) -> int:
    """Write the findings of a repository into .pushwarden-ignore.

    The file holds keyed fingerprints: no secret and no line number. Entries that are there stay as they are. A secret
    in a baseline still leaks to everybody who can read the repository: revoke it first.
    """
    words = Words(options["reason"], options["author"], _until(options["until"]))
    repository = open_repository(path)
    if not (repository.root / ".git").exists():
        raise UsageError(f"{repository.root} has no working tree to keep {IGNORE_NAME} in; run this in a clone")
    scanned = _scan(repository, _flags(options))
    change = _change(scanned, words, prune=options["prune"])
    _tell(scanned, change, dry_run=options["dry_run"])
    if not options["dry_run"]:
        save(scanned.root, change.file)
        if make_mergeable(scanned.root):
            print(f"{ATTRIBUTES_NAME}: git now keeps the lines of both sides when it merges {IGNORE_NAME}.")
    return EXIT_INCOMPLETE if scanned.gaps else 0


@dataclass(frozen=True, slots=True)
class _Scanned:
    root: Path
    suppressions: Suppressions
    found: tuple[Finding, ...]
    left: tuple[Finding, ...]
    stale: tuple[Stale, ...]
    gaps: tuple[Gap, ...]


def _until(text: str | None) -> date | None:
    return None if text is None else a_date("--until", "it", text)


def _flags(options: dict[str, Any]) -> Flags:
    return Flags(
        rules=tuple(Path(each) for each in options["rules"]),
        default_rules=options["default_rules"],
        config=Path(options["config"]) if options["config"] else None,
        min_confidence=options["min_confidence"],
        jobs=options["jobs"],
    )


def _scan(repository: Repository, flags: Flags) -> _Scanned:
    root = repository.root
    settings = merge(flags, read_config(root, flags.config))
    suppressions = load(root, config=flags.config)
    seen, gaps, rules = _found(repository, settings)
    whole = not gaps and settings.min_confidence is Confidence.LOW
    left, suppressed = suppressions.apply(
        seen, inline=lambda finding: seen[finding].allowed, whole=whole, known_rules=(rule.id for rule in rules)
    )
    stale = (*suppressed.unused, *suppressed.expired)
    return _Scanned(root, suppressions, tuple(seen), left, stale, tuple(gaps))


def _found(repository: Repository, settings: Settings) -> tuple[dict[Finding, Found], tuple[Gap, ...], RuleSet]:
    scanner = load_scanner(settings.rules, default_rules=settings.default_rules, cache_dir=cache_dir())
    progress = ProgressLine(enabled=sys.stderr.isatty())
    try:
        outcome = scan_repository(Context(repository, scanner, settings.limits, settings.jobs, progress))
    finally:
        progress.clear()
    lowest = settings.min_confidence
    found = {each.finding: each for each in outcome.found if each.finding.match.confidence >= lowest}
    return found, outcome.gaps, scanner.rules


def _change(scanned: _Scanned, words: Words, *, prune: bool) -> Update:
    return update(
        parse(read_text(scanned.root / IGNORE_NAME) or ""),
        scanned.suppressions,
        found=scanned.found,
        left=scanned.left,
        new_key=lambda: secrets.token_bytes(KEY_BYTES),
        words=words,
        remove=[each for each in scanned.stale if prune and each.kind is Kind.IGNORE_FILE],
    )


def _tell(scanned: _Scanned, change: Update, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    parts = [
        f"{number(change.added, 'secret')} {would}added",
        f"{change.kept:,} kept",
        f"{change.removed:,} {would}removed",
    ]
    print(f"{IGNORE_NAME}: {', '.join(parts)}.")
    if change.added:
        print("Revoke what was added: whoever can read the repository can read it.")
    if scanned.gaps:
        print(
            f"pushwarden: incomplete: {number(len(scanned.gaps), 'thing')} not scanned, first: {scanned.gaps[0].message}",
            file=sys.stderr,
        )
