"""What must hold when everything has come to rest, whatever went wrong on the way."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pushwarden.history.pack import BLOB, COMMIT, TAG, TREE, Limits, objects, survey
from pushwarden.model import SECURITY_EVENT, SECURITY_RESPONSE, Secret
from pushwarden.policies import LOCK_TAG_KEY, LOCKED
from pushwarden.respond.mail import AGAIN
from pushwarden.respond.reset import load_bundle
from tests.simulation.machine import Machine
from tests.simulation.people import Clone

_INCIDENT: Final = re.compile(r"Incident (pw-[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Plant:
    """A secret that somebody pushed."""

    clone: Clone
    secret: str
    commit: str
    ref: str


@dataclass(slots=True)
class Ledger:
    """What the people of the simulation did, for the invariants to be held against."""

    machine: Machine
    clones: list[Clone]
    plants: list[Plant] = field(default_factory=list)
    pardoned: set[str] = field(default_factory=set)
    """Commits whose findings somebody in charge accepted."""
    unlocks: list[tuple[str, int]] = field(default_factory=list)
    """Repository, and how many messages the bus had carried by then."""
    vague: set[str] = field(default_factory=set)
    """Repositories that were unlocked in the middle of a lock: both ends are right."""
    gone: set[str] = field(default_factory=set)
    """Repositories that were deleted."""
    repeats: int = 0
    """How often a function died, or lost the answer, right after SNS had taken a mail."""


def violations(ledger: Ledger) -> list[str]:
    """Return every broken promise, in words."""
    machine = ledger.machine
    found = [f"a function raised what it never should: {each}" for each in machine.errors]
    found += [f"a message is left in a queue: {each.function}" for each in machine.queue]
    found += [f"a message died: {each.function} {each.body[:200]}" for each in machine.dead]
    found += _told(ledger)
    found += _answered(ledger)
    found += _secrets(ledger)
    for clone in ledger.clones:
        if clone.name not in ledger.gone:
            found += _locked(ledger, clone)
            found += _frontier(ledger, clone)
        found += _moves(ledger, clone)
    return found


def _details(ledger: Ledger, kind: str) -> list[dict[str, Any]]:
    return [each["detail"] for each in ledger.machine.bus if each["detail-type"] == kind]


def _mails(ledger: Ledger) -> Iterator[tuple[str, str, bool]]:
    for mail in ledger.machine.mails:
        incident = _INCIDENT.search(mail["Message"])
        assert incident is not None
        yield incident[1], mail["Subject"], AGAIN in mail["Message"]


def _told(ledger: Ledger) -> Iterator[str]:
    key = ledger.machine.plain_app("administrator").fingerprint_key
    events = _details(ledger, SECURITY_EVENT)
    mailed = {incident for incident, subject, _ in _mails(ledger) if "Secret in" in subject}
    gone = {each["repositoryName"] for each in events if each["result"] == "incomplete"}
    for plant in ledger.plants:
        marks = {
            match.secret.fingerprint(key, match.rule_id)
            for match in ledger.machine.scanner.scan(plant.secret.encode()).matches
        }
        assert marks, "the planted secret is none to the scanner"
        naming = {each["incidentId"] for each in events if any(f["fingerprint"] in marks for f in each["findings"])}
        excused = plant.clone.name in ledger.gone and plant.clone.name in gone
        if not naming & mailed and not excused and not _unknowable(ledger, plant):
            yield f"nobody was told of the secret in {plant.commit} of {plant.clone.name} {plant.ref}"


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
    if repeated > ledger.repeats:
        yield f"{repeated} mails are marked as possible repeats, but only {ledger.repeats} can be"
    answers = {(each["incidentId"], each["action"]) for each in _details(ledger, SECURITY_RESPONSE)}
    mails = Counter(incident for incident, *_ in _mails(ledger))
    for event in _details(ledger, SECURITY_EVENT):
        for action in event["actions"]:
            if action == "notify":
                if not mails[event["incidentId"]]:
                    yield f"no mail tells of incident {event['incidentId']}"
            elif (event["incidentId"], action) not in answers:
                yield f"nothing says what became of {action} for {event['incidentId']}"


def _locked(ledger: Ledger, clone: Clone) -> Iterator[str]:
    if clone.name in ledger.vague:
        return
    unlocked_at = max((at for name, at in ledger.unlocks if name == clone.name), default=0)
    locks = [
        each["detail"]["outcome"]
        for each in ledger.machine.bus[unlocked_at:]
        if each["detail-type"] == SECURITY_RESPONSE
        and each["detail"]["action"] == "lock"
        and each["detail"]["repositoryName"] == clone.name
    ]
    should = any(outcome in {"done", "already"} for outcome in locks)
    locked = clone.tags().get(LOCK_TAG_KEY) == LOCKED
    if locked != should:
        yield f"{clone.name} is {'locked' if locked else 'open'}, and should not be: {locks}"
    ends: dict[str, str] = {}
    for each in _details(ledger, SECURITY_RESPONSE):
        if each["repositoryName"] == clone.name:
            ends[each["incidentId"] + " " + each["action"]] = each["outcome"]
    yield from (f"{what} failed and was not made good" for what, end in ends.items() if end == "failed")


def _frontier(ledger: Ledger, clone: Clone) -> Iterator[str]:
    rows = ledger.machine.plain_app("administrator").state.frontier(clone.repository_id).rows
    scanned = ledger.machine.scanned.get(clone.name, set())
    for row in rows.values():
        for name in ("scanned", "accepted"):
            tip = getattr(row, name)
            if unscanned := clone.history(tip) - scanned:
                yield f"{row.ref} of {clone.name} claims {name} {tip}, but {sorted(unscanned)} never was"
        held = clone.history(row.accepted)
        for plant in ledger.plants:
            if plant.clone is clone and plant.commit in held - ledger.pardoned and not row.restored:
                yield f"{row.ref} of {clone.name} accepts {row.accepted}, which holds the secret of {plant.commit}"
    for ref, tip in clone.refs().items():
        if ref.startswith("refs/") and clone.history(tip) - scanned:
            yield f"{ref} of {clone.name} stands at {tip}, and not all of it was scanned"


def _moves(ledger: Ledger, clone: Clone) -> Iterator[str]:
    """Every ref that Pushwarden moved has a bundle that gives it back."""
    bundles = dict(_bundles(ledger, clone))
    for event in ledger.machine.pushed:
        detail = event["detail"]
        by_reset = detail["callerUserArn"].endswith("-reset/reset")
        if detail["repositoryName"] != clone.name or not by_reset:
            continue
        old = detail["oldCommitId"]
        fitting = [tip for tip in bundles if tip == old or old in clone.snapshots[tip].parents]
        if not fitting:
            yield f"{detail['referenceFullName']} of {clone.name} was moved from {old} without a bundle"
        for tip in fitting:
            yield from _lost(clone, tip, *bundles[tip])


def _bundles(ledger: Ledger, clone: Clone) -> Iterator[tuple[str, tuple[tuple[str, ...], bytes]]]:
    backups = ledger.machine.plain_app("administrator").backups
    for key in backups.names("removed/"):
        if key.split("/")[3] == clone.name:
            file = io.BytesIO()
            backups.get(key, file)
            file.seek(0)
            header, pack = load_bundle(file)
            yield header.object_id, (header.prerequisites, pack)


def _lost(clone: Clone, tip: str, prerequisites: Sequence[str], pack: bytes) -> Iterator[str]:
    """Compare, object by object, what the bundle gives back with what was pushed."""
    kept = {each.id.decode() for oid in prerequisites for at in clone.history(oid) for each in clone.objects(at)}
    wanted = {each.id.decode(): each for at in clone.history(tip) for each in clone.objects(at)}
    held = _unpacked(pack)
    for oid, each in wanted.items():
        if oid not in kept and held.get(oid) != each.as_raw_string():
            yield f"the bundle of {tip} of {clone.name} does not give {each.type_name.decode()} {oid} back"


def _unpacked(pack: bytes) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pack"
        path.write_bytes(pack)
        found = {each.object_id: (each.kind, each.content) for each in objects(path, survey(path, Limits()))}
    for oid, (kind, content) in found.items():
        name = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}[kind]
        assert hashlib.sha1(name + b" %d\0" % len(content) + content).hexdigest() == oid
    return {oid: content for oid, (_, content) in found.items()}


def _secrets(ledger: Ledger) -> Iterator[str]:
    machine = ledger.machine
    dynamodb = machine.aws.client("dynamodb")
    names = {clone.repository_id for clone in ledger.clones}
    pages = dynamodb.get_paginator("scan").paginate(TableName=machine.stack.settings.table)
    rows = [
        item
        for page in pages
        for item in page["Items"]
        if not item["pk"]["S"].startswith("repo#") or item["pk"]["S"].removeprefix("repo#") in names
    ]
    backups = machine.plain_app("administrator").backups
    places = {
        "logs": machine.log.getvalue(),
        "events": json.dumps(machine.bus),
        "mails": json.dumps(machine.mails),
        "chats": json.dumps(machine.chats),
        "table": repr(rows),
        "bundle names": repr(backups.names("removed/")),
        "queues": repr([each.body for each in (*machine.queue, *machine.dead)]),
    }
    for plant in ledger.plants:
        value = next(iter(machine.scanner.scan(plant.secret.encode()).matches)).secret
        for place, text in places.items():
            if any(spelling in text for spelling in _spellings(value)):
                yield f"a secret stands in the {place}"


def _spellings(secret: Secret) -> list[str]:
    raw = secret.reveal()
    return [raw.decode(), raw.hex(), base64.b64encode(raw).decode().rstrip("=")[:-2]]
