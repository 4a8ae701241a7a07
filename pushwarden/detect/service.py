"""Keys without a shape of their own: found by the name of a service near a word such as ``key`` and a value of its shape.

Hyperscan looks for the services' names only, and for most of them only around long values that are given to such a word, so a
service more costs next to nothing; values are looked for where a service is named.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Final

import regex

from pushwarden.detect.compiled import CompiledRule, RawHit
from pushwarden.detect.context import context_bounds
from pushwarden.detect.reach import Reach
from pushwarden.detect.rule import Service

DEFAULT_KEYS: Final = ("key", "token", "secret", "api", "auth", "pass", "pwd", "credential", "bearer")
"""One of these words must stand in the name that the value is given to."""
_NAME_LINES: Final = 3
"""The service's name must stand within so many lines."""
_NAME_BYTES: Final = 64
_SHAPE: Final = re.compile(
    r"(?P<kind>hex|alnum|lower-alnum|upper-alnum|digits|alpha|base64url|base64|uuid|word)"
    r"(?:-?(?P<exact>\d+)|\{(?P<least>\d+)(?:,(?P<most>\d+))?\})?"
)
_KINDS: Final = {
    "alnum": "[A-Za-z0-9]",
    "lower-alnum": "[a-z0-9]",
    "upper-alnum": "[A-Z0-9]",
    "digits": "[0-9]",
    "alpha": "[A-Za-z]",
    "base64url": "[A-Za-z0-9_-]",
    "word": "[A-Za-z0-9_]",
}
_UUID: Final = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_UUID_LENGTH: Final = 36
_LEAST_ENTROPY: Final = {"hex": 2.6, "digits": 2.0, "uuid": 2.6}
_ENTROPY: Final = 3.0
_MOST: Final = 1000
_REGION_SECONDS: Final = 1.0
_LINK: Final = (
    r"[\w.\-]{0,24}(?:[^\w\r\n]{1,10}(?:(?i:value|bearer|token|basic|apikey|is)[^\w\r\n]{1,6})?"
    r"""|["'`]?[ \t:]{1,3}(?:[Ss]tring|&?str)[ \t]{0,2}=[ \t]{0,2}["'`]|["']?>[ \t]{0,4}\r?\n[ \t]{0,24})"""
)
"""Between the word and the value: signs; a type and an assignment (``key string = "..."``); the end of a tag and of its line;
a verb (``the key is ...``)."""
_LONG: Final = 16
_LOOSE_LINK: Final = (
    r"[\w.\-]*(?:[^\w\r\n]+(?:(?i:value|bearer|token|basic|apikey|is)[^\w\r\n]+)?"
    r"""|[^\w\r\n]*(?:[Ss]tring|&?str)[^\w\r\n]+|["']?>[ \t]*\r?\n[ \t]*)"""
)
"""Whatever _LINK fits, and more of it: what is not counted takes hyperscan half the time."""
ASSIGNED: Final = rf"(?i:{'|'.join(DEFAULT_KEYS)}){_LOOSE_LINK}[A-Za-z0-9+/_\-]{{{_LONG}}}".encode()
"""What every key of a service for which :func:`is_assigned` holds begins with, and hardly any other text has."""


def value_pattern(shape: str) -> str:
    """Return the expression of values of ``shape``, such as ``hex32``, ``alnum{24,40}`` or ``uuid``.

    Raises:
        ValueError: no such shape.
    """
    found = _SHAPE.fullmatch(shape)
    counted = found is not None and (found["exact"] or found["least"])
    if found is None or (found["kind"] == "uuid") == bool(counted):
        raise ValueError(f'no shape "{shape}"; write hex32, alnum{{24,40}}, base64-44, digits{{10}}, uuid or the like')
    least = int(found["exact"] or found["least"] or 0)
    most = int(found["most"] or least)
    if not least <= most <= _MOST or (counted and not least):
        raise ValueError(f'shape "{shape}" must ask for 1 to {_MOST} characters, the smaller number first')
    match found["kind"]:
        case "uuid":
            return _UUID
        case "hex":
            return f"(?:[0-9a-f]{{{least},{most}}}|[0-9A-F]{{{least},{most}}})"
        case "base64":
            return f"[A-Za-z0-9+/]{{{max(1, least - 2)},{most}}}={{0,2}}"
        case kind:
            return f"{_KINDS[kind]}{{{least},{most}}}"


def least_entropy(shape: str) -> float:
    """Return the entropy in bits per byte under which a value of ``shape`` is a filler."""
    return next((value for kind, value in _LEAST_ENTROPY.items() if shape.startswith(kind)), _ENTROPY)


def name_pattern(service: Service) -> str:
    """Return the expression of a service's names, any case."""
    return f"(?i:{'|'.join(service.names)})"


def is_assigned(service: Service) -> bool:
    """Tell whether ASSIGNED ends inside every key of ``service``: long values, given to one of the usual words.

    A word such as ``dev[_-]?key`` ends with one of them.
    """
    if not all("|" not in key and key.endswith(DEFAULT_KEYS) for key in service.keys):
        return False
    return _least_length(service.shape) >= _LONG


def _least_length(shape: str) -> int:
    """Return the letters that a value of ``shape`` has at least, before any padding."""
    if shape == "uuid":
        return _UUID_LENGTH
    counted = _SHAPE.fullmatch(shape)
    least = int(counted["exact"] or counted["least"] or 0) if counted else 0
    return max(1, least - 2) if shape.startswith("base64") and not shape.startswith("base64url") else least


@dataclass(frozen=True, slots=True)
class _Mention:
    """A place where a service is named."""

    rule: CompiledRule
    start: int
    end: int


class Services:
    """All services whose keys are found by name and nearness."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self._rules = rules

    def search(self, data: bytes, named: Mapping[int, Sequence[int]], reach: Reach | None = None) -> Iterator[RawHit]:
        """Yield the keys near the services' names.

        Args:
            data: the content.
            named: for each service, by its number, the offsets where an expression for its name ends, ascending.
            reach: where to note what was looked at.

        Raises:
            TimeoutError: an expression took too long.
        """
        groups: dict[tuple[str, tuple[str, ...]], list[_Mention]] = {}
        for number, ends in named.items():
            rule = self._rules[number]
            service = rule.rule.service
            if service is not None:
                groups.setdefault((service.shape, service.keys), []).extend(_mentions(rule, service, data, ends))
        for (shape, keys), mentions in sorted(groups.items()):
            expression = _assignment(shape, keys)
            mentions.sort(key=_START)
            starts = [each.start for each in mentions]
            for start, end in _regions(data, mentions):
                if reach is not None:
                    reach.fixed.append((start, end))
                for found in expression.finditer(data, start, end, timeout=_REGION_SECONDS):
                    nearest = _nearest(data, found, mentions, starts)
                    if nearest is not None:
                        yield RawHit(nearest.rule, *found.span(), *found.span("secret"))


_START: Final = attrgetter("start")


@cache
def _names(service: Service) -> regex.Pattern[bytes]:
    return regex.compile(name_pattern(service).encode())


@cache
def _assignment(shape: str, keys: tuple[str, ...]) -> regex.Pattern[bytes]:
    words = "|".join(keys or DEFAULT_KEYS)
    return regex.compile((rf"(?i:{words}){_LINK}(?P<secret>{value_pattern(shape)})(?![A-Za-z0-9_+/=-])").encode())


def _mentions(rule: CompiledRule, service: Service, data: bytes, ends: Sequence[int]) -> Iterator[_Mention]:
    """Yield where the name really stands, as a word of its own."""
    done = 0
    for end in ends:
        low, high = max(done, end - _NAME_BYTES), min(len(data), end + _NAME_BYTES)
        for found in _names(service).finditer(data, low, high, timeout=_REGION_SECONDS):
            done = max(done, found.end())
            if _stands_alone(data, *found.span()):
                yield _Mention(rule, *found.span())


def _regions(data: bytes, mentions: Sequence[_Mention]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of ``data`` that are near enough to a mention, in order, without overlap."""
    start = end = 0
    for each in mentions:
        low, high = context_bounds(data, each.start, each.end, _NAME_LINES)
        if low <= end:
            end = max(end, high)
            continue
        yield start, end
        start, end = low, high
    yield start, end


def _nearest(
    data: bytes, found: regex.Match[bytes], mentions: Sequence[_Mention], starts: Sequence[int]
) -> _Mention | None:
    """Return the service that is named closest before the value, or else closest after it, within reach."""
    low, high = context_bounds(data, *found.span(), _NAME_LINES)
    first, last = found.span("secret")
    best: tuple[int, _Mention] | None = None
    for each in mentions[bisect_left(starts, low) : bisect_left(starts, high)]:
        if each.end > high or (first < each.end and each.start < last):
            continue
        distance = first - each.end if each.end <= first else (high - low) + each.start - last
        if best is None or distance < best[0]:
            best = (distance, each)
    return best[1] if best else None


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    """Tell whether ``data[start:end]`` is a word of its own, also inside ``camelCase`` and ``snake_case``."""
    before, after = data[start - 1 : start] if start else b"", data[end : end + 1]
    opens = not before.isalpha() or (before.islower() and data[start : start + 1].isupper())
    closes = not after.isalpha() or (data[end - 1 : end].islower() and after.isupper())
    return opens and closes
