"""Allowlists and keywords of imported configurations."""

from __future__ import annotations

from functools import cache
from typing import AnyStr, Final

import regex

from pushwarden.detect.compiled import RawHit
from pushwarden.detect.context import context_bounds
from pushwarden.detect.rule import Allow, Rule

SECONDS: Final = 0.1
"""Longest time for one expression; whoever wrote it may not have thought of the text that it meets here."""


def passes(hit: RawHit, data: bytes, secret: bytes, path: str, slow: set[str]) -> bool:
    """Tell whether an imported rule reports this hit: its path, its keywords, and no allowlist that drops it.

    A rule whose name is in ``slow`` drops nothing, for its expressions took too long before; others may be added to it.
    """
    rule = hit.rule.rule
    if hit.rule.name in slow:
        return True
    try:
        return _passes(rule, hit, data, secret, path)
    except TimeoutError:
        slow.add(hit.rule.name)
        return True


def _passes(rule: Rule, hit: RawHit, data: bytes, secret: bytes, path: str) -> bool:
    if rule.path_pattern is not None and not _holds(_on_path(rule.path_pattern), path):
        return False
    if rule.keywords and not _any_of(rule.keywords).search(data):
        return False
    return not any(_allows(each, hit, data, secret, path) for each in rule.allow)


def _allows(allow: Allow, hit: RawHit, data: bytes, secret: bytes, path: str) -> bool:
    """Tell whether one allowlist drops the hit: by one of its conditions, or by all where it wants all."""
    held: list[bool] = []
    if allow.regexes:
        text = _target(allow.target, hit, data, secret)
        held.append(any(_holds(_expression(each), text) for each in allow.regexes))
    if allow.paths:
        held.append(any(_holds(_on_path(each), path) for each in allow.paths))
    if allow.stopwords:
        lowered = secret.lower()
        held.append(any(word.encode() in lowered for word in allow.stopwords))
    return bool(held) and (all(held) if allow.all_needed else any(held))


def _holds(expression: regex.Pattern[AnyStr], text: AnyStr) -> bool:
    """Tell whether an expression matches in ``text``.

    Raises:
        TimeoutError: it takes too long.
    """
    return expression.search(text, timeout=SECONDS) is not None


def _target(target: str, hit: RawHit, data: bytes, secret: bytes) -> bytes:
    if target == "match":
        return data[hit.start : hit.end]
    if target == "line":
        start, end = context_bounds(data, hit.start, hit.end, 0)
        return data[start:end].rstrip(b"\r\n")
    return secret


@cache
def _expression(pattern: str) -> regex.Pattern[bytes]:
    return regex.compile(pattern.encode())


@cache
def _on_path(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)


@cache
def _any_of(words: tuple[str, ...]) -> regex.Pattern[bytes]:
    return regex.compile(b"(?i)" + b"|".join(regex.escape(word.encode()) for word in words))
