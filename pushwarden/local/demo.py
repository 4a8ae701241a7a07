"""The main job, start to finish, on this machine: what ``make demo`` shows.

Every step is checked as it is shown; a step that does not happen as promised ends the demo with a failure.
"""

from __future__ import annotations

import json
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from pushwarden.errors import PushwardenError
from pushwarden.local.person import Person
from pushwarden.local.service import LocalService, administrator, developer
from pushwarden.model import SECURITY_EVENT
from pushwarden.policies import RESET_ALLOWED, RESET_TAG_KEY
from pushwarden.settings import Policy

REPOSITORY: Final = "TestRepository"
_SECRET_LENGTH: Final = 32


class DemoFailedError(PushwardenError):
    """A step of the demo did not happen as promised."""


@dataclass(slots=True)
class Demo:
    """One run of the show."""

    console: Console
    root: Path
    policy: Policy | None = None
    rules: Path | None = None
    """The compiled rules, where they are at hand."""
    steps: int = 0
    secret: str = field(
        default_factory=lambda: "".join(
            secrets.choice(string.ascii_letters + string.digits) for _ in range(_SECRET_LENGTH)
        )
    )

    def run(self) -> None:
        """Play the demo to its end.

        Raises:
            DemoFailedError: a step did not happen as promised; the message says which.
        """
        began = time.monotonic()
        self._say("Starting CodeCommit, EventBridge, SQS, SNS, DynamoDB, S3 and KMS on this machine ...")
        with LocalService(self.root, policy=self.policy, rules=self.rules) as service:
            alice = Person(service, developer(), "Alice", REPOSITORY, self.root / "alice")
            admin = Person(service, administrator(), "Admin", REPOSITORY, self.root / "admin")
            self._say(f"Running after {time.monotonic() - began:.1f} s. No AWS account, no Docker.")
            tags = {"RepoState": "ok", RESET_TAG_KEY: RESET_ALLOWED}
            service.client("codecommit").create_repository(repositoryName=REPOSITORY, tags=tags)
            clean = self._clean_push(service, alice)
            leak = self._leaking_push(service, alice)
            incident = self._what_was_found(service)
            self._mails(service)
            self._locked(service, alice)
            self._back(service, clean)
            self._unlocked(service, alice, admin)
            self._restored(service, admin, incident, leak)
            self._nowhere(service)
        self._say()
        self.console.rule("[bold green]Everything happened as promised")
        self._say(
            f"The whole demo took {time.monotonic() - began:.1f} s. Run it as a service: [bold]pushwarden local up"
        )

    def _clean_push(self, service: LocalService, alice: Person) -> str:
        self._step("Alice pushes a clean commit with git")
        alice.clone()
        commit = alice.commit({"README.md": "# A repository\n"}, "Say what this is")
        self._shell("git push origin main", alice.git("push", "origin", "HEAD:main").stderr)
        service.wait_idle()
        self._check(
            not service.security_events() and not service.mailbox.collect(), "a clean push is answered by nothing"
        )
        return commit

    def _leaking_push(self, service: LocalService, alice: Person) -> str:
        self._step("Alice pushes a secret")
        commit = alice.commit({"config.txt": f"secret={self.secret}\n"}, "Add the configuration")
        self._shell(f"echo secret={self.secret[:4]}... > config.txt; git commit; git push origin main", "")
        began = time.monotonic()
        self._shell("", alice.git("push", "origin", "HEAD:main").stderr)
        service.wait_idle()
        self._say(f"[dim]From push to last response: {time.monotonic() - began:.2f} s")
        sent = next(event for event in service.codecommit.events.sent if event["detail"].get("commitId") == commit)
        detail = {key: sent["detail"][key] for key in ("event", "referenceFullName", "oldCommitId", "commitId")}
        self._say("CodeCommit's event, which set everything off:")
        self._json({"source": sent["source"], "detail-type": sent["detail-type"], "detail": detail})
        return commit

    def _what_was_found(self, service: LocalService) -> str:
        self._step("Pushwarden finds it and decides what follows")
        events = [each["detail"] for each in service.security_events() if each["detail-type"] == SECURITY_EVENT]
        self._check(len(events) == 1, "one security event per push")
        event = events[0]
        finding = event["findings"][0] if event["findings"] else {}
        keys = ("ruleId", "confidence", "path", "line", "commitId", "author", "snippet")
        self._json({"actions": event["actions"], "finding": {key: finding.get(key) for key in keys}})
        self._check(event["actions"] == ["notify", "lock", "reset"], "notify, lock and reset follow")
        return str(event["incidentId"])

    def _mails(self, service: LocalService) -> None:
        self._step("The administrators get mail")
        mails = service.mailbox.collect()
        for mail in mails:
            self.console.print(Panel(Text(mail.text.strip()), title=Text(mail.subject, "bold"), title_align="left"))
        subjects = " ".join(mail.subject for mail in mails)
        self._check(
            all(word in subjects for word in ("Secret in", "lock done", "reset done")),
            "a mail for the leak, the lock and the reset",
        )
        self._say(f"[dim]As files: {self.root / 'mail'}")

    def _locked(self, service: LocalService, alice: Person) -> None:
        self._step("The repository is locked: Alice can neither push nor pull")
        self._say(f"Tags: {service.tags(REPOSITORY)}")
        refused = alice.git("push", "origin", "HEAD:main", check=False)
        self._shell("git push origin main", refused.stderr)
        self._check(
            refused.returncode != 0 and "403" in refused.stderr, "an ordinary user's push is refused while locked"
        )

    def _back(self, service: LocalService, clean: str) -> None:
        self._step("The branch is back at the last accepted commit")
        tip = service.tip(REPOSITORY, "refs/heads/main")
        self._say(f"main stands at {tip}")
        self._check(tip == clean, "main is back at the clean commit")

    def _unlocked(self, service: LocalService, alice: Person, admin: Person) -> None:
        self._step("After the secret is rotated, an administrator unlocks")
        admin.folder.mkdir(parents=True, exist_ok=True)
        self._command(admin, "unlock", REPOSITORY)
        alice.git("reset", "--quiet", "--hard", "HEAD~1")
        alice.commit({"README.md": "# A repository\n\nWithout secrets.\n"}, "Say more")
        self._shell(
            "git push origin main    (Alice again, without the secret)", alice.git("push", "origin", "HEAD:main").stderr
        )
        service.wait_idle()
        self._check(service.tip(REPOSITORY, "refs/heads/main") == alice.head(), "Alice works on")

    def _restored(self, service: LocalService, admin: Person, incident: str, leak: str) -> None:
        self._step("Nothing is lost: the removed commit comes back as a branch")
        self._command(admin, "restore", REPOSITORY, incident)
        service.wait_idle()
        self._check(
            service.tip(REPOSITORY, f"refs/heads/restored/{incident}") == leak,
            "the removed commit is back, to the byte",
        )

    def _nowhere(self, service: LocalService) -> None:
        self._step("The secret stayed where it was")
        places = [path for path in self.root.rglob("*") if path.is_file() and path.parent.name in {"logs", "mail"}]
        leaked = [path for path in places if self.secret.encode() in path.read_bytes()]
        self._say(f"Searched {len(places)} logs and mails, and every event on the bus.")
        events = json.dumps(service.security_events())
        self._check(bool(places) and not leaked and self.secret not in events, "no log, mail or event holds the secret")

    def _command(self, person: Person, *arguments: str) -> None:
        done = person.pushwarden(*arguments)
        self._shell(f"pushwarden {' '.join(arguments)}", done.stdout + done.stderr)
        self._check(done.returncode == 0, f"pushwarden {arguments[0]} works")

    def _step(self, title: str) -> None:
        self.steps += 1
        self._say()
        self.console.rule(f"[bold]{self.steps}. {title}", align="left")

    def _say(self, text: str = "") -> None:
        self.console.print(text, highlight=False)

    def _shell(self, command: str, output: str) -> None:
        if command:
            self.console.print(Text(f"$ {command}", "bold cyan"))
        if output.strip():
            self.console.print(Text(output.strip(), "dim"))

    def _json(self, data: Mapping[str, Any]) -> None:
        self.console.print_json(json.dumps(data))

    def _check(self, held: bool, promise: str) -> None:
        if not held:
            raise DemoFailedError(
                f"the demo failed at step {self.steps}: not so: {promise}; look into {self.root}/logs"
            )
        self.console.print(Text(f"✓ {promise}", "green"))
