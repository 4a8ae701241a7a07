"""Switch off an AWS access key of this account that was pushed; opt-in.

The security event carries no secret. It carries the *id* of a key whose secret half was found beside it: an id opens
nothing, and IAM needs it to know which key is meant. Reading the file again instead would give this function the right to
read every repository, and would miss a key that was encoded.

Whoever may push can write the id of somebody else's key beside forty characters of his own and have that key switched off.
That is why this response is off by default; why a key is set Inactive and never deleted, which one call undoes; and why the
response says whose key it was and who pushed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pushwarden.aws.accesskeys import AccessKeys, KeyUse
from pushwarden.events import SecurityEvent
from pushwarden.model import Confidence
from pushwarden.respond.run import DONE, REFUSED, Outcome

_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class RevokePlan:
    """What is to be done about one key, and on which evidence; or why nothing is."""

    key_id: str
    use: KeyUse | None
    refusal: str | None = None

    def explain(self) -> str:
        """Return the plan in a sentence."""
        if self.refusal or self.use is None:
            return self.refusal or ""
        return (
            f"Set the access key {shown(self.key_id)} Inactive. It is of user {self.use.user}, {_last_used(self.use)}."
        )


def shown(key_id: str) -> str:
    """Return enough of a key's id to recognise it in the IAM console."""
    return f"{key_id[:_SHOWN]}...{key_id[-_SHOWN:]}"


def plan(event: SecurityEvent, keys: AccessKeys, *, least: Confidence) -> tuple[RevokePlan, ...]:
    """Return a plan for every key that the event names with at least this confidence.

    Raises:
        AccessKeyError: AWS refused to say whose a key is.
    """
    ids = dict.fromkeys(f.identity for f in event.findings if f.identity and f.confidence >= least)
    return tuple(_plan(key_id, event.push.account, keys) for key_id in ids)


def execute(plans: Sequence[RevokePlan], keys: AccessKeys) -> Outcome:
    """Set the keys Inactive, after saying whose they are.

    Raises:
        AccessKeyError: IAM refused; the message names the key.
    """
    said: list[str] = []
    facts: dict[str, str] = {}
    done = 0
    for each in plans:
        if each.refusal or each.use is None:
            said.append(each.refusal or "")
            continue
        keys.deactivate(each.use.user, each.key_id)
        done += 1
        said.append(
            f"The access key {shown(each.key_id)} of user {each.use.user} is Inactive now; it was {_last_used(each.use)}."
        )
        facts[f"key{done}"] = shown(each.key_id)
        facts[f"user{done}"] = each.use.user
    if not done:
        return Outcome(REFUSED, " ".join(said) or "The event names no access key.", facts)
    said.append("Look into CloudTrail for its use, make a new key if one is needed, then delete this one.")
    return Outcome(DONE, " ".join(said), facts)


def revoke(event: SecurityEvent, keys: AccessKeys, *, least: Confidence) -> Outcome:
    """Look whose the keys are, plan, and carry the plan out."""
    return execute(plan(event, keys, least=least), keys)


def _plan(key_id: str, account: str, keys: AccessKeys) -> RevokePlan:
    owner = keys.account(key_id)
    if owner is None:
        return RevokePlan(key_id, None, f"AWS knows no access key {shown(key_id)} (any more).")
    if owner != account:
        return RevokePlan(
            key_id,
            None,
            f"The access key {shown(key_id)} belongs to account {owner}, where Pushwarden has no rights: tell its owner now.",
        )
    use = keys.use(key_id)
    if use is None:
        return RevokePlan(key_id, None, f"This account has no access key {shown(key_id)} any more.")
    if not use.user:
        return RevokePlan(
            key_id,
            use,
            f"The access key {shown(key_id)} belongs to the account's root user, whom only the root user can help: sign in"
            f" as root and delete it now. It was {_last_used(use)}.",
        )
    return RevokePlan(key_id, use)


def _last_used(use: KeyUse) -> str:
    if not use.last_used:
        return "never used, as far as IAM knows"
    where = f" with {use.service} in {use.region}" if use.service and use.service != "N/A" else ""
    return f"last used at {use.last_used}{where}"
