"""What must hold of the responses that the policy switches on: keys, comments, Security Hub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pushwarden.events import SecurityEvent
from pushwarden.model import SECURITY_EVENT, SECURITY_RESOLUTION, SECURITY_RESPONSE
from pushwarden.respond.securityhub import finding_id
from tests.simulation.evidence import comments
from tests.simulation.parts import hub_findings
from tests.simulation.people import Clone
from tests.simulation.secrets import key_status

if TYPE_CHECKING:
    from tests.simulation.invariants import Ledger, Plant


def opted_in(ledger: Ledger, marks: dict[Plant, set[str]]) -> Iterator[str]:
    """Yield every broken promise of the opt-in responses."""
    yield from _keys(ledger, marks)
    for clone in ledger.clones:
        if clone.name not in ledger.gone:
            yield from _comments(ledger, clone)
            yield from _reports(ledger, clone)


def _keys(ledger: Ledger, marks: dict[Plant, set[str]]) -> Iterator[str]:
    """Keys that were pushed are off where the policy asks for it; every other key is on."""
    events = ledger.details(SECURITY_EVENT)
    for plant in ledger.plants:
        if plant.user:
            naming = [each for each in events if any(f["fingerprint"] in marks[plant] for f in each["findings"])]
            wanted = "Inactive" if any("revoke" in each["actions"] for each in naming) else "Active"
            if key_status(plant.user) != wanted:
                yield f"the key of {plant.user} is not {wanted}"
            if ledger.machine.policy.thresholds["revoke"] is not None and naming and wanted == "Active":
                yield f"nobody asked for the key of {plant.user} to be switched off"
    if key_status(ledger.bystander) != "Active":
        yield "the key of somebody who pushed nothing was switched off"


def _comments(ledger: Ledger, clone: Clone) -> Iterator[str]:
    counts = Counter(comments(ledger, clone))
    yield from (f"commented {count} times at {what[:2]} of {clone.name}" for what, count in counts.items() if count > 1)
    said = {text.rpartition("Incident ")[2] for _, _, text in counts}
    for each in ledger.details(SECURITY_RESPONSE):
        done = (each["repositoryName"], each["action"], each["outcome"]) == (clone.name, "comment", "done")
        if done and each["incidentId"] not in said:
            yield f"no comment names {each['incidentId']}"


def _reports(ledger: Ledger, clone: Clone) -> Iterator[str]:
    """What was reported before the last unlock is archived, what was found after it is not."""
    states = {each["Id"]: each["RecordState"] for each in hub_findings()}
    carried = list(enumerate(each for each in ledger.machine.bus if each["detail"].get("repositoryName") == clone.name))
    resolved = max((at for at, each in carried if each["detail-type"] == SECURITY_RESOLUTION), default=-1)
    answered = {each["detail"]["incidentId"]: at for at, each in carried if _is_answer(each)}
    told: dict[str, dict[str, int]] = {}
    for at, message in carried:
        if message["detail-type"] == SECURITY_EVENT and "securityhub" in message["detail"]["actions"]:
            event = SecurityEvent.from_detail(message["detail"])
            for each in event.findings:
                # An event that is told again after it was answered, because its scan was killed, says nothing new.
                told.setdefault(finding_id(event.push, each), {}).setdefault(event.incident_id, at)
    for id_, incidents in told.items():
        if id_ not in states:
            yield f"Security Hub lacks {id_}"
        elif max(incidents.values()) > resolved and states[id_] != "ACTIVE":
            yield f"Security Hub has {id_} as dealt with, and it is not"
        elif max(answered.get(each, resolved) for each in incidents) < resolved and states[id_] != "ARCHIVED":
            yield f"Security Hub has {id_} as open, and it is dealt with"


def _is_answer(message: Mapping[str, Any]) -> bool:
    return bool(message["detail-type"] == SECURITY_RESPONSE and message["detail"]["action"] == "securityhub")
