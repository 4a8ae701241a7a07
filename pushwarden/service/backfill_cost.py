"""What a backfill will cost, before it is started. Pure, but for reading how many commits there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pushwarden.errors import PushwardenError
from pushwarden.service.app import App
from pushwarden.service.backfill_plan import repository_history
from pushwarden.service.backfill_start import watched_repositories
from pushwarden.topology import BACKFILL_PLAN, BACKFILL_SCAN

GB_SECOND_USD: Final = 0.0000166667
"""x86: https://aws.amazon.com/lambda/pricing/ (us-east-1)"""
TRANSITION_USD: Final = 0.000025
"""Standard workflows: https://aws.amazon.com/step-functions/pricing/ (us-east-1)"""
SECONDS_PER_SLICE: Final = 60.0
"""An assumption: 500 ordinary commits. Large files take longer; the limit of a function bounds each call."""
SECONDS_PER_PLAN: Final = 10.0
_REQUESTS_PER_SLICE: Final = 2
_REQUESTS_PER_PLAN: Final = 2
_TRANSITIONS_PER_SLICE: Final = 4
_TRANSITIONS_PER_PLAN: Final = 3
_MIB_PER_GB: Final = 1024


@dataclass(frozen=True, slots=True)
class Share:
    """One repository's share."""

    name: str
    commits: int
    slices: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What all shares come to."""

    repositories: int
    commits: int
    slices: int
    git_requests: int
    """To CodeCommit; merges and old versions of files may add some to its API."""
    likely_usd: float
    at_most_usd: float
    """Every slice takes one whole call."""


def shares(app: App, repositories: Sequence[str] = ()) -> Iterator[Share]:
    """Yield the share of each watched repository, or of those that are named; nothing is written.

    Raises:
        PushwardenError: the list of repositories cannot be read, or one that is named is not there.
    """
    for name in sorted(name for _, name in watched_repositories(app, repositories)):
        try:
            found = repository_history(app, name)
        except PushwardenError as error:
            yield Share(name, 0, 0, str(error))
        else:
            yield Share(name, len(found.commits), len(found.slices()))


def cost(found: Sequence[Share]) -> Cost:
    """Return what the shares come to, at list prices and without any free tier."""
    slices, repositories = sum(each.slices for each in found), len(found)
    scan_gb, plan_gb = BACKFILL_SCAN.memory_mb / _MIB_PER_GB, BACKFILL_PLAN.memory_mb / _MIB_PER_GB
    steps = slices * _TRANSITIONS_PER_SLICE + repositories * _TRANSITIONS_PER_PLAN
    fixed = repositories * SECONDS_PER_PLAN * plan_gb * GB_SECOND_USD + steps * TRANSITION_USD
    return Cost(
        repositories=repositories,
        commits=sum(each.commits for each in found),
        slices=slices,
        git_requests=slices * _REQUESTS_PER_SLICE + repositories * _REQUESTS_PER_PLAN,
        likely_usd=fixed + slices * SECONDS_PER_SLICE * scan_gb * GB_SECOND_USD,
        at_most_usd=fixed + slices * BACKFILL_SCAN.timeout_s * scan_gb * GB_SECOND_USD,
    )
