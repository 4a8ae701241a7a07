"""One run of the local service in which every function makes every kind of call that it ever makes.

Most of it is real git pushes and what follows from them, in the functions' own processes. Two things a test cannot wait for:
an hour to go by, and a push too large for one scan. There the same code runs in this process, with the function's own
credentials, told another time or another limit.
"""

from __future__ import annotations

import time
from pathlib import Path

from moto.iam.models import iam_backends

from pushwarden.detect import load_scanner
from pushwarden.events import parse_push
from pushwarden.history.pack import Limits
from pushwarden.local.aws import ACCOUNT
from pushwarden.local.codecommit import Principal
from pushwarden.local.service import LocalService
from pushwarden.model import Confidence
from pushwarden.policies import RESET_ALLOWED, RESET_TAG_KEY
from pushwarden.service.admin import backups, plan_restore, plan_unlock, restore, unlock
from pushwarden.service.backfill_cost import shares
from pushwarden.service.backfill_start import FIRST, plan_start, start, status, stop
from pushwarden.service.doctor import Doctor
from pushwarden.service.reconcile import GRACE_S, Pace, reconcile
from pushwarden.service.scan import scan_push
from pushwarden.settings import Policy
from pushwarden.topology import OPERATOR
from tests.conftest import aws_secret, made_up
from tests.service.conftest import Repo

EVERYTHING = Policy(
    thresholds={
        **Policy().thresholds,
        "revoke": Confidence.HIGH,
        "comment": Confidence.LOW,
        "securityhub": Confidence.LOW,
    }
)
ROOT = Path(__file__).resolve().parents[2]
MAIN = "HEAD:main"
_DONE_S = 120.0


def work(service: LocalService, folder: Path) -> None:
    """Let every function do all of its work."""
    _history(service, folder)
    repo = Repo(service, "everything", folder / "everything")
    tags = {"RepoState": "ok", RESET_TAG_KEY: RESET_ALLOWED}
    repo.api.create_repository(repositoryName=repo.name, tags=tags)
    _first_leak(repo)
    _leaks(repo)
    _forced_away(repo)
    _waited(repo)
    _lost(repo)
    _too_large(repo)
    _first_of_all(service)


def _history(service: LocalService, folder: Path) -> None:
    """The first backfill of a deployment, which reconcile starts."""
    repo = Repo(service, "history", folder / "history")
    repo.api.create_repository(repositoryName=repo.name)
    alice = repo.person()
    commit = alice.commit({"key.txt": aws_secret("long ago")}, "Long ago")
    _push_unheard(repo)
    service.app().state.save_baseline(repo.repository_id, {"refs/heads/main": commit})
    _forget(service, "first-backfill")
    _sweep(service)
    _await(service, FIRST)
    service.wait_idle()
    service.security_events()


def _first_leak(repo: Repo) -> None:
    """A secret in the first commit of a default branch, which cannot be deleted."""
    alice = repo.person()
    alice.commit({"key.txt": aws_secret("first")}, "Begin badly")
    alice.git("push", "origin", MAIN)
    repo.settle()
    assert repo.responded("reset") == ["refused"]
    repo.unlock()


def _leaks(repo: Repo) -> None:
    """A leak in an old file, with an access key of this account; then one on a new branch."""
    alice = repo.person()
    alice.commit({"key.txt": "nothing yet\n"}, "Take it out")
    alice.git("push", "origin", MAIN)
    repo.settle()
    backend = iam_backends[ACCOUNT]["aws"]
    backend.create_user("eu-central-1", "everybody")
    key = backend.create_access_key("everybody")
    key.access_key_id = "AKIA" + made_up("id", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    key.secret_access_key = made_up("secret", 40)
    pair = f"aws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    alice.commit({"key.txt": pair}, "An old file gets a secret")
    alice.git("push", "origin", MAIN)
    repo.settle()
    _in_charge(repo)
    alice.git("push", "origin", "HEAD:new")
    repo.settle()
    repo.unlock()


def operator(service: LocalService) -> Principal:
    """Return somebody who has the policy of those in charge and no other."""
    return Principal(
        arn=f"arn:aws:iam::{ACCOUNT}:user/operator",
        access_key_id="AKIALOCALOPERATOR000",
        secret_access_key="local-operator-not-a-secret",
        policies=(service.stack.policy(OPERATOR),),
    )


def _in_charge(repo: Repo) -> None:
    """Somebody in charge restores what was removed, lifts the lock, runs and ends a backfill, looks whether all is well."""
    service, who = repo.service, operator(repo.service)
    service.codecommit.add_principal(who)
    service.aws.gate.principals[who.access_key_id] = who
    app = service.app(who)
    (backup, *_) = backups(app, app.codecommit.repository(repo.name))
    restore(app, plan_restore(app, repo.name, backup.incident))
    unlock(app, plan_unlock(app, repo.name))
    assert next(iter(shares(app))).commits
    start(app, plan_start(app, again=True))
    assert stop(app)
    assert status(app) is not None
    repo.settle()
    unwell = [
        each
        for each in Doctor(service.stack.settings, lambda name: service.client(name, who)).checks()
        if not each.well
    ]
    assert unwell == [], unwell


def _forced_away(repo: Repo) -> None:
    """A leak that no ref reaches any more when its event comes."""
    alice = repo.person()
    alice.commit({"gone.txt": aws_secret("gone")}, "Nobody sees this")
    events = repo.service.codecommit.events
    events.hold()
    alice.git("push", "origin", "HEAD:gone")
    alice.git("push", "origin", ":gone")
    events.release()
    repo.settle()
    repo.unlock()
    alice.git("reset", "--hard", "HEAD~2")


def _waited(repo: Repo) -> None:
    """A push whose event has stood in the queue for long: it is put off."""
    alice = repo.person()
    alice.commit({"late.txt": "late\n"}, "Late")
    _push_unheard(repo)
    event = repo.service.codecommit.events.sent[-1]
    repo.service.stack.deliver({**event, "time": "2026-01-01T00:00:00Z"})
    repo.settle()


def _lost(repo: Repo) -> None:
    """A push whose event never comes: reconcile asks for its scan after the grace."""
    service, alice = repo.service, repo.person()
    alice.commit({"more.txt": "more\n"}, "More")
    _push_unheard(repo)
    _sweep(service)
    now = [time.time() + GRACE_S + 5]
    app = service.app(service.function("reconcile"), wall_clock=lambda: now[0])
    done = reconcile(app, pace=Pace(1e6))
    assert done.missing == 1, done
    repo.settle()


def _too_large(repo: Repo) -> None:
    """A push that one scan does not get through: the backfill finishes it, and it is answered then."""
    service, alice = repo.service, repo.person()
    alice.commit({"key.txt": aws_secret("large")}, "An old file gets another secret")
    events = service.codecommit.events
    events.hold()
    alice.git("push", "origin", MAIN)
    (held,) = events.held
    events.release(lambda _held: [])
    app = service.app(service.function("scan"))
    # Nothing is scanned within such limits, so one rule will do.
    app.scanner = load_scanner([ROOT / "patterns" / "weak.toml"], default_rules=False)
    scan_push(app, parse_push(held), limits=Limits(total_bytes=50))
    repo.settle()
    run = _sweep(service)
    _await(service, run)
    repo.settle()
    assert "done" in repo.responded("backfill")


def _push_unheard(repo: Repo) -> None:
    """Push Alice's commits without an event."""
    events = repo.service.codecommit.events
    events.drop = lambda _event: True
    repo.person().git("push", "origin", MAIN)
    events.drop = 0


def _first_of_all(service: LocalService) -> None:
    """Let each function that may be the first to need the deployment's key make it, then put the real one back."""
    table, dynamodb = service.stack.settings.table, service.aws.client("dynamodb")
    key = {"pk": {"S": "settings"}, "sk": {"S": "fingerprint-key"}}
    real = dynamodb.get_item(TableName=table, Key=key)["Item"]
    for name in ("scan", "backfill-plan", "backfill-scan"):
        _forget(service, "fingerprint-key")
        assert service.app(service.function(name)).fingerprint_key
    dynamodb.put_item(TableName=table, Item=real)


def _sweep(service: LocalService) -> str:
    """Run reconcile as its schedule would; return the backfill that it has started."""
    return str(service.invoke("reconcile")["backfill"])


def _forget(service: LocalService, setting: str) -> None:
    key = {"pk": {"S": "settings"}, "sk": {"S": setting}}
    service.aws.client("dynamodb").delete_item(TableName=service.stack.settings.table, Key=key)


def _await(service: LocalService, run: str) -> None:
    machine = service.app().machine
    end = time.monotonic() + _DONE_S
    while (status := machine.status(run)) == "RUNNING" and time.monotonic() < end:
        time.sleep(0.05)
    assert status == "SUCCEEDED", f"the backfill {run!r}: {status}"
