"""One at a time: who reads a branch ahead, and who tells of what was found on a ref.

Pushes of one ref that are scanned at the same moment all find what the first of them brought in. So whoever has something
to tell takes the ref's turn, looks whether another one has told of it meanwhile, writes down what it is about to tell, tells,
moves the frontier, and only then lets the next one. A turn ends by itself, should its owner die: then the next one finds what
that one was telling, and tells it to the end in its name (:mod:`pushwarden.service.once`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from pushwarden.aws.claims import Claim
from pushwarden.errors import PushwardenError
from pushwarden.events import Push, SecurityEvent
from pushwarden.history.objects import Commit
from pushwarden.service.app import App
from pushwarden.service.telling import raised

TURN_S: Final = 90.0
"""How long a turn lasts at most. Longer than one try to publish may hang, so that nobody else tells meanwhile."""
_SINCE: Final = "tellingSince"
_WAITS: Final = 20
_WAIT_S: Final = 0.25
"""How often, and how long each time, a push waits for its turn; telling takes a fraction of a second."""


class OutOfTurnError(PushwardenError):
    """A push before this one is not scanned yet; its event may still come."""


class BranchBusyError(OutOfTurnError):
    """Another event of the same ref is being worked on; that may settle this one."""


@dataclass(slots=True)
class Turn:
    """A ref that one scan may have for itself; a context manager that gives it back."""

    app: App
    push: Push
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Of this very scan: another delivery of the same event waits, too."""
    finished: list[SecurityEvent] = field(default_factory=list)
    """What this scan has told in the name of others that died, and the frontier does not know."""
    _claim: Claim | None = None
    """What is written down; None: this scan has not got the ref."""

    def begin(self) -> bool:
        """Take the turn, or begin it anew; tell whether nobody else has it."""
        now_s = self.app.wall_clock()
        wanted = Claim(self.owner, now_s + TURN_S)
        self._claim = self.app.claims.take(self.push.repository_id, self.push.ref, wanted, now_s=now_s)
        return self._claim is not None

    @property
    def left(self) -> SecurityEvent | None:
        """What another scan was telling when it died; None if there is no such thing."""
        telling = self._claim.telling if self._claim else None
        if telling is None:
            return None
        event = SecurityEvent.from_detail(telling)
        return None if event.incident_id in {self.push.incident_id, *(e.incident_id for e in self.finished)} else event

    @property
    def told(self) -> frozenset[str]:
        """Commits whose findings this scan has told of in the name of others, and the frontier does not know."""
        return frozenset(found.commit for event in self.finished for found in event.findings if found.commit)

    def opened(self, commits: Iterable[Commit]) -> tuple[str, ...]:
        """Return those of the commits that hold the ref back because of what was told in the name of others."""
        there = {commit.commit_id for commit in commits}
        named = (each for event in self.finished for each in raised(event, (found.commit for found in event.findings)))
        return tuple(each for each in dict.fromkeys(named) if each in there)

    @property
    def left_s(self) -> float:
        """When it was about to tell that, in seconds since 1970."""
        return float(self._claim.telling[_SINCE]) if self._claim and self._claim.telling else 0.0

    def wait(self) -> None:
        """Take the turn as soon as nobody else has it.

        Raises:
            BranchBusyError: that took too long.
        """
        for _ in range(_WAITS):
            if self.begin():
                return
            self.app.retry.sleep(_WAIT_S)
        raise self.busy()

    def note(self, event: SecurityEvent | None) -> None:
        """Write down what is about to be told, so that whoever comes next can; None: everything is told.

        Raises:
            BranchBusyError: the turn is over, as it is for a process that was held up.
        """
        now_s = self.app.wall_clock()
        if self._claim is None or now_s >= self._claim.until_s:
            raise self.busy()
        telling = None if event is None else {**event.to_detail(), _SINCE: now_s}
        noted = replace(self._claim, telling=telling)
        if not self.app.claims.change(self.push.repository_id, self.push.ref, noted, self._claim, now_s=now_s):
            raise self.busy()
        self._claim = noted

    def through(self) -> None:
        """Everything is told, and the frontier knows: nothing is left for others."""
        if self._claim is not None:
            self._claim = replace(self._claim, telling=None)

    def busy(self) -> BranchBusyError:
        """Return what to raise if another event has the ref."""
        return BranchBusyError(f"another push to the same ref of {self.push.repository} is being scanned")

    def end(self) -> None:
        """Let others have the ref."""
        if self._claim is not None:
            claim, self._claim = self._claim, None
            self.app.claims.release(self.push.repository_id, self.push.ref, claim, now_s=self.app.wall_clock())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None) -> None:
        # After what nobody foresaw nothing is known; then the turn ends by itself.
        if kind is None or issubclass(kind, (PushwardenError, ClientError, BotoCoreError)):
            self.end()
