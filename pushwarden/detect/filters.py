"""What a hit must pass to become a match: path, checksum, entropy, placeholders, context."""

from __future__ import annotations

from typing import Final, NamedTuple

import regex

from pushwarden.detect import allow
from pushwarden.detect.checksums import VERIFIERS
from pushwarden.detect.compiled import CompiledRule, RawHit
from pushwarden.detect.context import context_bounds
from pushwarden.detect.entropy import reaches
from pushwarden.detect.placeholder import counts, is_placeholder
from pushwarden.detect.rule import GENERIC, Rule
from pushwarden.model import Confidence

SECONDS: Final = 0.1
"""Longest time for one expression of a filter; whoever wrote it may not have thought of the text that it meets here."""


class Candidate(NamedTuple):
    """A hit that passed its filters, with the confidence they leave it."""

    hit: RawHit
    confidence: Confidence
    paired: bytes | None = None
    """The other half of the credential."""
    half: RawHit | None = None
    """Where the other half stands."""
    disowned: bool = False
    """The rule knows this very value to be no secret, so no generic rule shall call it one."""


def judge_hit(hit: RawHit, data: bytes, path: str, slow: set[str]) -> Candidate | None:
    """Return the hit with its confidence, or None when a filter of its rule drops it.

    Args:
        hit: the place.
        data: the content.
        path: the file's path.
        slow: names of rules whose filters took too long before; they are not asked again, and drop nothing.
    """
    secret = data[hit.secret_start : hit.secret_end]
    if not secret or not hit.rule.takes_path(path):
        return None
    rule = hit.rule.rule
    disowned = _disowned(hit.rule, secret, slow)
    confidence = rule.confidence if disowned else _confidence(rule, secret)
    if confidence is None or (disowned and rule.specificity <= GENERIC):
        return None
    if (rule.keywords or rule.allow or rule.path_pattern) and not allow.passes(hit, data, secret, path, slow):
        return None
    around = ((pattern, context(data, hit, lines)) for pattern, lines in hit.rule.near)
    if not all(_holds(hit.rule, pattern, text, slow, in_doubt=True) for pattern, text in around):
        return None
    return Candidate(hit, confidence, disowned=disowned)


def _holds(
    compiled: CompiledRule, pattern: regex.Pattern[bytes], text: bytes, slow: set[str], *, in_doubt: bool
) -> bool:
    """Tell whether a pattern matches in ``text``; ``in_doubt`` is the answer where that takes too long."""
    if compiled.name in slow:
        return in_doubt
    try:
        return pattern.search(text, timeout=SECONDS) is not None
    except TimeoutError:
        slow.add(compiled.name)
        return in_doubt


def _disowned(compiled: CompiledRule, secret: bytes, slow: set[str]) -> bool:
    """Tell whether the secret itself says that it is none: a filler, an example of the provider."""
    if compiled.rule.placeholder_filter and is_placeholder(secret):
        return True
    return any(_holds(compiled, each, secret, slow, in_doubt=False) for each in compiled.unless)


def _confidence(rule: Rule, secret: bytes) -> Confidence | None:
    """Return how sure a hit is by its bytes alone; None when they cannot be a secret of this rule."""
    if rule.entropy is not None and not reaches(secret, rule.entropy):
        return None
    if rule.placeholder_filter and counts(secret):
        # Nobody was issued such a value, but people plant it to try a scanner out: show it, stop nothing.
        return None if rule.specificity <= GENERIC else Confidence.LOW
    if rule.checksum is not None and not VERIFIERS[rule.checksum](secret):
        return rule.checksum_fail
    return rule.confidence


def context(data: bytes, hit: RawHit, lines: int) -> bytes:
    """Return the lines of the hit and ``lines`` more on each side, at most CONTEXT_BYTES each way."""
    start, end = context_bounds(data, hit.start, hit.end, lines)
    return data[start:end]
