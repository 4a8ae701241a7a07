"""``pushwarden rules``: list, show and check the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import click

from pushwarden.detect import Rule, Scanner, load_scanner
from pushwarden.detect.catalogue import catalogue
from pushwarden.detect.check import check_rules
from pushwarden.detect.errors import nearest
from pushwarden.detect.load import default_rules_path, package_database
from pushwarden.errors import UsageError

EXIT_FAILED = 1
_RULES = click.option(
    "--rules",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE_OR_DIR",
    help="More rules: a TOML file or a folder of them. May be given more than once.",
)


@click.group()
def rules() -> None:
    """List, show and check the rules."""


@rules.command("list")
@_RULES
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(files: tuple[Path, ...], form: str) -> None:
    """Print every rule: id, confidence and title."""
    known = _scanner(files).rules
    if form == "json":
        click.echo(json.dumps([_plain(rule) for rule in known], indent=2))
        return
    width = max(len(rule.id) for rule in known)
    for rule in known:
        click.echo(f"{rule.id:<{width}}  {rule.confidence.label:<6}  {rule.title}")
    click.echo(f"{len(known)} rules", err=True)


@rules.command()
@click.argument("rule_id", metavar="ID")
@_RULES
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(rule_id: str, files: tuple[Path, ...], form: str) -> None:
    """Print all about one rule: what it finds, how sure it is, how to revoke such a credential."""
    known = _scanner(files).rules
    if not known.has(rule_id):
        raise UsageError(f'there is no rule "{rule_id}"; {nearest(rule_id, (rule.id for rule in known))}')
    rule = known.get(rule_id)
    if form == "json":
        click.echo(json.dumps(_plain(rule), indent=2))
        return
    for name, value in _facts(rule):
        click.echo(f"{name:<12}{value}")


@rules.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE_OR_DIR]...")
@click.option("--engine", type=click.Choice(["auto", "hyperscan", "plain"]), default="auto", show_default=True)
@click.option("--alone", is_flag=True, help="Load only the given files, without the rules that ship.")
def check(files: tuple[Path, ...], engine: str, alone: bool) -> None:
    """Run the examples of rules through the whole engine; of the given files, or else of the rules that ship.

    Exits with 1 when an example is missed or a counter-example is hit.
    """
    extra = files if alone else [each for each in files if not _shipped(each)]
    scanner = load_scanner(extra, default_rules=not alone, engine=engine)
    wanted = [rule for rule in scanner.rules if not files or _stands_in(rule, files)]
    failures = check_rules(scanner, wanted)
    for failure in failures:
        click.echo(str(failure))
    examples = sum(len(rule.examples) + len(rule.counter_examples) for rule in wanted)
    click.echo(f"{len(wanted)} rules, {examples} examples, {len(failures)} failed", err=True)
    if failures:
        raise click.exceptions.Exit(EXIT_FAILED)


@rules.command("catalogue")
@_RULES
def catalogue_(files: tuple[Path, ...]) -> None:
    """Print the catalogue of rules as a page in Markdown."""
    click.echo(catalogue(_scanner(files).rules), nl=False)


@rules.command("compile")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@_RULES
def compile_(path: Path, files: tuple[Path, ...]) -> None:
    """Compile the rules into the file PATH, for a place that reads it by PUSHWARDEN_RULE_DB."""
    package_database(path, [each for each in files if not _shipped(each)])


def _scanner(files: Iterable[Path]) -> Scanner:
    return load_scanner([each for each in files if not _shipped(each)], engine="plain")


def _shipped(path: Path) -> bool:
    """Tell whether these rules are loaded anyway."""
    shipped = default_rules_path().resolve()
    return path.resolve() == shipped or shipped in path.resolve().parents


def _stands_in(rule: Rule, files: Iterable[Path]) -> bool:
    place = Path(rule.source.rpartition(":")[0]).resolve()
    return any(place == each.resolve() or each.resolve() in place.parents for each in files)


def _plain(rule: Rule) -> dict[str, object]:
    """Return what a program may want to know about a rule."""
    return {
        "id": rule.id,
        "title": rule.title,
        "confidence": rule.confidence.label,
        "pattern": rule.pattern,
        "advice": rule.advice,
        "references": list(rule.references),
        "tags": list(rule.tags),
        "source": rule.source,
    }


def _facts(rule: Rule) -> Iterable[tuple[str, str]]:
    yield "rule", rule.id
    yield "title", rule.title
    yield "confidence", rule.confidence.label
    if rule.pattern:
        yield "pattern", rule.pattern
    if rule.entropy is not None:
        yield "entropy", f"at least {rule.entropy} bits per byte"
    if rule.checksum is not None:
        yield "checksum", rule.checksum
    for near in rule.near:
        yield "near", f"{near.pattern} within {near.lines} lines"
    if rule.pair is not None:
        yield "pair", f"{rule.pair.rule} within {rule.pair.lines} lines"
    yield "advice", rule.advice
    for link in rule.references:
        yield "reference", link
    for example in rule.examples:
        yield "example", example.text.strip()
    yield "source", rule.source
