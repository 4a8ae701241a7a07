"""Judging passwords, keys and tokens that have no format of their own.

:data:`TRIGGERS` find places cheaply (they go into the engine's database); :func:`judge` reads the lines around the hits,
finds the candidates there and scores each one by its name, its value and its surroundings.
"""

from __future__ import annotations

import functools
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pushwarden.detect.generic import candidates, features, gate, model, statistics
from pushwarden.detect.generic.triggers import TRIGGERS
from pushwarden.detect.reach import Reach
from pushwarden.model import Confidence

__all__ = ["TRIGGERS", "GenericHit", "is_undoubted", "judge", "windows"]

BEFORE: Final = 200
"""Bytes before a hit in which its name is looked for, on the same line."""
AFTER: Final = 24
"""Bytes after a hit in which a link may end; the value behind it may be longer."""


@dataclass(frozen=True, slots=True)
class GenericHit:
    """A value that was judged to be a credential; offsets of the value alone, without quotes."""

    rule_id: str
    title: str
    confidence: Confidence
    start: int
    end: int
    score: float
    """Log odds; more is surer."""


_PASSWORD: Final = ("generic-password", "Password")
_SECRET: Final = ("generic-secret", "Secret")
_TOKEN: Final = ("generic-token", "Token")
_KEY: Final = ("generic-api-key", "API key or other key")
_CREDENTIAL: Final = ("generic-credential", "Credential")
_HEADER: Final = ("generic-auth-header", "Credentials in an Authorization header")
_URL: Final = ("generic-url-password", "Password in a URL")
_BY_LINK: Final = {"header": _HEADER, "url": _URL, "pair": _CREDENTIAL, "jwt": _TOKEN}
_BY_WORD: Final = (
    (b"pass", _PASSWORD), (b"pwd", _PASSWORD), (b"psw", _PASSWORD), (b"pw", _PASSWORD), (b"identified", _PASSWORD),
    (b"secret", _SECRET), (b"token", _TOKEN), (b"bearer", _TOKEN), (b"key", _KEY), (b"api", _KEY),
)  # fmt: skip


def _rule(candidate: candidates.Candidate) -> tuple[str, str]:
    """Return id and title of the rule that a candidate belongs to."""
    if candidate.link in _BY_LINK:
        return _BY_LINK[candidate.link]
    name = candidate.name.lower()
    for word, rule in _BY_WORD:
        if word in name:
            return rule
    return _CREDENTIAL


def _confidence(score: float, cuts: model.Cuts) -> Confidence:
    """Return the confidence that a score above the lowest cut stands for."""
    return Confidence.HIGH if score >= cuts.high else Confidence.MEDIUM if score >= cuts.medium else Confidence.LOW


_SAYS_SECRET: Final = re.compile(
    rb"(?i)(?:\A|[^a-z]|(?<=[a-z])(?=[A-Z]))(?:secret|passw(?:or)?d|pwd|(?:api|access|secret|auth)_?(?:key|token)|token)[\"'\])\s]*\Z"
)
_ALNUM: Final = re.compile(rb"[A-Za-z0-9]{28,64}\Z")
_LETTERS_OF_EACH_CASE: Final = 4
_DIGITS: Final = 2


def is_plain_case(name: bytes, value: bytes) -> bool:
    """Whether nobody would doubt: a name that ends in *secret* or the like, and a long value of mixed random characters.

    A model is only ever sure of what it has seen much of; this is the case that every user tries first.
    """
    if not _ALNUM.match(value) or not _SAYS_SECRET.search(name):
        return False
    upper = sum(1 for c in value if 65 <= c <= 90)  # noqa: PLR2004 - A to Z
    digits = sum(1 for c in value if c <= 57)  # noqa: PLR2004 - up to 9
    mixed = digits >= _DIGITS and min(upper, len(value) - upper - digits) >= _LETTERS_OF_EACH_CASE
    return mixed and len(set(value)) >= len(value) // 2


_HEX_SECRET: Final = re.compile(rb"(?=[0-9a-f]*[a-f])(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{48}|[0-9a-f]{64})\Z")
_SIXTEENTHS: Final = 9


def is_hex_case(name: bytes, value: bytes) -> bool:
    """Whether a name that ends in *secret* or the like has random hexadecimal digits: at least worth a look."""
    return (
        _HEX_SECRET.match(value) is not None
        and len(set(value)) >= _SIXTEENTHS
        and _SAYS_SECRET.search(name) is not None
    )


_OFTEN: Final = 4


def is_undoubted(view: features.View) -> bool:
    """Whether a candidate is a plain case that does not stand all over the place, as the keys of test fixtures do."""
    return _is_rare(view) and is_plain_case(view.name, view.value)


def _is_rare(view: features.View) -> bool:
    return view.repeats < _OFTEN and view.length <= len(view.value)


def _floor(view: features.View, cuts: model.Cuts) -> float:
    """Return the score that a candidate has at least, whatever the model says."""
    if is_undoubted(view):
        return cuts.medium
    return cuts.low if _is_rare(view) and is_hex_case(view.name, view.value) else -math.inf


def windows(data: bytes, hits: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the stretches to read: a little of the line around each hit, joined where they overlap."""
    begin = finish = -1
    for start, end in sorted(hits):
        least = start - BEFORE if start > BEFORE else 0
        left = data.rfind(b"\n", least, start) + 1 or least
        if left <= finish:
            finish = max(finish, end + AFTER)
            continue
        if finish > begin:
            yield begin, finish
        begin, finish = left, end + AFTER
    if finish > begin:
        yield begin, finish


def judge(
    data: bytes, hits: Sequence[tuple[int, int]], path: str = "", reach: Reach | None = None
) -> Iterator[GenericHit]:
    """Yield the credentials near ``hits`` in ``data``, each value once.

    Args:
        data: the content.
        hits: offsets (start, end) of trigger matches; where only the end is known, give it twice.
        path: the path of the content, for what its name says.
        reach: where to note how far decisions looked.
    """
    weights = model.load()
    place = features.Place.of(path)
    best: dict[tuple[int, int], GenericHit] = {}
    for begin, finish in windows(data, hits):
        for candidate in candidates.find(data, begin, finish):
            value = data[candidate.start : candidate.end]
            if not gate.plausible(candidate, value, place, weights.language):
                continue
            view = features.view_of(data, candidate, place)
            score, settled = (-math.inf, False) if gate.is_fixture(view) else _score(view)
            low = score < weights.cuts.low
            if reach is not None and not (low and settled):
                stretch = (candidate.start - features.NEAR, candidate.end + features.NEAR)
                (reach.looked if low else reach.fixed).append(stretch)
            if low:
                continue
            known = best.get((candidate.start, candidate.end))
            if known is None or known.score < score:
                confidence = _confidence(score, weights.cuts)
                hit = GenericHit(*_rule(candidate), confidence, candidate.start, candidate.end, score)
                best[candidate.start, candidate.end] = hit
    yield from _widest(best.values())


@functools.lru_cache(maxsize=4096)  # the versions of a file in a history repeat most of its lines
def _score(view: features.View) -> tuple[float, bool]:
    """Return the score of a candidate; cheap questions first, each ends the judging of what is plainly no credential.

    Also return whether the score is too low however often the value stands near by: then only the lines next to it count.
    """
    weights = model.load()
    cuts = weights.cuts
    words = features.name_words(view.name)
    floor = _floor(view, cuts)
    doubtless = is_plain_case(view.name, view.value) or is_hex_case(view.name, view.value)
    slack = math.inf if doubtless else _slack()[view.repeats]
    name = weights.linear(features.hashed_name(view, words))
    value = weights.linear(features.hashed_value(view, words))
    linear = name + value + weights.intercept
    if linear < cuts.early:
        return floor, linear + slack < cuts.early
    around = weights.linear(features.hashed_around(view))
    linear += around
    if linear < cuts.linear:
        return floor, linear + slack < cuts.linear
    numbers = statistics.numbers(view, words, weights.language)
    return max(floor, weights.score([*numbers, name, around, value, linear])), False


@functools.cache
def _slack() -> tuple[float, ...]:
    """Return by how much the linear score may grow at most if a value stood more or less often near by than so often."""
    weights = model.load()
    parts = [weights.linear([features.hashed_repeats(repeats)]) for repeats in range(features.MOST_REPEATS + 1)]
    most = [max(0.0, *parts[:repeats], *parts[repeats + 1 :]) for repeats in range(len(parts))]
    # Another feature may have the same number: then this one does not count at present.
    return tuple(more + max(0.0, -part) for part, more in zip(parts, most, strict=True))


def _widest(hits: Iterable[GenericHit]) -> Iterator[GenericHit]:
    """Yield hits in order of place, of those that overlap the one with the best score."""
    starts: list[int] = []
    kept: list[GenericHit] = []
    for hit in sorted(hits, key=lambda each: (-each.score, each.start, each.end)):
        at = bisect_left(starts, hit.start)
        if (at == len(kept) or hit.end <= kept[at].start) and (at == 0 or kept[at - 1].end <= hit.start):
            starts.insert(at, hit.start)
            kept.insert(at, hit)
    yield from kept
