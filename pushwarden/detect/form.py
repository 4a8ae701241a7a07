"""What is known of a pattern before anything is scanned: worked out once, by :mod:`pushwarden.detect.shape`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

ENDLESS: Final = 1 << 30
"""More ways than anybody would wait for."""


class Needs(NamedTuple):
    """Texts of which one must stand in a match."""

    texts: tuple[bytes, ...]
    folded: bool
    """The texts are in lower case and stand for either case."""

    def met(self, data: bytes, start: int, end: int) -> bool:
        """Tell whether one of the texts stands in ``data[start:end]``."""
        if self.folded:
            low = data[start:end].lower()
            for text in self.texts:  # noqa: SIM110 - a generator would take longer than the search
                if text in low:
                    return True
            return False
        for text in self.texts:  # noqa: SIM110 - likewise
            if data.find(text, start, end) >= 0:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Shape:
    """A pattern made ready for the engines."""

    pattern: str
    """The pattern with every endless repeat bounded."""
    width: int
    """Longest match in bytes, with what look-arounds see."""
    trigger: str | None
    """The expression for hyperscan; None where nothing must stand there."""
    reach: int
    """The trigger ends at most this far behind the start of the match."""
    solid: int
    """So many certain bytes in a row, whichever way the trigger matches: hyperscan finds those at full speed."""
    lines: int | None = None
    """Not None: the trigger is that of the context, which stands so many lines from the match or less."""
    run: int = 0
    """So many letters of base64 in a row stand in every match, at least."""
    layer: int = 0
    """Where the trigger is tried: a :class:`pushwarden.detect.layers.Layer`."""
    near: bool = False
    """A match, with what it looks at, stays on its line or is no wider than NEAR."""
    trigger_near: bool = False
    """The same of the trigger."""
    steps: tuple[int, int] | None = None
    """Not None: a match begins so many bytes before the end of its trigger, at least and at most."""
    ways: int = ENDLESS
    """At most so many ways of matching are tried from one place; ENDLESS stands for more than anybody would wait for."""
    needs: Needs | None = None
    """What must stand in every match besides its trigger; None where nothing certain must."""
    body: str | None = None
    """The longest run of characters of one kind that stands in every match, as an expression; None where there is no long one."""
    nearby: Needs | None = None
    """What must stand within CONTEXT_BYTES of every match that counts."""
