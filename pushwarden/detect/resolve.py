"""From all candidates of a piece of content to its matches: halves of a credential are paired, overlaps are decided."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pushwarden.detect.context import CONTEXT_BYTES
from pushwarden.detect.filters import Candidate
from pushwarden.detect.rule import Pair


@dataclass(frozen=True, slots=True)
class Placed:
    """A candidate at its place in the content that it was found in, whatever it was decoded from."""

    candidate: Candidate
    secret: bytes
    start: int
    end: int
    chain: tuple[str, ...] = ()
    """The encodings that wrapped it, outermost first."""


def without_overlaps(placed: Iterable[Placed]) -> list[Placed]:
    """Keep, of those that share bytes, the most specific: then the surest, the least encoded, the longest, the first."""
    starts: list[int] = []
    kept: list[Placed] = []
    for each in sorted(placed, key=_rank):
        at = bisect_left(starts, each.start)
        if (at < len(starts) and starts[at] < each.end) or (at > 0 and kept[at - 1].end > each.start):
            continue
        starts.insert(at, each.start)
        kept.insert(at, each)
    return kept


def _rank(each: Placed) -> tuple[int, int, int, int, int, str]:
    rule = each.candidate.hit.rule.rule
    length = each.end - each.start
    return (-rule.specificity, -each.candidate.confidence, len(each.chain), -length, each.start, rule.id)


def pair_up(candidates: Sequence[Candidate], data: bytes) -> list[Candidate]:
    """Join each candidate that wants another half with the nearest one that is still free."""
    wanting = [each for each in candidates if each.hit.rule.rule.pair is not None]
    if not wanting:
        return list(candidates)
    others: dict[str, list[Candidate]] = {}
    for each in sorted(candidates, key=_place):
        others.setdefault(each.hit.rule.rule.id, []).append(each)
    places = {rule_id: [_place(each) for each in each_rule] for rule_id, each_rule in others.items()}
    taken: set[int] = set()
    joined: list[Candidate] = []
    for each in _apart(wanting):
        pair = each.hit.rule.rule.pair
        if pair is None:
            continue
        low = bisect_left(places.get(pair.rule, []), each.hit.secret_start - 2 * CONTEXT_BYTES)
        high = bisect_left(places.get(pair.rule, []), each.hit.secret_end + CONTEXT_BYTES + 1)
        other = _nearest(each, pair, others.get(pair.rule, [])[low:high], taken, data)
        if other is not None:
            taken.add(id(other))
            joined.append(_join(each, other, data))
        elif not pair.required:
            joined.append(each)
    return joined + [each for each in candidates if each.hit.rule.rule.pair is None and id(each) not in taken]


def _place(each: Candidate) -> int:
    return each.hit.secret_start


def _apart(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Yield, of candidates whose secrets overlap, only the first and surest, in order of place."""
    end = -1
    for each in sorted(candidates, key=lambda one: (one.hit.secret_start, -one.confidence)):
        if each.hit.secret_start >= end:
            end = each.hit.secret_end
            yield each


def _join(each: Candidate, other: Candidate, data: bytes) -> Candidate:
    pair = each.hit.rule.rule.pair
    confidence = pair.confidence if pair is not None and pair.confidence is not None else each.confidence
    secret = data[other.hit.secret_start : other.hit.secret_end]
    return replace(each, paired=secret, confidence=max(confidence, each.confidence))


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
