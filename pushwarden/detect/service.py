"""Keys without a shape of their own: found by the name of a service near a word such as ``key`` and a value of its shape.

Services whose values look alike share one expression, so a service more costs next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

import regex

from pushwarden.detect.compiled import CompiledRule, RawHit
from pushwarden.detect.filters import context_bounds
from pushwarden.detect.rule import Service
from pushwarden.detect.shape import Shape, shape_of

DEFAULT_KEYS: Final = ("key", "token", "secret", "api", "auth", "pass", "pwd", "credential", "bearer")
"""One of these words must stand in the name that the value is given to."""
_NAME_LINES: Final = 3
"""The service's name must stand within so many lines."""
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
_LEAST_ENTROPY: Final = {"hex": 2.6, "digits": 2.0, "uuid": 2.6}
_ENTROPY: Final = 3.0
_MOST: Final = 1000


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


class ServiceFamily:
    """All services whose values have one shape and whose names use the same words."""

    def __init__(
        self, members: Sequence[CompiledRule], services: Sequence[Service], shape: Shape | None = None
    ) -> None:
        self.members = tuple(members)
        self._services = tuple(services)
        self.name = f"services with {services[0].shape}"
        self.shape = shape if shape is not None else shape_of(_assignment(services[0]))

    @cached_property
    def expression(self) -> regex.Pattern[bytes]:
        """A word such as ``key``, something between, a value."""
        return regex.compile(self.shape.pattern.encode())

    @cached_property
    def _names(self) -> regex.Pattern[bytes]:
        """Any member's name; the group ``n<index>`` says whose."""
        alternatives = "|".join(
            f"(?P<n{index}>{'|'.join(service.names)})" for index, service in enumerate(self._services)
        )
        return regex.compile(f"(?i:{alternatives})".encode())

    def hit(self, match: regex.Match[bytes]) -> RawHit | None:
        """Return the hit of the service that is named closest before the value, or else closest after it."""
        data, (start, end) = match.string, match.span()
        first, last = match.span("secret")
        low, high = context_bounds(data, start, end, _NAME_LINES)
        best: tuple[int, int] | None = None
        for named in self._names.finditer(data, low, high, overlapped=True):
            if not _stands_alone(data, *named.span()) or (first < named.end() and named.start() < last):
                continue
            distance = first - named.end() if named.end() <= first else 2 * (high - low) + named.start()
            index = int(str(named.lastgroup)[1:])
            if best is None or distance < best[0]:
                best = (distance, index)
        if best is None:
            return None
        return RawHit(self.members[best[1]], start, end, first, last)


def _assignment(service: Service) -> str:
    words = "|".join(service.keys or DEFAULT_KEYS)
    return (
        rf"(?i:{words})[\w.\-]{{0,24}}[^\w\r\n]{{1,10}}(?:(?i:value|bearer|token|basic|apikey)[^\w\r\n]{{1,6}})?"
        rf"(?P<secret>{value_pattern(service.shape)})(?![A-Za-z0-9_+/=-])"
    )


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    """Tell whether ``data[start:end]`` is a word of its own, also inside ``camelCase`` and ``snake_case``."""
    before, after = data[start - 1 : start], data[end : end + 1]
    opens = not before.isalpha() or (before.islower() and data[start : start + 1].isupper())
    closes = not after.isalpha() or (data[end - 1 : end].islower() and after.isupper())
    return opens and closes


def families(rules: Iterable[CompiledRule], shapes: Iterator[Shape] | None = None) -> list[ServiceFamily]:
    """Group the service rules among ``rules`` by shape and words, in a fixed order.

    Args:
        rules: compiled rules; those without a service are left.
        shapes: the shapes of the families, where they are known.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[CompiledRule, Service]]] = {}
    for each in rules:
        if (service := each.rule.service) is not None:
            groups.setdefault((service.shape, service.keys), []).append((each, service))
    return [
        ServiceFamily([c for c, _ in group], [s for _, s in group], next(shapes) if shapes else None)
        for _, group in sorted(groups.items(), key=lambda item: item[0])
    ]
