"""One piece of content from all sides: as it is, decoded, unpacked, and so on inwards, within limits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

import regex

from pushwarden.detect.compiled import NEVER, CompiledRule, RawHit
from pushwarden.detect.decode import PROBES, decode, encoded_stretches
from pushwarden.detect.decode.limits import Budget
from pushwarden.detect.decode.packed import is_packed
from pushwarden.detect.decode.piece import Piece
from pushwarden.detect.decode.wide import WideText, wide_encoding
from pushwarden.detect.ends import united
from pushwarden.detect.filters import SECONDS, Candidate, judge_hit
from pushwarden.detect.generic import judge
from pushwarden.detect.lines import LineIndex
from pushwarden.detect.placeholder import counts, is_masked
from pushwarden.detect.plain import Engine
from pushwarden.detect.reach import Reach
from pushwarden.detect.resolve import Placed, pair_up, place, without_overlaps
from pushwarden.detect.rule import GENERIC
from pushwarden.detect.service import Services
from pushwarden.model import REDACTED, Confidence, Match, Secret


class _Scope(NamedTuple):
    """The content that an encoded text stands in."""

    path: str
    lines: LineIndex
    packed: list[Match]
    """Collects what archives inside it hold."""


@dataclass(frozen=True, slots=True)
class PairedMatch(Match):
    """A match of both halves of a credential, such as an AWS secret key with its key id."""

    paired: Secret | None = None
    """The other half."""


_PLACES: Final = 6_000
_BYTES_A_PLACE: Final = 200
"""More places to judge than this make no sense, and would take longer than a second for a megabyte."""
_HITS: Final = 10_000
_BYTES_A_HIT: Final = 100
"""Likewise for places where a rule's pattern matches: this is no file, it is a dump of keys, and said to be one."""
_MOST: Final = 100_000
"""Likewise for what is found in one piece of content, with all that is encoded or packed in it: a hundred megabytes of matches."""
_CUT_OFF: Final = "cut_off"
_REPEATS_MAX: Final = 100
_REPEATED_CHARS_MIN: Final = 5
"""A snippet is searched for so many of the content's secrets, and only for those that are no short word."""
BATCH: Final = 200
"""So many places are judged at a time: within one, those that stand together are read together."""
_PLACE: Final = attrgetter("start", "end", "rule.rule.id")
_Sorted: TypeAlias = tuple[dict[int, Sequence[int]], dict[int, Sequence[int]], Sequence[int]]
_NO_PROBES: Final[_Sorted] = ({}, {}, [])


class Kit:
    """What scanning needs, the same for every piece of content."""

    def __init__(
        self,
        engine: Engine,
        services: Sequence[CompiledRule],
        judged: Sequence[CompiledRule],
        cut_off: Sequence[str] = (),
    ) -> None:
        self.engine = engine
        self._cut_off = tuple(cut_off)
        self.services = Services(services)
        self.judged = {each.rule.id: each for each in judged}
        self._named = len(services)
        self._encoded = len(services) + len(PROBES)

    @cached_property
    def cut_off(self) -> regex.Pattern[bytes]:
        """What begins like a provider's credential and is too short for one."""
        return regex.compile("|".join(f"(?:{each})" for each in self._cut_off or (NEVER,)).encode())

    def sort_out(self, probes: Mapping[int, Sequence[int]]) -> _Sorted:
        """Return the places of the services' names, of encoded text (both by number), and those for the judge."""
        named: dict[int, Sequence[int]] = {}
        encoded: dict[int, Sequence[int]] = {}
        generic: list[Sequence[int]] = []
        for number, ends in probes.items():
            if number < self._named:
                named[number] = ends
            elif number < self._encoded:
                encoded[number - self._named] = ends
            else:
                generic.append(ends)
        return named, encoded, united(generic)


class Explorer:
    """Looks through one piece of content; made anew for each."""

    def __init__(self, kit: Kit, budget: Budget, reach: Reach | None = None) -> None:
        self._kit = kit
        self._budget = budget
        self._reach = reach

    def content(self, data: bytes, path: str, depth: int = 0) -> list[Match]:
        """Return all matches in ``data``, their places in it, in order."""
        wide = wide_encoding(data)
        if wide is None:
            return self._narrow(data, path, depth)
        found = self._wide(WideText(data, *wide), path)
        return found + [each for each in self._narrow(data, path, depth) if not _known(each, found)]

    def _narrow(self, data: bytes, path: str, depth: int) -> list[Match]:
        """Return the matches in the bytes as they are."""
        lines = LineIndex(data)
        packed: list[Match] = []
        placed = self._text(data, 0, _Scope(path, lines, packed))
        matches = self._matches(without_overlaps(placed), lines) if placed else []
        if is_packed(data):
            packed += (each for each in self._packed(data, path, depth, lines) if not _known(each, matches))
        return matches + packed

    def _wide(self, text: WideText, path: str) -> list[Match]:
        """Return the matches in a file in UTF-16."""
        packed: list[Match] = []
        placed = self._text(text.data, 0, _Scope(path, text.lines, packed))
        found = self._matches(without_overlaps(placed), text.lines) + packed
        return [
            replace(
                each,
                span=replace(each.span, start=text.origin(each.span.start), end=text.origin(each.span.end)),
                decoded_from=("utf-16", *each.decoded_from),
            )
            for each in found
        ]

    def _packed(self, data: bytes, path: str, depth: int, lines: LineIndex) -> Iterator[Match]:
        """Yield the matches in what is packed in ``data``; their place is that of the packed file."""
        if depth >= self._budget.limits.archive_depth:
            what = f"archives deeper than {depth} inside each other were not unpacked"
            self._budget.gap("archive-depth", what, "unpack them and scan what is in them")
            return
        from pushwarden.detect.decode.archives import unpack  # noqa: PLC0415 - most content is not packed

        seen: set[tuple[str, Secret, tuple[str, ...]]] = set()
        last = ("", -1)
        for member in unpack(data, self._budget):
            if self._budget.late():
                return
            inner = self.content(member.data, member.path or path, depth + 1)
            if (member.label, member.start) != last:  # a document comes twice: with its markup and as text
                last = (member.label, member.start)
                seen = set()
            for each in inner:
                key = (each.rule_id, each.secret, each.decoded_from)
                if key not in seen:
                    seen.add(key)
                    span = lines.span(member.start, member.end)
                    yield replace(each, span=span, decoded_from=(member.label, *each.decoded_from))

    def _text(self, data: bytes, depth: int, scope: _Scope) -> list[Placed]:
        """Return what stands in ``data``, plain or encoded."""
        if self._budget.found > _MOST:
            what = f"more than {_MOST} places that look like a key were found, and the rest was not looked at"
            self._budget.gap("too-dense", what, "split the file")
            return []
        reach = self._reach if depth == 0 else None  # what is decoded is the same as long as its stretches are
        found = self._kit.engine.find(data, self._budget.deadline, scope.path, reach)
        for name in found.slow:
            self._slow(name)
        if found.dense:
            self._budget.gap(
                "too-dense", "not fully scanned: there are millions of places to look at", "split the file"
            )
        named, encoded, generic = self._kit.sort_out(found.probes) if found.probes else _NO_PROBES
        hits: list[RawHit] = found.hits
        if named:
            hits = [*hits, *self._service_hits(data, named, reach)]
        if reach is not None:
            reach.hits(hits)
            reach.places += len(generic)
            reach.fix(encoded_stretches(data, encoded) if encoded else ())
        placed: list[Placed] = []
        if hits:
            most = min(_MOST, _HITS + len(data) // _BYTES_A_HIT)
            if len(hits) > most:
                hits = self._first(hits, most)
                generic = generic[: bisect_right(generic, hits[-1].end)]
            kept = pair_up(self._judged(hits, data, scope.path), data)
            placed += (each for one in kept for each in place(one, data))
        if generic:
            placed += self._generic(data, scope.path, _free(data, generic, placed) if placed else generic, reach)
        self._budget.found += len(placed)
        if encoded:
            placed += self._decoded(data, encoded, depth, scope)
        return placed

    def _slow(self, what: str) -> None:
        """Say that something was given up: because it alone takes too long, or because the time for everything is up."""
        if not self._budget.late():
            self._budget.gap(
                "slow-rule", f"not fully scanned: {what} took too long", "mend the rule, or split the file"
            )

    def _judged(self, hits: Sequence[RawHit], data: bytes, path: str) -> list[Candidate]:
        """Return the hits that pass the filters of their rules."""
        slow = self._budget.slow
        known = len(slow)
        judged = (judge_hit(hit, data, path, slow) for hit in hits)
        kept = [each for each in judged if each is not None]
        for name in sorted(slow) if len(slow) > known else ():
            what = f"what {name} asks of a place took too long, so what it found was not checked"
            self._budget.gap("slow-rule", what, "mend the rule")
        return kept

    def _first(self, hits: list[RawHit], most: int) -> list[RawHit]:
        """Return the first ``most`` hits, in order, and say that there are more."""
        what = f"only the first {most} places that look like a key were looked at, and there are {len(hits)}"
        self._budget.gap("too-dense", what, "split the file")
        return sorted(hits, key=_PLACE)[:most]

    def _service_hits(self, data: bytes, named: Mapping[int, Sequence[int]], reach: Reach | None) -> list[RawHit]:
        """Return the keys near the names of services."""
        try:
            return list(self._kit.services.search(data, named, reach))
        except TimeoutError:
            self._slow("the search for keys of services")
            return []

    def _generic(self, data: bytes, path: str, ends: Sequence[int], reach: Reach | None) -> Iterator[Placed]:
        """Yield what the judge says of the places where its probes end."""
        most = min(_MOST, _PLACES + len(data) // _BYTES_A_PLACE)
        if len(ends) > most:
            what = f"only the first {most} places that look like an assignment of a secret were judged"
            self._budget.gap("too-dense", what, "if this is no generated data, split the file")
        for at in range(0, min(len(ends), most), BATCH):
            for each in judge(data, [(end, end) for end in ends[at : min(at + BATCH, most)]], path, reach):
                rule = self._kit.judged.get(each.rule_id)
                if rule is not None and not self._is_cut_off(data, each.start, each.end):
                    hit = RawHit(rule, each.start, each.end, each.start, each.end)
                    counted = counts(data[each.start : each.end])
                    yield from place(Candidate(hit, Confidence.LOW if counted else each.confidence), data)

    def _is_cut_off(self, data: bytes, start: int, end: int) -> bool:
        """Tell whether a value is the beginning of a credential only."""
        if is_masked(data, start, end) or _CUT_OFF in self._budget.slow:
            return is_masked(data, start, end)
        try:
            return self._kit.cut_off.fullmatch(data, start, end, timeout=SECONDS) is not None
        except TimeoutError:
            self._budget.slow.add(_CUT_OFF)
            return False

    def _decoded(self, data: bytes, probes: Mapping[int, Sequence[int]], depth: int, scope: _Scope) -> Iterator[Placed]:
        """Yield what stands in the encoded parts of ``data``, placed where the encoded text stands."""
        if self._budget.late():
            return
        if depth >= self._budget.limits.text_depth:
            if any(is_packed(piece.data) or piece.holds_text() for piece in decode(data, probes)):
                what = f"encodings deeper than {depth} inside each other were not decoded"
                self._budget.gap("decode-depth", what, "decode them and scan what they hold")
            return
        for piece in decode(data, probes):
            if is_packed(piece.data):
                scope.packed.extend(self._packed_piece(piece, depth, scope))
            for each in self._text(piece.data, depth + 1, scope):
                kinds = piece.kinds(each.start, each.end)
                if kinds:
                    start, end = piece.origin(each.start, each.end)
                    yield each._replace(start=start, end=end, chain=(*kinds, *each.chain))

    def _packed_piece(self, piece: Piece, depth: int, scope: _Scope) -> Iterator[Match]:
        """Yield the matches in an archive that was written in base64."""
        start, end = piece.origin(0, len(piece.data))
        before, self._budget.lenient = self._budget.lenient, True
        found = self.content(piece.data, scope.path, depth + 1)
        self._budget.lenient = before
        for each in found:
            if each.decoded_from:
                span = scope.lines.span(start, end)
                yield replace(each, span=span, decoded_from=("base64", *each.decoded_from))

    def _matches(self, kept: Sequence[Placed], lines: LineIndex) -> list[Match]:
        """Turn what is kept into matches whose snippets show no secret."""
        spans = [(each.start, each.end) for each in kept]
        # The same secret may stand on the line once more, where no rule sees it.
        decoded = (each.secret.decode("utf-8", "replace") for each in kept[:_REPEATS_MAX])
        texts = {text for text in decoded if len(text) >= _REPEATED_CHARS_MIN}
        return [_match(each, lines, spans, texts) for each in kept]


def _free(data: bytes, ends: Sequence[int], placed: Sequence[Placed]) -> list[int]:
    """Return those of ``ends`` (ascending) that no rule has taken which knows more than the judge: it would win anyway."""
    # What the judge asks for behind a password in a URL is the @ that ends it.
    taken = sorted((each.start, each.end) for each in placed if each.candidate.hit.rule.rule.specificity > GENERIC)
    if not taken:
        return list(ends)
    free: list[int] = []
    at = 0
    for end in ends:
        last = end - data.startswith(b"@", end - 1)
        while at < len(taken) and taken[at][1] < last:
            at += 1
        if at == len(taken) or end <= taken[at][0]:
            free.append(end)
    return free


def _known(match: Match, others: Iterable[Match]) -> bool:
    """Tell whether a match was already seen another way: in an archive that packs without compressing, in UTF-16."""
    return any(
        each.secret == match.secret
        and each.rule_id == match.rule_id
        and match.span.start < each.span.end
        and each.span.start < match.span.end
        for each in others
    )


def _match(each: Placed, lines: LineIndex, spans: Sequence[tuple[int, int]], texts: AbstractSet[str]) -> Match:
    rule, paired = each.candidate.hit.rule.rule, each.candidate.paired
    secret, span = Secret(each.secret), lines.span(each.start, each.end)
    snippet = lines.snippet(each.start, each.end, spans)
    for own in (each.secret, paired or b""):
        text = own.decode("utf-8", "replace")
        if len(text) >= _REPEATED_CHARS_MIN:
            snippet = snippet.replace(text, REDACTED)
    for text in texts:
        if text in snippet:
            snippet = snippet.replace(text, REDACTED)
    if paired is None:
        return Match(rule.id, rule.title, each.candidate.confidence, secret, span, snippet, each.chain)
    half = Secret(paired)
    return PairedMatch(rule.id, rule.title, each.candidate.confidence, secret, span, snippet, each.chain, paired=half)
