"""Carry out one response once: look whether it is done, do it, publish what was done, write that down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pushwarden.aws.backups import BackupError
from pushwarden.aws.bus import SecurityBus
from pushwarden.aws.codecommit import CodeCommitError
from pushwarden.aws.githttp import GitError, GitUnavailableError
from pushwarden.aws.state import State, Step
from pushwarden.events import SecurityEvent, SecurityResponse
from pushwarden.model import SECURITY_RESPONSE

DONE: Final = "done"
ALREADY: Final = "already"
REFUSED: Final = "refused"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended, in words for a person and facts for a program."""

    outcome: str
    summary: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Responder:
    """What every response needs besides its own work."""

    state: State
    bus: SecurityBus
    wall_clock: Callable[[], float]

    def respond(self, event: SecurityEvent, action: str, work: Callable[[], Outcome]) -> Outcome | None:
        """Do ``work`` unless it was done before; publish and record how it ended. None: it was done before.

        What cannot succeed however often it is tried becomes a *failed* response, so that people are told. A passing
        fault is raised: the queue brings the event again, and its dead-letter queue has an alarm.

        Raises:
            GitUnavailableError: CodeCommit cannot be reached at present.
            PublishError: the response could not be published; it will be done again.
        """
        if self.state.step(event.incident_id, action) is not None:
            return None
        try:
            outcome = work()
        except GitUnavailableError:
            raise
        except (CodeCommitError, GitError, BackupError) as error:
            outcome = Outcome(FAILED, f"{action} failed: {error}.")
        push = event.push
        response = SecurityResponse(
            incident_id=event.incident_id,
            action=action,
            outcome=outcome.outcome,
            summary=outcome.summary,
            repository=push.repository,
            ref=push.ref,
            account=push.account,
            region=push.region,
            facts=outcome.facts,
        )
        self.bus.publish(SECURITY_RESPONSE, response.to_detail(), resources=(push.repository_arn,))
        self.state.record_step(
            event.incident_id, action, Step(outcome.outcome, outcome.summary), now_s=self.wall_clock()
        )
        return outcome
