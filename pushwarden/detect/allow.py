"""Allowlists and keywords of imported configurations."""

from __future__ import annotations

import re
from functools import cache

import regex

from pushwarden.detect.compiled import RawHit
from pushwarden.detect.context import context_bounds
from pushwarden.detect.rule import Allow


def passes(hit: RawHit, data: bytes, secret: bytes, path: str) -> bool:
    """Tell whether an imported rule reports this hit: its path, its keywords, and no allowlist that drops it."""
    rule = hit.rule.rule
    if rule.path_pattern is not None and not _on_path(rule.path_pattern).search(path):
        return False
    if rule.keywords and not _any_of(rule.keywords).search(data):
        return False
    return not any(_allows(each, hit, data, secret, path) for each in rule.allow)


def _allows(allow: Allow, hit: RawHit, data: bytes, secret: bytes, path: str) -> bool:
    """Tell whether one allowlist drops the hit: by one of its conditions, or by all where it wants all."""
    held: list[bool] = []
    if allow.regexes:
        text = _target(allow.target, hit, data, secret)
        held.append(any(_expression(each).search(text) for each in allow.regexes))
    if allow.paths:
        held.append(any(_on_path(each).search(path) for each in allow.paths))
    if allow.stopwords:
        lowered = secret.lower()
        held.append(any(word.encode() in lowered for word in allow.stopwords))
    return bool(held) and (all(held) if allow.all_needed else any(held))


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
def _on_path(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@cache
def _any_of(words: tuple[str, ...]) -> regex.Pattern[bytes]:
    return regex.compile(b"(?i)" + b"|".join(regex.escape(word.encode()) for word in words))
