"""What must hold of commits, bundles and outputs: nothing is lost, and no secret stands where it should not."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pushwarden.backfill_machine import PREFIX
from pushwarden.history.pack import BLOB, COMMIT, TAG, TREE, Limits, objects, survey
from pushwarden.model import SECURITY_EVENT, Secret
from pushwarden.respond.reset import load_bundle
from tests.simulation.parts import hub_findings
from tests.simulation.people import Clone

if TYPE_CHECKING:
    from tests.simulation.invariants import Ledger


def kept(ledger: Ledger, clone: Clone) -> Iterator[str]:
    """Every ref that Pushwarden moved has a bundle that gives it back, and no commit of anybody is nowhere."""
    bundles = dict(_bundles(ledger, clone))
    pushed: set[str] = set()
    there = {each for tip in bundles for each in clone.history(tip)}
    if clone.name not in ledger.gone:
        there |= {each for tip in clone.refs().values() for each in clone.history(tip)}
    for event in ledger.machine.pushed:
        detail = event["detail"]
        if detail["repositoryName"] != clone.name:
            continue
        old, new = detail.get("oldCommitId"), detail.get("commitId")
        if detail["callerUserArn"].endswith("-reset/reset"):
            yield from _backed_up(clone, detail["referenceFullName"], old, bundles)
            yield from _asked_for(ledger, clone, detail["referenceFullName"], old)
            continue
        pushed |= clone.history(new)
        there |= clone.history(old) - clone.history(new)  # whoever pushed took these away himself
    if clone.name not in ledger.gone and (lost := pushed - there):
        yield f"nothing holds {sorted(lost)} of {clone.name} any more"


def _asked_for(ledger: Ledger, clone: Clone, ref: str, old: str) -> Iterator[str]:
    """A ref is moved only from where the push of an incident put it: what somebody else pushed since is left alone."""
    put = {
        each["commitId"]
        for each in ledger.details(SECURITY_EVENT)
        if each["repositoryName"] == clone.name and each["referenceFullName"] == ref and "reset" in each["actions"]
    }
    if not put & {old, clone.peeled(old)}:
        yield f"{ref} of {clone.name} was moved from {old}, where no push that was to be reset had put it"


def _backed_up(clone: Clone, ref: str, old: str, bundles: dict[str, tuple[tuple[str, ...], bytes]]) -> Iterator[str]:
    fitting = [tip for tip in bundles if tip == old or old in clone.snapshots[tip].parents]
    if not fitting:
        yield f"{ref} of {clone.name} was moved from {old} without a bundle"
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


def secrets(ledger: Ledger) -> Iterator[str]:
    """Yield every place outside the repositories in which a secret stands."""
    texts = dict(_outputs(ledger))
    for plant in ledger.plants:
        for match in ledger.machine.scanner.scan(plant.secret.encode()).matches:
            spellings = _spellings(match.secret)
            yield from (f"a secret stands in the {p}" for p, t in texts.items() if any(each in t for each in spellings))


def _outputs(ledger: Ledger) -> Iterator[tuple[str, str]]:
    machine = ledger.machine
    backups = machine.plain_app("administrator").backups
    table = machine.stack.settings.table
    pages = machine.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    yield "logs", machine.log.getvalue()
    yield "events", json.dumps(machine.bus)
    yield "mails", json.dumps(machine.mails)
    yield "chats", json.dumps(machine.chats)
    yield "table", repr([item for page in pages for item in page["Items"]])
    yield "queues", repr([each.body for each in (*machine.queue, *machine.dead)])
    yield "Security Hub", repr(hub_findings())
    names = backups.names("")
    s3 = machine.client("s3")
    heads = [
        s3.head_object(Bucket=backups.bucket, Key=each)["Metadata"] for each in names if each.startswith("removed/")
    ]
    yield "bundle names", repr(names) + repr(heads)
    for name in names:
        if name.startswith(PREFIX):
            into = io.BytesIO()
            backups.get(name, into)
            yield name, into.getvalue().decode(errors="replace")
    for clone in ledger.clones:
        if clone.name not in ledger.gone:
            yield f"tags of {clone.name}", repr(clone.tags())
            yield f"comments in {clone.name}", repr(comments(ledger, clone))


def comments(ledger: Ledger, clone: Clone) -> list[tuple[str, str, str]]:
    """Return commit, place and text of every comment in commits that were pushed with a secret."""
    api = ledger.machine.plain_app("administrator").codecommit.client
    found: list[tuple[str, str, str]] = []
    for oid in {each.commit for each in ledger.plants if each.clone is clone}:
        parents = clone.snapshots[oid].parents
        before: Any = {"beforeCommitId": parents[0]} if parents else {}
        try:
            answer = api.get_comments_for_compared_commit(repositoryName=clone.name, afterCommitId=oid, **before)
        except ClientError:
            continue  # a tag has no comments
        for thread in answer["commentsForComparedCommitData"]:
            place = json.dumps(thread.get("location", {}), sort_keys=True)
            found += [(oid, place, each["content"]) for each in thread["comments"]]
    return found


def _spellings(secret: Secret) -> list[str]:
    raw = secret.reveal()
    return [raw.decode(), raw.hex(), base64.b64encode(raw).decode().rstrip("=")[:-2]]
