"""Tell people: the only place that mails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from botocore.exceptions import ClientError

from pushwarden.aws.state import StaleStateError, State, Step
from pushwarden.aws.topics import Topic
from pushwarden.errors import PushwardenError
from pushwarden.events import SecurityEvent, SecurityResponse
from pushwarden.respond.mail import AGAIN, Mail, chat_message, event_mail, response_mail
from pushwarden.respond.report_mail import BackfillReport, report_mail
from pushwarden.respond.run import FAILED

SENDING_S: Final = 60.0
"""How long a function may be about to send: its time limit. Whoever noted longer ago that it would send, is not there any more."""
_SERVER_ERROR: Final = 500
_DONE, _SENDING, _UNSENT = "done", "sending", "unsent"


class BusyError(PushwardenError):
    """Another delivery of the same event is at work on it."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """Where mails and chat messages go, and what has been told already."""

    mail: Topic
    chat: Topic | None
    state: State
    wall_clock: Callable[[], float]

    def tell_event(self, event: SecurityEvent) -> bool:
        """Mail a security event, once; False: it was told before, or the policy does not want it told."""
        if "notify" not in event.actions:
            return False
        return self._tell(event.incident_id, "notify:event", event_mail(event))

    def tell_response(self, response: SecurityResponse) -> bool:
        """Mail how an action ended, once; False: it was told before."""
        # One mail for each way to end: what failed at first may be made good by a later try.
        failed = ":failed" if response.outcome == FAILED else ""
        return self._tell(response.incident_id, f"notify:{response.action}{failed}", response_mail(response))

    def tell_report(self, report: BackfillReport) -> bool:
        """Mail what a backfill came to, once; False: it was told before."""
        # A run that was resumed and got further is told of again.
        step = f"notify:report:{report.totals.get('unscanned', 0)}"
        return self._tell(f"backfill-{report.run}", step, report_mail(report))

    def _tell(self, incident_id: str, step: str, mail: Mail) -> bool:
        told = self._once(incident_id, step, mail, self._mail)
        if self.chat is not None:
            # A step of its own: when the chat's topic fails, the mail that is out is not sent again.
            self._once(incident_id, f"{step}:chat", mail, lambda each: self._chat(each, incident_id))
        return told

    def _mail(self, mail: Mail) -> None:
        self.mail.publish(mail.text, subject=mail.subject)

    def _chat(self, mail: Mail, incident_id: str) -> None:
        assert self.chat is not None
        self.chat.publish(chat_message(mail, incident_id))

    def _once(self, incident_id: str, step: str, mail: Mail, send: Callable[[Mail], None]) -> bool:
        """Send a message and write that down.

        SNS topics that mail people cannot tell whether they have taken a message before. So it is written down before,
        too: whoever finds that note knows that the message may be out. It is then sent again, and says so, because a mail
        that comes twice is better than none; nothing else can make it come twice.

        Raises:
            BusyError: another delivery of the same event is sending at this moment.
        """
        before = self.state.step(incident_id, step)
        if before is not None and before.outcome == _DONE:
            return False
        again = before is not None and before.outcome == _SENDING
        if before is not None and again and self.wall_clock() - before.at_s < SENDING_S:
            raise BusyError(f"{step} of {incident_id} is being sent, or was when its function ended; tried again later")
        try:
            self.state.begin_step(incident_id, step, Step(_SENDING, mail.subject), before, now_s=self.wall_clock())
        except StaleStateError:
            raise BusyError(f"{step} of {incident_id} is being sent by another delivery; tried again later") from None
        try:
            send(replace(mail, text=f"{AGAIN}\n\n{mail.text}") if again else mail)
        except ClientError as error:
            # Refused: nothing was sent, so the next try need not say that it may be a repeat.
            if not again and error.response["ResponseMetadata"]["HTTPStatusCode"] < _SERVER_ERROR:
                self.state.record_step(incident_id, step, Step(_UNSENT, mail.subject), now_s=self.wall_clock())
            raise
        self.state.record_step(incident_id, step, Step(_DONE, mail.subject), now_s=self.wall_clock())
        return True
