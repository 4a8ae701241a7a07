"""One at a time: who reads a branch ahead, and who tells of what was found on a ref.

Pushes of one ref that are scanned at the same moment all find what the first of them brought in. So whoever has something
to tell takes the ref's turn, looks whether another one has told of it meanwhile, tells, moves the frontier, and only then
lets the next one. A turn ends by itself, should its owner die: then others find what that one may not have told.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from pushwarden.errors import PushwardenError
from pushwarden.events import Push
from pushwarden.service.app import App

TURN_S: Final = 90.0
"""How long a turn lasts at most. Longer than one try to publish may hang, so that nobody else tells meanwhile."""
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
    until_s: float = 0.0
    """Until when this scan has the ref, in seconds since 1970; 0: it has not."""

    def begin(self) -> bool:
        """Take the turn, or begin it anew; tell whether nobody else has it."""
        now_s = self.app.wall_clock()
        taken = self.app.state.claim(
            self.push.repository_id, self.push.ref, owner=self.owner, now_s=now_s, until_s=now_s + TURN_S
        )
        self.until_s = now_s + TURN_S if taken else 0.0
        return taken

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

    def check(self) -> None:
        """Make sure that the turn is not over, as it is for a process that was held up.

        Raises:
            BranchBusyError: it is.
        """
        if self.app.wall_clock() >= self.until_s:
            raise self.busy()

    def busy(self) -> BranchBusyError:
        """Return what to raise if another event has the ref."""
        return BranchBusyError(f"another push to the same ref of {self.push.repository} is being scanned")

    def end(self) -> None:
        """Let others have the ref."""
        if self.until_s:
            self.until_s = 0.0
            self.app.state.release(
                self.push.repository_id, self.push.ref, owner=self.owner, now_s=self.app.wall_clock()
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None) -> None:
        # After what nobody foresaw nothing is known; then the turn ends by itself.
        if kind is None or issubclass(kind, (PushwardenError, ClientError, BotoCoreError)):
            self.end()
