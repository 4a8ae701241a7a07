"""What must hold of the responses that the policy switches on: keys, comments, Security Hub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

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
    found = hub_findings()
    states = {each["Id"]: each["RecordState"] for each in found}
    told: dict[str, int] = {}
    answered: dict[str, int] = {}
    resolved = -1
    for index, message in enumerate(ledger.machine.bus):
        detail = message["detail"]
        if detail.get("repositoryName") != clone.name:
            continue
        if message["detail-type"] == SECURITY_RESOLUTION:
            resolved = index
        elif message["detail-type"] == SECURITY_EVENT and "securityhub" in detail["actions"]:
            event = SecurityEvent.from_detail(detail)
            told |= dict.fromkeys((finding_id(event.push, each) for each in event.findings), index)
            answered |= dict.fromkeys(
                (finding_id(event.push, each) for each in event.findings), len(ledger.machine.bus)
            )
        elif message["detail-type"] == SECURITY_RESPONSE and detail["action"] == "securityhub":
            ids = {each["Id"] for each in found if detail["incidentId"] in str(each["Resources"])}
            answered |= dict.fromkeys(ids, index)
    for id_, index in told.items():
        if id_ not in states:
            yield f"Security Hub lacks {id_}"
        elif index > resolved and states[id_] != "ACTIVE":
            yield f"Security Hub has {id_} as dealt with, and it is not"
        elif answered[id_] < resolved and states[id_] != "ARCHIVED":
            yield f"Security Hub has {id_} as open, and it is dealt with"
