"""Carry out one response once: look whether it is done, do it, publish what was done, write that down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pushwarden.aws.accesskeys import AccessKeyError
from pushwarden.aws.backups import BackupError
from pushwarden.aws.bus import SecurityBus
from pushwarden.aws.codecommit import CodeCommitError, RepositoryGoneError
from pushwarden.aws.githttp import GitError, GitUnavailableError, RepositoryNotFoundError
from pushwarden.aws.securityhub import SecurityHubError
from pushwarden.aws.state import State, Step
from pushwarden.errors import PushwardenError
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

        What CodeCommit refuses becomes a *failed* response, so that people are told at once; and is raised all the same,
        because missing rights and expired credentials may be put right: the queue brings the event again, silently from
        then on, until it succeeds or ends in the dead-letter queue, which has an alarm. Only a repository that is gone
        is not tried again.

        Raises:
            GitUnavailableError: CodeCommit cannot be reached at present.
            PublishError: the response could not be published; it will be done again.
            CodeCommitError, GitError, BackupError, AccessKeyError, SecurityHubError: refused; people have been told.
        """
        before = self.state.step(event.incident_id, action)
        if before is not None and before.outcome != FAILED:
            return None
        refused: PushwardenError | None = None
        try:
            outcome = work()
        except GitUnavailableError:
            raise
        except (RepositoryGoneError, RepositoryNotFoundError) as error:
            outcome = Outcome(REFUSED, f"{action} was not done: {error}.")
        except (CodeCommitError, GitError, BackupError, AccessKeyError, SecurityHubError) as error:
            if before is not None:
                raise
            outcome, refused = Outcome(FAILED, f"{action} failed, and is tried again: {error}."), error
        self._say(event, action, outcome)
        if refused is not None:
            raise refused
        return outcome

    def _say(self, event: SecurityEvent, action: str, outcome: Outcome) -> None:
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
        step = Step(outcome.outcome, outcome.summary)
        self.state.record_step(event.incident_id, action, step, now_s=self.wall_clock())
