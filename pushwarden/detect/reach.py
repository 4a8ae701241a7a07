"""How far the decisions of a scan looked: what is changed farther away leaves them as they are.

Most decisions see no more than their own line, the lines next to it, or NEAR bytes; of those nothing is noted. For
:mod:`pushwarden.detect.versions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from pushwarden.detect.context import CONTEXT_BYTES, context_bounds

if TYPE_CHECKING:
    from pushwarden.detect.compiled import CompiledRule, RawHit

Stretch = tuple[int, int]
"""Offsets of the first byte and behind the last; both may lie outside of the content."""


NOTED_MOST: Final = 1000
"""Of content with more of one kind nothing is kept, so that the rest is not even noted."""


@dataclass(slots=True)
class Reach:
    """What a scan looked at; filled while it runs."""

    looked: list[Stretch] = field(default_factory=list)
    """Where something was decided that came to nothing, each decision on its own."""
    fixed: list[Stretch] = field(default_factory=list)
    """Where something was found or decoded, or where decisions hang together."""
    places: int = 0
    """How many places the judge was asked about."""

    def fix(self, stretches: Iterable[Stretch]) -> None:
        """Note where something was found or decoded; not all of it, where there is very much."""
        self.fixed += islice(stretches, NOTED_MOST)

    def triggers(self, rules: Sequence[CompiledRule], data: bytes, ends: Mapping[int, Sequence[int]]) -> None:
        """Note what rules were tried on that look far; ``ends`` are those of their triggers, by number.

        Of a rule whose trigger is wide itself nothing is noted: it must be looked for everywhere.
        """
        for number, every in ends.items():
            if number >= len(rules):
                continue
            shape, places = rules[number].shape, every[:NOTED_MOST]
            if not shape.trigger_near:
                continue
            if shape.lines is not None:
                self.looked += (_context(data, end, shape.lines, shape.width) for end in places)
            elif not shape.near:
                self.looked += ((end - shape.reach, end + shape.width) for end in places)

    def hits(self, hits: Iterable[RawHit]) -> None:
        """Note where patterns matched: filters look at the context, halves of a credential look for each other."""
        for hit in islice(hits, NOTED_MOST):
            far = 2 * CONTEXT_BYTES + hit.rule.shape.width
            self.fixed.append((hit.start - far, hit.end + far))


def _context(data: bytes, end: int, lines: int, more: int) -> Stretch:
    """Return the lines on which a rule is tried whose context ends at ``end``."""
    low, high = context_bounds(data, max(0, end - 1), end, lines + 1)
    return low - more, high + more
