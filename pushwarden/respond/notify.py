"""Tell people: the only place that mails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pushwarden.aws.state import State, Step
from pushwarden.aws.topics import Topic
from pushwarden.events import SecurityEvent, SecurityResponse
from pushwarden.respond.mail import Mail, chat_message, event_mail, response_mail


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
        return self._tell(response.incident_id, f"notify:{response.action}", response_mail(response))

    def _tell(self, incident_id: str, step: str, mail: Mail) -> bool:
        if self.state.step(incident_id, step) is not None:
            return False
        self.mail.publish(mail.text, subject=mail.subject)
        if self.chat is not None:
            self.chat.publish(chat_message(mail, incident_id))
        # Written down last: a crash before this tells people twice, never not at all.
        self.state.record_step(incident_id, step, Step("done", mail.subject), now_s=self.wall_clock())
        return True
