"""The backfill's work: scan one slice of a history, in as many calls as it takes."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pushwarden.aws.codecommit import RepositoryGoneError
from pushwarden.aws.githttp import NotOurRefError, PackTooLargeError, RepositoryNotFoundError
from pushwarden.backfill_machine import PREFIX
from pushwarden.events import finding_detail
from pushwarden.history.introduced import Introduced, introduced
from pushwarden.history.pack import Limits, PackTooBigError
from pushwarden.history.remote import PackContent
from pushwarden.history.slices import History, Range
from pushwarden.model import Gap
from pushwarden.service.app import App
from pushwarden.service.backfill_plan import get, plan_key, put
from pushwarden.service.telling import tellable

SLICE_LIMITS: Final = Limits(pack_bytes=512 << 20, total_bytes=4 << 30)
"""Half of what a push may weigh: many slices share what a push has for itself."""
_UPLOAD: Final = "git-upload-pack"
_TIMEOUT: Final = "timeout"


def scan_slice(
    app: App,
    item: Mapping[str, Any],
    *,
    deadline: float,
    limits: Limits = SLICE_LIMITS,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Scan the ranges of a slice until time runs out; return the item with the ranges that are left.

    A range that is too large, or takes too long, is halved. A single commit that is too large by itself becomes a gap.

    Args:
        app: clients and settings.
        item: ``run``, ``key``, ``repository``, ``slice`` and ``ranges``, as *gather* listed it or as this returned it.
        deadline: moment on ``clock`` at which to stop.
        limits: bounds of memory and size.
        clock: a monotonic clock, in seconds.

    Raises:
        PushwardenError: a passing fault, or rights are missing; the slice can be tried again.
    """
    history = History.from_bytes(get(app, plan_key(item["run"], item["key"])))
    left: list[Range] = [(start, end) for start, end in item["ranges"]]
    begun = left[0] if left else None
    while left and (left[0] == begun or clock() < deadline):
        range_ = left.pop(0)
        found = _scan(app, item["repository"], history, range_, deadline=deadline, limits=limits, clock=clock)
        codes = {gap.code for gap in found.gaps}
        if _TIMEOUT in codes and range_ != begun:
            left.insert(0, range_)  # it had only what time the others left: next time it is the first
            break
        halves = _halves(range_) if codes & {_TIMEOUT, "pack-too-large"} else []
        if halves:
            left = [*halves, *left]
        else:
            _save(app, item, range_, found)
    if not left:
        start, end = item["slice"]
        app.runs.finish_slice(item["run"], item["key"], (start, end))
    return {**item, "ranges": left, "more": bool(left)}


def _halves(range_: Range) -> list[Range]:
    start, end = range_
    middle = (start + end) // 2
    return [(start, middle), (middle, end)] if end - start > 1 else []


def _scan(
    app: App,
    repository: str,
    history: History,
    range_: Range,
    *,
    deadline: float,
    limits: Limits,
    clock: Callable[[], float],
) -> Introduced:
    wants, haves = history.wants(*range_), history.haves(range_[0])
    commit = wants[0] if wants else None
    try:
        with tempfile.TemporaryDirectory(prefix="pushwarden-") as folder:
            path = Path(folder) / "slice.pack"
            _fetch(app, repository, wants=wants, haves=haves, path=path, max_bytes=limits.pack_bytes)
            content = PackContent(app.codecommit, repository, path=path, limits=limits, tips=wants)
            return introduced(content, app.scanner, deadline=deadline, clock=clock)
    except (PackTooLargeError, PackTooBigError) as error:
        return _only(Gap("pack-too-large", f"{error}; scan a clone with `pushwarden scan`", commit=commit))
    except NotOurRefError:
        message = "commits that no ref reaches any more were not scanned; they may have been removed since"
        return _only(Gap("commit-gone", message, commit=commit))
    except (RepositoryGoneError, RepositoryNotFoundError):
        return _only(Gap("repository-gone", "the repository was deleted or renamed before this was scanned"))


def _fetch(
    app: App, repository: str, *, wants: tuple[str, ...], haves: tuple[str, ...], path: Path, max_bytes: int
) -> None:
    advertised = app.retry.call(lambda: app.git.advertisement(repository, _UPLOAD))

    def fetch() -> None:
        with path.open("wb") as into:
            app.git.fetch(repository, wants=wants, haves=haves, advertised=advertised, into=into, max_bytes=max_bytes)

    app.retry.call(fetch)


def _save(app: App, item: Mapping[str, Any], range_: Range, found: Introduced) -> None:
    run, key = item["run"], item["key"]
    told, gaps = tellable(app, found.findings, found.gaps)
    place = part_key(run, key, range_)
    if told or gaps:
        body = {
            "findings": [finding_detail(each) for each in told],
            "gaps": [[gap.code, gap.message, gap.path, gap.commit] for gap in gaps],
        }
        # Paths that are no UTF-8 hold surrogates, which JSON escapes.
        put(app, place, json.dumps(body).encode())
    numbers = {
        "rules": app.scanner.rules.digest,
        "commits": found.commits,
        "blobs": found.blobs,
        "findings": len(told),
        "gaps": len(gaps),
    }
    app.runs.save_part(run, key, range_, numbers)


def part_key(run: str, key: str, range_: Range) -> str:
    """Return where the findings of a part are in the bucket."""
    return f"{PREFIX}{run}/parts/{key}/{range_[0]}-{range_[1]}.json"


def _only(gap: Gap) -> Introduced:
    return Introduced((), (gap,), 0, 0)
