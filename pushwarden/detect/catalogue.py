"""The catalogue of rules as a page: what each finds, how sure it is, an invented example, how to revoke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import PurePath

from pushwarden.detect.rule import Rule
from pushwarden.detect.sample import service_example

_HEAD = """\
# Rule catalogue

Made by `pushwarden rules catalogue` from `patterns/`. Do not edit it by hand.

Confidence is a promise about precision: *high*: at least 99 of 100 findings are real; *medium*: at least 90; *low*: worth a look.
All examples are invented.
"""
_LONGEST = 160


def catalogue(rules: Iterable[Rule]) -> str:
    """Return the page, in Markdown."""
    ordered = sorted(rules, key=lambda rule: (_family(rule), rule.id))
    parts = [_HEAD, f"{len(ordered)} rules.\n"]
    for family, members in groupby(ordered, _family):
        parts.append(f"\n## {family}\n")
        parts += (line for rule in members for line in _entry(rule))
    return "\n".join(parts).rstrip() + "\n"


def _family(rule: Rule) -> str:
    return PurePath(rule.source.rpartition(":")[0]).stem


def _entry(rule: Rule) -> Iterator[str]:
    yield f"\n### {rule.id}\n"
    yield f"{rule.title}. Confidence: {rule.confidence.label}.\n"
    example = rule.examples[0] if rule.examples else service_example(rule) if rule.service else None
    if example is not None:
        yield f"    {_one_line(example.text)}\n"
    yield f"{rule.advice}\n"
    for link in rule.references:
        yield f"- <{link}>"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
