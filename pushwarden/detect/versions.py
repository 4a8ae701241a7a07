"""Scan a version of some content by what it changed: the versions of a file repeat nearly all their lines.

A scan notes how far its decisions looked (:mod:`pushwarden.detect.reach`). Where a version copies a stretch of an earlier
one, whatever was decided inside it without looking out stands; the changed lines are scanned with a margin in which every
decision fits that saw them. Where one does not, where something is found, or where much is changed, all of it is scanned.
The result is that of a scan of the whole, always.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final

from pushwarden.detect.decode.packed import is_packed
from pushwarden.detect.decode.wide import wide_encoding
from pushwarden.detect.explore import BATCH
from pushwarden.detect.linebreak import NEAR
from pushwarden.detect.lines import LineIndex
from pushwarden.detect.reach import NOTED_MOST, Reach, Stretch
from pushwarden.detect.scanner import Scanner
from pushwarden.model import Match, ScanResult

BETWEEN: Final = b"\n" * 32
"""What stands between changed stretches that are scanned together: more than the judge looks behind a place."""
MOST_STRETCHES: Final = 200
"""Of content in which more was noted, nothing is kept."""
MOST_CHANGES: Final = 64
SHARE: Final = 2
"""A version is scanned as a whole where more than one in so many bytes had to be looked at."""


Copy = tuple[int, int, int]
"""Bytes that a version has from an earlier one: offset in the version, offset in the earlier one, how many."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of scanned content, so that a version of it can be scanned by its changes."""

    path: str
    """A path at which it was scanned; for one of the same class (:meth:`Scanner.path_class`) the same holds."""
    size: int
    looked: tuple[Stretch, ...]
    """As in :class:`Reach`, and within the content."""
    fixed: tuple[Stretch, ...]
    matches: tuple[Match, ...]
    places: int
    """At least how many places the judge was asked about; perhaps more."""


@dataclass(frozen=True, slots=True)
class Change:
    """How content came from earlier content."""

    base: Record
    copies: Sequence[Copy]


Scanned = tuple[ScanResult, Record | None]
"""What was found, and what to keep for versions of the content; None where nothing is worth it."""


class Versions:
    """Scans content, as a version of earlier content where it can."""

    def __init__(self, scanner: Scanner) -> None:
        """Make one for a scanner for which :attr:`Scanner.is_local` holds."""
        self._scanner = scanner

    def scan(self, data: bytes, path: str, deadline: float | None, change: Change | None = None) -> Scanned:
        """Return what a scan of all of ``data`` finds, and what to keep for its versions.

        Args:
            data: the content.
            path: the file's path.
            deadline: a value of :func:`time.monotonic`.
            change: where the content came from, if that is known.
        """
        if wide_encoding(data) is not None or is_packed(data):
            return self._scanner.scan(data, path=path, deadline=deadline), None
        if change is not None and self._scanner.path_class(change.base.path) == self._scanner.path_class(path):
            known = self._by_change(data, change, deadline)
            if known is not None:
                return known
        reach = Reach()
        result = self._scanner.scan(data, path=path, deadline=deadline, reach=reach)
        if result.gaps or reach.places > BATCH or len(reach.looked) + len(reach.fixed) > MOST_STRETCHES:
            return result, None
        size = len(data)
        looked, fixed = _within(reach.looked, size), _within(reach.fixed, size)
        return result, Record(path, size, looked, fixed, result.matches, reach.places)

    def _by_change(self, data: bytes, change: Change, deadline: float | None) -> Scanned | None:
        """Return the result by what was changed; None where the whole must be scanned."""
        base, size = change.base, len(data)
        copied = _Copied(change.copies)
        changes = _changes(data, copied, base.size)
        if len(changes) > MOST_CHANGES:
            return None
        fixed = [moved for each in base.fixed if (moved := copied.moved(each, changes)) is not None]
        if len(fixed) < len(base.fixed):
            return None
        looked: list[Stretch] = []
        again: list[Stretch] = []
        for each in base.looked:
            moved = copied.moved(each, changes)
            if moved is not None:
                looked.append(moved)
            else:
                again.append(copied.around(each, size))
        slices = _joined([*(_margin(data, each) for each in changes), *(_margin(data, each) for each in again)])
        if sum(high - low for low, high in slices) * SHARE > size:
            return None
        seen = self._look(data, slices, changes, base.path, deadline)
        if seen is None or base.places + seen.places > BATCH or self._scanner.finds_wide(data, base.path, deadline):
            return None
        matches = _moved_matches(base.matches, copied, data)
        stretches = (*looked, *seen.looked)
        if len(stretches) + len(fixed) > MOST_STRETCHES:
            return ScanResult(matches), None
        return ScanResult(matches), Record(base.path, size, stretches, tuple(fixed), matches, base.places + seen.places)

    def _look(
        self, data: bytes, slices: Sequence[Stretch], changes: Sequence[Stretch], path: str, deadline: float | None
    ) -> Reach | None:
        """Scan the slices; return what decisions about the changes looked at, None where there is more to it."""
        reach = Reach()
        text = BETWEEN.join([data[low:high] for low, high in slices])
        result = self._scanner.scan(text, path=path, deadline=deadline, reach=reach)
        if result.gaps or max(len(reach.looked), len(reach.fixed)) >= NOTED_MOST:
            return None
        placed = _Placed(slices, changes, len(data))
        if any(placed.touches(each) for each in reach.fixed):
            return None
        looked: list[Stretch] = []
        for each in reach.looked:
            if placed.touches(each):
                whole = placed.origin(each)
                if whole is None:
                    return None
                looked.append(whole)
        return Reach(looked, [], reach.places)


class _Copied:
    """Where bytes of the earlier content stand in a version."""

    def __init__(self, copies: Iterable[Copy]) -> None:
        self.copies = _in_order(copies)
        self._sources = [source for _, source, _ in self.copies]

    def moved(self, stretch: Stretch, changes: Sequence[Stretch]) -> Stretch | None:
        """Return where a stretch stands now; None where a change touches it."""
        low, high = stretch
        at = bisect_right(self._sources, low) - 1
        if at < 0:
            return None
        target, source, size = self.copies[at]
        if high > source + size:
            return None
        low, high = low + target - source, high + target - source
        return None if _touches(changes, low, high) else (low, high)

    def around(self, stretch: Stretch, size: int) -> Stretch:
        """Return what stands now in the place of a stretch that was changed; ``size`` is that of the version."""
        low, high = stretch
        at = bisect_right(self._sources, low) - 1
        first = 0
        if at >= 0:
            target, source, count = self.copies[at]
            first = target + min(low - source, count)
        at = bisect_left(self._sources, high)
        last = self.copies[at][0] if at < len(self.copies) else size
        if at > 0:
            target, source, count = self.copies[at - 1]
            if high <= source + count:
                last = target + high - source
        return first, max(first, last)


def _in_order(copies: Iterable[Copy]) -> list[Copy]:
    """Return the copies that keep the order of the earlier content; the others are changes."""
    kept: list[Copy] = []
    end = 0
    for each in copies:
        _, source, size = each
        if source < end:
            if size < kept[-1][2]:
                continue
            while kept and kept[-1][1] + kept[-1][2] > source and kept[-1][2] <= size:
                kept.pop()
            if kept and kept[-1][1] + kept[-1][2] > source:
                end = kept[-1][1] + kept[-1][2]
                continue
        kept.append(each)
        end = source + size
    return kept


def _changes(data: bytes, copied: _Copied, base_size: int) -> list[Stretch]:
    """Return the lines of ``data`` that are not copied, or next to what was taken away, in order."""
    found: list[Stretch] = []
    target = source = 0
    for begin, first, size in copied.copies:
        if begin > target or first > source:
            _add(found, _lines(data, target, begin))
        target, source = begin + size, first + size
    if target < len(data) or source < base_size:
        _add(found, _lines(data, target, len(data)))
    return found


def _lines(data: bytes, low: int, high: int) -> Stretch:
    end = data.find(b"\n", high)
    return data.rfind(b"\n", 0, low) + 1, len(data) if end < 0 else end


def _margin(data: bytes, stretch: Stretch) -> Stretch:
    """Return a stretch with NEAR bytes more, whole lines, and one line more, on each side."""
    low, high = max(0, stretch[0] - NEAR), stretch[1] + NEAR
    low = data.rfind(b"\n", 0, low)
    low = data.rfind(b"\n", 0, low) if low > 0 else -1
    high = data.find(b"\n", high)
    high = data.find(b"\n", high + 1) if high >= 0 else -1
    return low + 1, len(data) if high < 0 else high


def _add(stretches: list[Stretch], each: Stretch) -> None:
    """Add a stretch that does not begin before the last one, or join it to that one."""
    if stretches and each[0] <= stretches[-1][1]:
        stretches[-1] = (stretches[-1][0], max(stretches[-1][1], each[1]))
    else:
        stretches.append(each)


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for each in sorted(stretches):
        _add(joined, each)
    return joined


def _touches(stretches: Sequence[Stretch], low: int, high: int) -> bool:
    """Tell whether one of ``stretches`` (in order, apart) shares a byte with ``low`` to ``high``, or ends where that begins."""
    at = bisect_left(stretches, low, key=_END)
    return at < len(stretches) and stretches[at][0] <= high


_END: Final = itemgetter(1)


def _within(stretches: Iterable[Stretch], size: int) -> tuple[Stretch, ...]:
    return tuple((max(0, low), min(size, high)) for low, high in stretches)


class _Placed:
    """Slices of content that stand behind each other in one text."""

    def __init__(self, slices: Sequence[Stretch], changes: Sequence[Stretch], size: int) -> None:
        self._slices, self._size = slices, size
        self._starts: list[int] = []
        """Where each slice begins in the text."""
        at = 0
        for low, high in slices:
            self._starts.append(at)
            at += high - low + len(BETWEEN)
        self._changes = list(self._in_text(changes))

    def _in_text(self, changes: Sequence[Stretch]) -> Iterator[Stretch]:
        number = 0
        for low, high in changes:
            while high > self._slices[number][1]:
                number += 1
            shift = self._starts[number] - self._slices[number][0]
            yield low + shift, high + shift

    def touches(self, stretch: Stretch) -> bool:
        """Tell whether a change stands in a stretch of the text."""
        return _touches(self._changes, *stretch)

    def origin(self, stretch: Stretch) -> Stretch | None:
        """Return where a stretch of the text stands in the content; None where it goes beyond a slice."""
        low, high = stretch
        at = max(0, bisect_left(self._starts, low) - 1)
        first, last = self._slices[at]
        shift = first - self._starts[at]
        low, high = low + shift, high + shift
        if low <= first:
            if first:
                return None
            low = 0
        if high >= last:
            if last < self._size:
                return None
            high = self._size
        return low, high


def _moved_matches(matches: Iterable[Match], copied: _Copied, data: bytes) -> tuple[Match, ...]:
    lines = LineIndex(data)
    moved: list[Match] = []
    for each in matches:
        stretch = copied.moved((each.span.start, each.span.end), ())
        assert stretch is not None  # what it stands in was not changed
        moved.append(replace(each, span=lines.span(*stretch)))
    return tuple(moved)
