"""What must hold when everything has come to rest, whatever went wrong on the way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pushwarden.model import BACKFILL_REPORT, SECURITY_EVENT, SECURITY_RESPONSE
from pushwarden.policies import INCIDENT_TAG_KEY, LOCK_TAG_KEY, LOCKED
from pushwarden.respond.mail import AGAIN
from tests.simulation.evidence import kept, secrets
from tests.simulation.machine import Machine
from tests.simulation.optin import opted_in
from tests.simulation.people import Clone

_INCIDENT: Final = re.compile(r"Incident (pw-[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Plant:
    """A secret that somebody pushed."""

    clone: Clone
    secret: str
    commit: str
    ref: str
    user: str = ""
    """The IAM user whose access key it is, if it is one."""


@dataclass(slots=True)
class Ledger:
    """What the people of the simulation did, for the invariants to be held against."""

    machine: Machine
    clones: list[Clone]
    bystander: str
    """An IAM user with an access key that nobody pushes."""
    plants: list[Plant] = field(default_factory=list)
    pardoned: set[str] = field(default_factory=set)
    """Commits whose findings somebody in charge accepted."""
    unlocks: list[tuple[str, int]] = field(default_factory=list)
    """Repository, and how many messages the bus had carried by then."""
    vague: set[str] = field(default_factory=set)
    """Repositories that were unlocked in the middle of a lock: both ends are right."""
    gone: set[str] = field(default_factory=set)
    """Repositories that were deleted."""
    wrong: list[str] = field(default_factory=list)
    """What was seen to be wrong on the way."""
    old: set[Plant] = field(default_factory=set)
    """Those that stood in the history when Pushwarden came: told of in a report, and answered by nobody."""
    baseline: set[str] = field(default_factory=set)
    """Commits that were there when Pushwarden came."""
    rested: bool = False
    """Reconciliation has looked at everything and found nothing."""
    restless: bool = False
    """Hour after hour, reconciliation found something."""

    def marks(self, plant: Plant) -> set[str]:
        """Return the fingerprints of a secret."""
        key = self.machine.plain_app("administrator").fingerprint_key
        matches = self.machine.scanner.scan(plant.secret.encode()).matches
        assert matches, "the planted secret is none to the scanner"
        return {match.secret.fingerprint(key, match.rule_id) for match in matches}

    def details(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind that were on the security bus, oldest first."""
        return [each["detail"] for each in self.machine.bus if each["detail-type"] == kind]


def violations(ledger: Ledger) -> list[str]:
    """Return every broken promise, in words."""
    machine = ledger.machine
    found = [f"a function raised what it never should: {each}" for each in machine.errors]
    found += [f"a function logged: {each}" for each in machine.log.getvalue().splitlines() if "unforeseen" in each]
    found += [f"a message is left in a queue: {each.function}" for each in machine.queue]
    found += [f"a message died: {each.function} {each.body[:200]}" for each in machine.dead]
    found += [*ledger.wrong, *(["reconciliation does not come to rest"] if ledger.restless else [])]
    marks = {plant: ledger.marks(plant) for plant in ledger.plants}
    found += _told(ledger, marks)
    found += _nothing_else(ledger, marks)
    found += _answered(ledger)
    found += secrets(ledger)
    found += opted_in(ledger, marks)
    for clone in ledger.clones:
        if clone.name not in ledger.gone:
            found += _locked(ledger, clone)
            found += _frontier(ledger, clone)
        found += kept(ledger, clone)
    return found


def _mails(ledger: Ledger) -> Iterator[tuple[str, str, bool]]:
    for mail in ledger.machine.mails:
        incident = _INCIDENT.search(mail["Message"])
        yield incident[1] if incident else "backfill", mail["Subject"], AGAIN in mail["Message"]


def _told(ledger: Ledger, marks: dict[Plant, set[str]]) -> Iterator[str]:
    events = ledger.details(SECURITY_EVENT)
    reports = ledger.details(BACKFILL_REPORT)
    mailed = _mailed(ledger)
    gone = {each["repositoryName"] for each in events if each["result"] == "incomplete"}
    for plant in ledger.plants:
        if plant in ledger.old:
            if not any(
                row[0] == plant.clone.name and any(row[1:4]) for each in reports for row in each["repositories"]
            ):
                yield f"no report of the history tells of the secret in {plant.commit} of {plant.clone.name}"
            continue
        naming = [each for each in events if any(f["fingerprint"] in marks[plant] for f in each["findings"])]
        excused = plant.clone.name in ledger.gone and plant.clone.name in gone
        if excused or _unknowable(ledger, plant) or _said_to_be_unread(events, plant):
            continue
        if not any(
            each["incidentId"] in mailed and _named(mailed[each["incidentId"]], each, marks[plant]) for each in naming
        ):
            yield f"nobody was told of the secret in {plant.commit} of {plant.clone.name} {plant.ref}"
        elif not any("lock" in each["actions"] for each in naming):
            yield f"no lock was asked for because of {plant.commit} of {plant.clone.name} {plant.ref}"


def incidents_of(ledger: Ledger, plant: Plant) -> set[str]:
    """Return the incidents that tell of a secret."""
    marks = ledger.marks(plant)
    events = ledger.details(SECURITY_EVENT)
    return {each["incidentId"] for each in events if any(f["fingerprint"] in marks for f in each["findings"])}


def told_twice(ledger: Ledger) -> list[str]:
    """Return the secrets that more than one incident tells of, although each was pushed once, in words."""
    told = [(plant.commit, incidents_of(ledger, plant)) for plant in ledger.plants]
    return [f"{commit} is told of by {len(found)} incidents" for commit, found in told if len(found) > 1]


def _mailed(ledger: Ledger) -> dict[str, str]:
    """Return the mail of each incident that tells of a secret."""
    mails = [each["Message"] for each in ledger.machine.mails if "Secret in" in each["Subject"]]
    return {incident[1]: mail for mail in mails if (incident := _INCIDENT.search(mail))}


def _named(mail: str, event: dict[str, Any], marks: set[str]) -> bool:
    """Tell whether a mail tells of what its event does: an incident may have been told of before, with other findings."""
    commits = {each["commitId"][:10] for each in event["findings"] if each["fingerprint"] in marks}
    return any(each in mail for each in commits) or "more; the security event" in mail


def _said_to_be_unread(events: list[dict[str, Any]], plant: Plant) -> bool:
    """Tell whether people were told that this very commit could not be scanned whole."""
    return any(gap["commitId"] == plant.commit for each in events for gap in each["incomplete"])


def _nothing_else(ledger: Ledger, marks: dict[Plant, set[str]]) -> Iterator[str]:
    """What is told of was pushed as it is told."""
    pushed = {
        (mark, oid)
        for plant, known in marks.items()
        for mark in known
        for oid in (plant.commit, plant.clone.peeled(plant.commit))
    }
    for event in ledger.details(SECURITY_EVENT):
        for each in event["findings"]:
            if (each["fingerprint"], each["commitId"]) not in pushed:
                yield f"{event['incidentId']} tells of {each['path']} in {each['commitId']}, where nobody pushed a secret"


def _unknowable(ledger: Ledger, plant: Plant) -> bool:
    """Tell whether every event that could name a commit was lost, and no ref holds it any more: there is nothing to see."""
    clone = plant.clone
    if clone.name not in ledger.gone and any(plant.commit in clone.history(tip) for tip in clone.refs().values()):
        return False
    named = {
        each["detail"].get(key)
        for each in ledger.machine.heard
        if each["detail"]["repositoryName"] == clone.name
        for key in ("oldCommitId", "commitId")
    }
    return not any(plant.commit in clone.history(oid) for oid in named if oid)


def _answered(ledger: Ledger) -> Iterator[str]:
    counts = Counter((incident, subject) for incident, subject, again in _mails(ledger) if not again)
    yield from (f"told {count} times: {mail}" for mail, count in counts.items() if count > 1)
    repeated = sum(1 for *_, again in _mails(ledger) if again)
    if repeated > ledger.machine.unsure:
        yield f"{repeated} mails are marked as possible repeats, but only {ledger.machine.unsure} can be"
    answers = {(each["incidentId"], each["action"]) for each in ledger.details(SECURITY_RESPONSE)}
    mails = Counter(incident for incident, *_ in _mails(ledger))
    for event in ledger.details(SECURITY_EVENT):
        for action in event["actions"]:
            if action == "notify":
                if not mails[event["incidentId"]]:
                    yield f"no mail tells of incident {event['incidentId']}"
            elif (event["incidentId"], action) not in answers:
                yield f"nothing says what became of {action} for {event['incidentId']}"


def _locked(ledger: Ledger, clone: Clone) -> Iterator[str]:
    tags = clone.tags()
    locked = tags.get(LOCK_TAG_KEY) == LOCKED
    if clone.name not in ledger.vague:
        unlocked_at = max((at for name, at in ledger.unlocks if name == clone.name), default=0)
        locks = [
            each["detail"]["outcome"]
            for each in ledger.machine.bus[unlocked_at:]
            if each["detail-type"] == SECURITY_RESPONSE
            and each["detail"]["action"] == "lock"
            and each["detail"]["repositoryName"] == clone.name
        ]
        if locked != any(outcome in {"done", "already"} for outcome in locks):
            yield f"{clone.name} is {'locked' if locked else 'open'}, and should not be: {locks}"
        if locked and INCIDENT_TAG_KEY not in tags:
            yield f"{clone.name} is locked, and does not say by which incident"
        yield from _standing(ledger, clone, locked=locked)
    ends: dict[str, str] = {}
    for each in ledger.details(SECURITY_RESPONSE):
        # What the backfill could not read is told of as incomplete: nobody tries that again.
        if each["repositoryName"] == clone.name and each["action"] != "backfill":
            ends[each["incidentId"] + " " + each["action"]] = each["outcome"]
    yield from (f"{what} failed and was not made good" for what, end in ends.items() if end == "failed")


def _standing(ledger: Ledger, clone: Clone, *, locked: bool) -> Iterator[str]:
    """While a ref holds a secret that nobody in charge accepted, the repository is locked."""
    for ref, tip in clone.refs().items():
        history = clone.history(tip) - ledger.pardoned
        for plant in ledger.plants:
            if plant.clone is clone and plant.commit in history and not locked and plant not in ledger.old:
                yield f"{clone.name} is open, and {ref} holds {plant.commit}, which nobody accepted"


def _frontier(ledger: Ledger, clone: Clone) -> Iterator[str]:
    rows = ledger.machine.plain_app("administrator").state.frontier(clone.repository_id).rows
    scanned = ledger.machine.scanned.get(clone.name, set()) | ledger.baseline
    for row in rows.values():
        for name in ("scanned", "accepted"):
            tip = getattr(row, name)
            if unscanned := clone.history(tip) - scanned:
                yield f"{row.ref} of {clone.name} claims {name} {tip}, but {sorted(unscanned)} never was"
        held = clone.history(row.accepted)
        for plant in ledger.plants:
            is_open = plant.commit in held - ledger.pardoned and not row.restored and plant not in ledger.old
            if plant.clone is clone and is_open:
                yield f"{row.ref} of {clone.name} accepts {row.accepted}, which holds the secret of {plant.commit}"
        if ledger.rested and row.ref not in clone.refs() and not row.deleted:
            yield f"{row.ref} of {clone.name} is gone, and the frontier has not seen that"
    for ref, tip in clone.refs().items():
        if ref.startswith("refs/") and clone.history(tip) - scanned:
            yield f"{ref} of {clone.name} stands at {tip}, and not all of it was scanned"
