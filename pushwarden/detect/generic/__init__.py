"""Judging passwords, keys and tokens that have no format of their own.

:data:`TRIGGERS` find places cheaply (they go into the engine's database); :func:`judge` reads the lines around the hits,
finds the candidates there and scores each one by its name, its value and its surroundings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pushwarden.detect.generic import candidates, features, model
from pushwarden.model import Confidence

__all__ = ["TRIGGERS", "GenericHit", "judge"]

REACH: Final = 1000
"""Bytes read to each side of a hit on a line without an end near by."""
SHORTEST: Final = 4

_NAMES: Final = (
    rb"(?:pass|pwd|pswd|psw|pw|secret|token|key|auth|cred|api|seed|otp|signature|verifier|cookie|session|bearer|pin|"
    rb"license|webhook|dsn|sid|identified by)"
)
TRIGGERS: Final[tuple[bytes, ...]] = (
    rb"(?i)"
    + _NAMES
    + rb"[\w\-.$]{0,40}(?:\\{0,3}[\"'`]?\]?\)?\\{0,3}[\"'`]?|\*\*|%5D)(?:[ \t]{0,9}(?::|[ \t])[ \t]?[\w\[\]<>.|*?&]{1,40} ?)?"
    rb"[ \t]{0,30}[=:!?|+<~>-]{1,3}[ \t]{0,30}[^\s=:]",
    rb"(?i)" + _NAMES + rb"[\w\-.$]{0,40}\\{0,3}[\"'`]?\)? ?[,()][^\r\n]{0,30}[\"'`]",
    rb"(?i)" + _NAMES + rb"[\w\-.$]{0,40}[\"'][ \t]{1,4}[^\r\n]{0,50}(?:value|default|content|string)[ \t]{0,2}=",
    rb"(?i)" + _NAMES + rb"[\w\-.$]{0,40}[^<>\r\n]{0,80}>[^<>\s]",
    rb"(?i)" + _NAMES + rb"[\w\-.$]{0,40}[ \t]{1,30}[^ \t]",
    rb"://[^\s:/@\"'<>]{0,80}:[^\s/@\"'<>]{1,200}@",
    rb"(?i)(?:basic|bearer|token|oauth|digest|negotiate|ntlm|apikey) {1,3}[A-Za-z0-9+/=._~-]{4}",
    rb"eyJ[A-Za-z0-9_-]{8}",
    rb"[\"'`][A-Za-z0-9+/=_-]{16,64}",
    rb"(?i)(?:encode|basic_?auth|curl|\s-u|\s--user)[ (\[\w-]{0,20}b?[\"']?[\w.@+-]{1,40}:",
)
"""Regexes over bytes, without look-arounds, that end inside or right before a value; the engine passes their places on."""


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


def _windows(data: bytes, hits: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the stretches to read: the lines of the hits, cut where a line is long, joined where they overlap."""
    begin = finish = -1
    for start, end in sorted(hits):
        left = max(data.rfind(b"\n", max(0, start - REACH), start) + 1, start - REACH, 0)
        right = data.find(b"\n", end, end + REACH)
        right = min(end + REACH, len(data)) if right < 0 else right
        if left <= finish:
            finish = max(finish, right)
            continue
        if finish > begin:
            yield begin, finish
        begin, finish = left, right
    if finish > begin:
        yield begin, finish


def judge(data: bytes, hits: Sequence[tuple[int, int]], path: str = "") -> Iterator[GenericHit]:
    """Yield the credentials near ``hits`` in ``data``, each value once.

    Args:
        data: the content.
        hits: offsets (start, end) of trigger matches; where only the end is known, give it twice.
        path: the path of the content, for what its name says.
    """
    weights = model.load()
    place = features.Place.of(path)
    best: dict[tuple[int, int], GenericHit] = {}
    for begin, finish in _windows(data, hits):
        for candidate in candidates.find(data, begin, finish):
            if candidate.end - candidate.start < SHORTEST:
                continue
            hit = _judge_one(data, candidate, place, weights)
            if hit is None:
                continue
            known = best.get((hit.start, hit.end))
            if known is None or known.score < hit.score:
                best[hit.start, hit.end] = hit
    yield from _widest(best.values())


def _judge_one(
    data: bytes, candidate: candidates.Candidate, place: features.Place, weights: model.Model
) -> GenericHit | None:
    linear = weights.linear(features.hashes(data, candidate, place))
    if linear < weights.cuts.linear:
        return None
    numbers = features.numbers(data, candidate, place, weights.language)
    numbers.append(linear)
    score = weights.score(numbers)
    cuts = weights.cuts
    if score < cuts.low:
        return None
    confidence = (
        Confidence.HIGH if score >= cuts.high else Confidence.MEDIUM if score >= cuts.medium else Confidence.LOW
    )
    return GenericHit(*_rule(candidate), confidence, candidate.start, candidate.end, score)


def _widest(hits: Iterable[GenericHit]) -> Iterator[GenericHit]:
    """Yield hits in order of place, of two that overlap the one with the better score."""
    kept: list[GenericHit] = []
    for hit in sorted(hits, key=lambda each: (-each.score, each.start, each.end)):
        if all(hit.end <= other.start or other.end <= hit.start for other in kept):
            kept.append(hit)
    yield from sorted(kept, key=lambda each: each.start)
