"""From all candidates of a piece of content to its matches: halves of a credential are paired, overlaps are decided."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pushwarden.detect.filters import CONTEXT_BYTES, Candidate


def resolve(candidates: Sequence[Candidate], data: bytes) -> list[Candidate]:
    """Return the candidates to report, in the order of their places."""
    if len(candidates) == 1 and candidates[0].hit.rule.rule.pair is None:
        return list(candidates)
    return without_overlaps(_paired(candidates, data))


def without_overlaps(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Keep, of candidates whose secrets share bytes, the most specific: then the surest, the longest, the first."""
    starts: list[int] = []
    ends: list[int] = []
    kept: list[Candidate] = []
    for each in sorted(candidates, key=_rank):
        start, end = each.hit.secret_start, each.hit.secret_end
        at = bisect_left(starts, start)
        if (at < len(starts) and starts[at] < end) or (at > 0 and ends[at - 1] > start):
            continue
        starts.insert(at, start)
        ends.insert(at, end)
        kept.append(each)
    return sorted(kept, key=lambda each: each.hit.secret_start)


def _rank(each: Candidate) -> tuple[int, int, int, int, str]:
    hit = each.hit
    rule = hit.rule.rule
    length = hit.secret_end - hit.secret_start
    return (-rule.specificity, -each.confidence, -length, hit.secret_start, rule.id)


def _paired(candidates: Sequence[Candidate], data: bytes) -> list[Candidate]:
    """Join each candidate that wants another half with the nearest one that is still free."""
    wanting = [each for each in candidates if each.hit.rule.rule.pair is not None]
    if not wanting:
        return list(candidates)
    taken: set[int] = set()
    joined: list[Candidate] = []
    for each in sorted(without_overlaps(wanting), key=lambda one: one.hit.secret_start):
        other = _nearest(each, candidates, taken, data)
        if other is not None:
            taken.add(id(other))
            joined.append(_join(each, other, data))
        elif (pair := each.hit.rule.rule.pair) is not None and not pair.required:
            joined.append(each)
    return joined + [each for each in candidates if each.hit.rule.rule.pair is None and id(each) not in taken]


def _join(each: Candidate, other: Candidate, data: bytes) -> Candidate:
    pair = each.hit.rule.rule.pair
    confidence = pair.confidence if pair is not None and pair.confidence is not None else each.confidence
    secret = data[other.hit.secret_start : other.hit.secret_end]
    return replace(each, paired=secret, confidence=max(confidence, each.confidence))


def _nearest(each: Candidate, candidates: Sequence[Candidate], taken: set[int], data: bytes) -> Candidate | None:
    """Return the closest free candidate of the rule that ``each`` pairs with, within its reach."""
    pair = each.hit.rule.rule.pair
    best: tuple[int, Candidate] | None = None
    for other in candidates:
        if pair is None or other.hit.rule.rule.id != pair.rule or id(other) in taken or other is each:
            continue
        distance = _distance(each, other)
        if distance > CONTEXT_BYTES or (best is not None and best[0] <= distance):
            continue
        low, high = sorted((each.hit.secret_start, other.hit.secret_start))
        if data.count(b"\n", low, high) <= pair.lines:
            best = (distance, other)
    return best[1] if best else None


def _distance(one: Candidate, other: Candidate) -> int:
    """Bytes between two secrets; 0 when they touch or overlap."""
    return max(0, other.hit.secret_start - one.hit.secret_end, one.hit.secret_start - other.hit.secret_end)
