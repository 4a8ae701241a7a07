"""Lock a repository with a tag that the stack's managed policy enforces; see :mod:`pushwarden.policies`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pushwarden.aws.codecommit import CodeCommit
from pushwarden.events import SecurityEvent
from pushwarden.policies import INCIDENT_TAG_KEY, LOCKED
from pushwarden.respond.run import ALREADY, DONE, Outcome


@dataclass(frozen=True, slots=True)
class LockPlan:
    """Which tags a repository is to get, and why."""

    repository: str
    repository_arn: str
    tags: Mapping[str, str]
    held_by: str | None
    """The incident that holds the lock already."""

    def explain(self) -> str:
        """Return the plan in a sentence."""
        if self.held_by:
            return f"{self.repository} is locked already, since incident {self.held_by}."
        shown = ", ".join(f"{key}={value}" for key, value in self.tags.items())
        return f"Tag {self.repository} with {shown}, so that nobody but the super users can read or write it."


def plan(event: SecurityEvent, tags: Mapping[str, str], *, tag_key: str) -> LockPlan:
    """Return what is to be done, given the repository's tags. A lock that is there keeps its first incident."""
    push = event.push
    held_by = tags.get(INCIDENT_TAG_KEY, "unknown") if tags.get(tag_key) == LOCKED else None
    if held_by == event.incident_id:
        held_by = None  # an earlier try of this very incident got that far: setting the tags again changes nothing
    wanted = {} if held_by else {tag_key: LOCKED, INCIDENT_TAG_KEY: event.incident_id}
    return LockPlan(push.repository, push.repository_arn, wanted, held_by)


def execute(the_plan: LockPlan, codecommit: CodeCommit) -> Outcome:
    """Set the tags.

    Raises:
        CodeCommitError: CodeCommit refused (a tag policy of the organization may forbid the value).
    """
    if the_plan.held_by:
        return Outcome(ALREADY, the_plan.explain(), {"lockedBy": the_plan.held_by})
    codecommit.tag(the_plan.repository_arn, the_plan.tags)
    return Outcome(
        DONE,
        f"{the_plan.repository} is locked: only super users can read or write it until somebody runs"
        f" `pushwarden unlock {the_plan.repository}`.",
    )


def lock(event: SecurityEvent, codecommit: CodeCommit, *, tag_key: str) -> Outcome:
    """Look at the repository's tags, plan, and carry the plan out."""
    return execute(plan(event, codecommit.tags(event.push.repository_arn), tag_key=tag_key), codecommit)
