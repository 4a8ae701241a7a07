"""From all candidates of a piece of content to its matches: halves of a credential are paired, overlaps are decided."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from pushwarden.detect.context import CONTEXT_BYTES
from pushwarden.detect.filters import Candidate
from pushwarden.detect.rule import GENERIC, Pair


class Placed(NamedTuple):
    """A candidate at its place in the content that it was found in, whatever it was decoded from."""

    candidate: Candidate
    secret: bytes
    start: int
    end: int
    chain: tuple[str, ...] = ()
    """The encodings that wrapped it, outermost first."""
    silent: bool = False
    """It only keeps others off its bytes: a half that another finding shows, or what a rule knows to be no secret."""


class _Taken:
    """Stretches that do not overlap, in order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def place(self, start: int, end: int) -> int | None:
        """Return where ``start`` to ``end`` belongs in the order; None where some of it is taken."""
        at = bisect_left(self._starts, start)
        if (at < len(self._starts) and self._starts[at] < end) or (at > 0 and self._ends[at - 1] > start):
            return None
        return at

    def take(self, at: int, start: int, end: int) -> None:
        """Take a stretch that is free, at its place in the order."""
        self._starts.insert(at, start)
        self._ends.insert(at, end)


def place(each: Candidate, data: bytes) -> Iterator[Placed]:
    """Yield a candidate where it stands, and its other half, which keeps its own bytes."""
    start, end = each.hit.secret_start, each.hit.secret_end
    yield Placed(each, data[start:end], start, end, silent=each.disowned)
    half = each.half
    if half is not None and (half.secret_end <= start or end <= half.secret_start):
        first, last = half.secret_start, half.secret_end
        yield Placed(Candidate(half, each.confidence), data[first:last], first, last, silent=True)


def without_overlaps(placed: Iterable[Placed]) -> list[Placed]:
    """Keep, of those that share bytes, the most specific: then the surest, the least encoded, the longest, the first."""
    taken = _Taken()
    kept: list[Placed] = []
    for each in sorted(placed, key=_rank):
        at = taken.place(each.start, each.end)
        if at is not None:
            taken.take(at, each.start, each.end)
            kept.append(each)
    return sorted((each for each in kept if not each.silent), key=_START)


_START: Final = attrgetter("start")


def _rank(each: Placed) -> tuple[int, int, int, int, int, str]:
    rule = each.candidate.hit.rule.rule
    # What a rule knows to be no secret is nobody's guess either; another rule may still know better.
    specificity = GENERIC + 1 if each.candidate.disowned else rule.specificity
    length = each.end - each.start
    return (-specificity, -each.candidate.confidence, len(each.chain), -length, each.start, rule.id)


def pair_up(candidates: Sequence[Candidate], data: bytes) -> list[Candidate]:
    """Join each candidate that wants another half with the nearest one that is still free.

    Of candidates that share bytes only the one that will be kept may take a half: the most specific, as in
    :func:`without_overlaps`.
    """
    wanting = [each for each in candidates if _wants(each)]
    if not wanting:
        return list(candidates)
    others: dict[str, list[Candidate]] = {}
    for each in sorted(candidates, key=_place):
        if not each.disowned:
            others.setdefault(each.hit.rule.rule.id, []).append(each)
    places = {rule_id: [_place(each) for each in each_rule] for rule_id, each_rule in others.items()}
    taken: set[int] = set()
    occupied = _Taken()
    joined: list[Candidate] = []
    for each in sorted((each for each in candidates if not each.disowned), key=_claim):
        pair = each.hit.rule.rule.pair
        at = occupied.place(each.hit.secret_start, each.hit.secret_end)
        if at is None:
            continue
        if pair is not None:
            low = bisect_left(places.get(pair.rule, []), each.hit.secret_start - 2 * CONTEXT_BYTES)
            high = bisect_left(places.get(pair.rule, []), each.hit.secret_end + CONTEXT_BYTES + 1)
            other = _nearest(each, pair, others.get(pair.rule, [])[low:high], taken, data)
            if other is None and pair.required:
                continue
            if other is not None:
                taken.add(id(other))
            joined.append(each if other is None else _join(each, other, data))
        occupied.take(at, each.hit.secret_start, each.hit.secret_end)
    return joined + [each for each in candidates if not _wants(each) and id(each) not in taken]


def _wants(each: Candidate) -> bool:
    return each.hit.rule.rule.pair is not None and not each.disowned


def _place(each: Candidate) -> int:
    return each.hit.secret_start


def _claim(each: Candidate) -> tuple[int, int, int, int, str]:
    hit = each.hit
    return (
        -hit.rule.rule.specificity,
        -each.confidence,
        hit.secret_start - hit.secret_end,
        hit.secret_start,
        hit.rule.rule.id,
    )


def _join(each: Candidate, other: Candidate, data: bytes) -> Candidate:
    pair = each.hit.rule.rule.pair
    confidence = pair.confidence if pair is not None and pair.confidence is not None else each.confidence
    secret = data[other.hit.secret_start : other.hit.secret_end]
    return each._replace(paired=secret, half=other.hit, confidence=max(confidence, each.confidence))


def _nearest(
    each: Candidate, pair: Pair, others: Iterable[Candidate], taken: set[int], data: bytes
) -> Candidate | None:
    """Return the closest of ``others`` that is free and within reach."""
    best: tuple[int, Candidate] | None = None
    for other in others:
        distance = _distance(each, other)
        if id(other) in taken or other is each or distance > CONTEXT_BYTES or (best and best[0] <= distance):
            continue
        low, high = sorted((each.hit.secret_start, other.hit.secret_start))
        if data.count(b"\n", low, high) <= pair.lines:
            best = (distance, other)
    return best[1] if best else None


def _distance(one: Candidate, other: Candidate) -> int:
    """Bytes between two secrets; 0 when they touch or overlap."""
    return max(0, other.hit.secret_start - one.hit.secret_end, one.hit.secret_start - other.hit.secret_end)
