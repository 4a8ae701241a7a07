"""``.pushwarden-ignore``: accepted findings, one per line, so that branches merge.

A line is a fingerprint, then what is worth saying about it::

    key 5f0c...                                                            # pushwarden:allow
    0d2f9a7be1c34455a6b7c8d9e0f10213 github-pat seen="ci/deploy.sh" reason="revoked in May" until=2027-01-31

The fingerprint alone is enough. ``in`` limits it to paths (a glob, repeatable), ``until`` is its last day, ``by`` says who
took the decision; ``seen`` and ``reason`` are for people. Values with spaces are JSON texts. ``#`` starts a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pushwarden.detect.errors import nearest
from pushwarden.suppress.files import IGNORE_NAME, SuppressError
from pushwarden.suppress.model import Entry, Kind
from pushwarden.suppress.value import a_date, a_fingerprint, a_key

HEADER: Final = """\
# Findings that this repository accepts. One per line, by keyed fingerprint: no secret, no line number.
# Update it with `pushwarden baseline`; a line may say in="docs/**" until=2027-01-31 by="..." reason="...".
"""

_FIELDS: Final = ("in", "until", "by", "reason", "seen")
_FIELD: Final = re.compile(r'(?P<name>[A-Za-z_]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^\s"]+)')
_WORD: Final = re.compile(r"[\w.*?\-]+")
_BARE: Final = re.compile(r"[\w./*@+:\-]+", re.ASCII)
_GAP: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """What ``.pushwarden-ignore`` says."""

    keys: tuple[bytes, ...] = ()
    """Usually one. Two branches that each made the file leave two after a merge: both keep their meaning."""
    entries: tuple[Entry, ...] = ()


def parse(text: str, name: str = IGNORE_NAME) -> IgnoreFile:
    """Read the file's text; order and repetitions mean nothing.

    Raises:
        SuppressError: A line cannot be understood.
    """
    keys: set[bytes] = set()
    entries: list[Entry] = []
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{name}:{number}"
        stripped = line.strip()
        if stripped.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            raise SuppressError(where, "a merge left its markers; keep the lines of both sides and remove the markers")
        if stripped.startswith("key "):
            keys.add(a_key(where, stripped.split()[1]))
        elif stripped and not stripped.startswith("#"):
            entries.append(_entry(stripped, where))
    return IgnoreFile(tuple(sorted(keys)), tuple(entries))


def _entry(line: str, where: str) -> Entry:
    fingerprint, *rest = _tokens(line, where)
    rule, fields = "", rest
    if rest and "=" not in rest[0]:
        rule, fields = rest[0], rest[1:]
    values: dict[str, list[str]] = {}
    for each in fields:
        name, equals, value = each.partition("=")
        if not equals or name not in _FIELDS:
            raise SuppressError(where, f"cannot understand {name!r} here; {nearest(name, _FIELDS)}")
        values.setdefault(name, []).append(_value(value, where))
    until = values.get("until")
    return Entry(
        kind=Kind.IGNORE_FILE,
        where=where,
        fingerprints=frozenset({a_fingerprint(where, fingerprint)}),
        rules=(rule,) if rule else (),
        paths=tuple(values.get("in", ())),
        reason=" ".join(values.get("reason", ())),
        author=" ".join(values.get("by", ())),
        until=a_date(where, "until", until[-1]) if until else None,
        seen=values.get("seen", [""])[-1],
    )


def _tokens(line: str, where: str) -> Iterator[str]:
    """Split a line at white space outside quotes, up to its comment."""
    position = 0
    while position < len(line) and line[position] != "#":
        found = _FIELD.match(line, position) or _WORD.match(line, position)
        if found is None:
            raise SuppressError(where, f"cannot understand the line from column {position + 1}; is a quote missing?")
        yield found[0]
        space = _GAP.match(line, found.end())
        if space is None and found.end() < len(line):
            raise SuppressError(where, f"cannot understand the line from column {found.end() + 1}; put a space there")
        position = space.end() if space else len(line)


def _value(text: str, where: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        raise SuppressError(where, f'{text} is no JSON text; write quotes and backslashes as \\" and \\\\') from None


def render(file: IgnoreFile) -> str:
    """Return the file's text: keys and entries sorted, repetitions gone, the same for the same content."""
    lines = [f"key {key.hex()}  # pushwarden:allow" for key in sorted(file.keys)]
    lines += sorted({_line(entry) for entry in file.entries})
    return HEADER + "".join(f"{line}\n" for line in lines)


def _line(entry: Entry) -> str:
    parts = [*sorted(entry.fingerprints), *entry.rules]
    parts += [f"in={_quoted(path)}" for path in entry.paths]
    if entry.until is not None:
        parts.append(f"until={entry.until.isoformat()}")
    texts = (("by", entry.author), ("reason", entry.reason), ("seen", entry.seen))
    parts += [f"{name}={_quoted(value)}" for name, value in texts if value]
    return " ".join(parts)


def _quoted(value: str) -> str:
    return value if _BARE.fullmatch(value) else json.dumps(value)
