"""Findings of content that does not change, kept without their secrets: these still stand where they stood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushwarden.history.local.blobs import Results, Wanted, variant
from pushwarden.history.local.model import Hit, Scan
from pushwarden.history.local.objects import ObjectReader, Unreadable
from pushwarden.model import Confidence, Match, Secret, Span

Key = tuple[bytes, bytes]
"""Blob and variant of its path."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A hit without its secret."""

    rule_id: str
    title: str
    confidence: int
    snippet: str
    """Redacted, as reports show it."""
    allowed: bool
    span: Span

    def restore(self, data: bytes) -> Hit:
        """Return the hit with the secret that stands at its place in the content."""
        secret = Secret(data[self.span.start : self.span.end])
        confidence = Confidence(self.confidence)
        return Hit(Match(self.rule_id, self.title, confidence, secret, self.span, self.snippet), self.allowed)


@dataclass(frozen=True, slots=True)
class Recall:
    """What was found in blobs."""

    hits: Mapping[Key, tuple[Kept, ...]] = field(default_factory=dict)

    def knows(self, wanted: Wanted, scanned: Iterable[bytes]) -> bool:
        """Return whether nothing has to be scanned to know what is in a blob.

        Args:
            wanted: The blob at all its paths.
            scanned: Paths that it was scanned under; one without hits is clean.
        """
        variants = {variant(path) for path in scanned}
        here = {variant(path) for path in wanted.paths}
        return here <= variants and any((wanted.name, each) in self.hits for each in here)

    def read(self, reader: ObjectReader, wanted: Sequence[Wanted], into: Results) -> None:
        """Add what is known of blobs to ``into``; only their secrets are read."""
        paths = {each.name: each.paths for each in wanted}
        for name, data in reader.read(list(paths)):
            if isinstance(data, Unreadable):
                into.missing.append(name)
                continue
            for each in {variant(path) for path in paths[name]}:
                if kept := self.hits.get((name, each)):
                    into.scans[name, each] = Scan(tuple(hit.restore(data) for hit in kept))


def keep(scans: Mapping[Key, Scan]) -> Recall:
    """Return what can be kept of scans: of a blob with a hit that was decoded or paired, or with a gap, nothing."""
    spoilt = {name for (name, _), scan in scans.items() if scan.gaps or not all(map(_is_plain, scan.hits))}
    hits = {key: tuple(map(_kept, scan.hits)) for key, scan in scans.items() if key[0] not in spoilt}
    return Recall(hits)


def _is_plain(hit: Hit) -> bool:
    match = hit.match
    return type(match) is Match and not match.decoded_from and len(match.secret) == match.span.end - match.span.start


def _kept(hit: Hit) -> Kept:
    match = hit.match
    return Kept(match.rule_id, match.title, match.confidence.value, match.snippet, hit.allowed, match.span)


def to_json(recall: Recall) -> dict[str, Any]:
    """Return plain values for JSON; equal words are written once, because versions of a file share most of them."""
    words: dict[tuple[str, str, int, str, bool], int] = {}
    rows = []
    for (name, path), kept in recall.hits.items():
        row: list[Any] = [name.decode(), path.decode("latin-1")]
        for each in kept:
            word = (each.rule_id, each.title, each.confidence, each.snippet, each.allowed)
            span = each.span
            row += (
                words.setdefault(word, len(words)),
                span.start, span.end, span.start_line, span.start_column, span.end_line, span.end_column,
            )  # fmt: skip
        rows.append(row)
    return {"words": [list(each) for each in words], "rows": rows}


def from_json(raw: Mapping[str, Any]) -> Recall:
    """Return what :func:`to_json` wrote.

    Raises:
        ValueError, KeyError, TypeError, IndexError: It is something else.
    """
    words = [(str(a), str(b), int(c), str(d), bool(e)) for a, b, c, d, e in raw["words"]]
    hits = {(row[0].encode(), row[1].encode("latin-1")): tuple(_from_row(row, words)) for row in raw["rows"]}
    return Recall(hits)


def _from_row(row: Sequence[Any], words: Sequence[tuple[str, str, int, str, bool]]) -> Iterator[Kept]:
    for at in range(2, len(row), 7):
        rule_id, title, confidence, snippet, allowed = words[row[at]]
        yield Kept(rule_id, title, confidence, snippet, allowed, Span(*row[at + 1 : at + 7]))
