"""From rule files to a scanner, by way of the compiled database."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pushwarden.detect.plain import PlainEngine
from pushwarden.detect.plan import Plan
from pushwarden.detect.rulefile import RuleFile, rule_files
from pushwarden.detect.scanner import Scanner
from pushwarden.errors import UsageError

if TYPE_CHECKING:
    from pushwarden.detect.database import Loaded

ENGINES: Final = ("auto", "hyperscan", "plain")
DATABASE_VARIABLE: Final = "PUSHWARDEN_RULE_DB"
"""Environment variable: path of a compiled database to use instead of the rule files (a Lambda asset has one)."""


def default_rules_path() -> Path:
    """Return the folder of the rules that come with Pushwarden: inside the package, or beside it in a work tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "patterns"
    return installed if installed.is_dir() else package.parent / "patterns"


def load_scanner(
    rules: Sequence[Path] = (),
    *,
    default_rules: bool = True,
    engine: str = "auto",
    cache_dir: Path | None = None,
    database: Path | None = None,
    compiling: Callable[[], None] | None = None,
) -> Scanner:
    """Make a scanner.

    Args:
        rules: rule files or folders, in addition to the ones that come with Pushwarden.
        default_rules: whether to use those as well.
        engine: ``hyperscan``, ``plain``, or ``auto``: hyperscan if it can be loaded, else plain, and
            :attr:`Scanner.fallback_reason` says why.
        cache_dir: where compiled databases are kept; None keeps none.
        database: a compiled database made by :func:`package_database`, used instead of the default rules' files;
            the variable ``PUSHWARDEN_RULE_DB`` names one too. Only when no ``rules`` are given.
        compiling: called before the rules are compiled because no database has them yet, which takes seconds.

    Raises:
        RuleError: a rule file is wrong.
        UsageError: no rules at all, no such engine, or hyperscan was asked for and cannot be loaded.
    """
    if engine not in ENGINES:
        raise UsageError(f"no engine {engine!r}; choose one of {', '.join(ENGINES)}")
    paths = [*([default_rules_path()] if default_rules else []), *rules]
    if not paths:
        raise UsageError("no rules to scan with; give rule files or leave the default rules on")
    packaged = database or _packaged()
    reason = None
    if engine != "plain":
        try:
            return _fast(paths, cache_dir, packaged if default_rules and not rules else None, compiling or _silent)
        except ImportError as error:
            reason = f"hyperscan cannot be loaded ({error}); install it with pip install hyperscan"
        if engine == "hyperscan":
            raise UsageError(reason)
    plan = _plan([RuleFile.read(path) for path in rule_files(paths)])
    return Scanner(plan, PlainEngine(plan.matchers, plan.probes), fallback_reason=reason)


def package_database(path: Path, rules: Sequence[Path] = ()) -> None:
    """Compile the default rules, and ``rules``, into the file ``path``, for a place where they will not change.

    Raises:
        RuleError: a rule file is wrong.
        ImportError: hyperscan is not installed.
    """
    from pushwarden.detect.database import compile_plan, write_database  # noqa: PLC0415 - needs hyperscan

    # By their names alone: the same rules give the same database, wherever they lie.
    read = [RuleFile.read(each) for each in rule_files([default_rules_path(), *rules])]
    files = [replace(each, path=Path(each.path.name)) for each in read]
    write_database(path, compile_plan(_plan(files)))


def cached_database(cache_dir: Path) -> Path | None:
    """Return the default rules' database in the cache, compiled if it is not there yet; None where that cannot be done.

    Raises:
        RuleError: a rule file is wrong.
    """
    try:
        from pushwarden.detect.database import cache_name  # noqa: PLC0415 - needs hyperscan
    except ImportError:
        return None
    files = _read([default_rules_path()], cache_dir)
    _cached(files, cache_dir, [])
    place = cache_dir / cache_name((str(file.path), file.text.encode()) for file in files)
    return place if place.exists() else None


def _read(paths: Sequence[Path], cache_dir: Path | None) -> list[RuleFile]:
    """Read rule files. Without a cache somebody tries rules out: then the ones that come with Pushwarden are checked, too."""
    shipped = default_rules_path()
    read = [RuleFile.read(path) for path in rule_files(paths)]
    return [replace(file, checked=cache_dir is not None and file.path.parent == shipped) for file in read]


def _packaged() -> Path | None:
    named = os.environ.get(DATABASE_VARIABLE)
    return Path(named) if named else None


def _plan(files: Sequence[RuleFile]) -> Plan:
    from pushwarden.detect.loader import load_rules  # noqa: PLC0415 - not needed where the compiled rules are read
    from pushwarden.detect.planning import make_plan  # noqa: PLC0415 - likewise

    return make_plan(load_rules(files))


def _fast(
    paths: Sequence[Path], cache_dir: Path | None, packaged: Path | None, compiling: Callable[[], None]
) -> Scanner:
    """Make a scanner with hyperscan.

    Raises:
        ImportError: hyperscan is not installed, or not for this machine.
    """
    from pushwarden.detect.database import DatabaseError, read_database  # noqa: PLC0415 - needs hyperscan

    notes: list[str] = []
    if packaged is not None:
        try:
            return _scanner(read_database(packaged), notes)
        except DatabaseError as error:
            notes.append(f"the packaged rule database is not used, and the rules were compiled again: {error}")
    files = _read(paths, cache_dir)
    return _scanner(_cached(files, cache_dir, notes, compiling), notes)


def _scanner(loaded: Loaded, notes: Sequence[str]) -> Scanner:
    return Scanner(loaded.plan, loaded.engine, notes=tuple(notes))


def _silent() -> None:
    pass


def _cached(
    files: Sequence[RuleFile], cache_dir: Path | None, notes: list[str], compiling: Callable[[], None] = _silent
) -> Loaded:
    """Read the compiled database from the cache, or compile it and put it there."""
    from pushwarden.detect.database import (  # noqa: PLC0415 - needs hyperscan
        DatabaseError,
        cache_name,
        compile_plan,
        drop_old,
        read_database,
        write_database,
    )

    if cache_dir is None:
        compiling()
        return compile_plan(_plan(files))
    place = cache_dir / cache_name((str(file.path), file.text.encode()) for file in files)
    if place.exists():
        try:
            return read_database(place)
        except DatabaseError as error:
            notes.append(f"the rules were compiled again: {error}")
    compiling()
    loaded = compile_plan(_plan(files))
    try:
        write_database(place, loaded)
        drop_old(cache_dir)
    except OSError as error:
        notes.append(f"the compiled rules could not be kept in {cache_dir}: {error.strerror}")
    return loaded
