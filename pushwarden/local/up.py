"""``pushwarden local up``: the service keeps running and tells what happens."""

from __future__ import annotations

import shlex
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from pushwarden.local.person import git_environment
from pushwarden.local.service import LocalService, administrator, developer
from pushwarden.model import SECURITY_EVENT
from pushwarden.policies import RESET_ALLOWED, RESET_TAG_KEY

_LOOK_EVERY_S: Final = 0.2
_COLOURS: Final = {"done": "green", "already": "dim", "refused": "yellow", "failed": "red"}


def run(console: Console, root: Path, port: int, repository: str, rules: Path | None = None) -> None:
    """Run until Ctrl-C or SIGTERM; ``rules`` are the compiled ones, where they are at hand."""
    stop = threading.Event()

    def ended(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ended) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with console.status("Starting CodeCommit and AWS on this machine ..."):
            service = LocalService(root, codecommit_port=port, rules=rules).__enter__()
        try:
            _introduce(console, service, root, repository)
            seen = 0
            while not stop.wait(_LOOK_EVERY_S):
                seen = _show(console, service, seen)
        finally:
            service.__exit__()
        console.print(f"\nStopped. Mails, logs and repositories are in {root}", highlight=False)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _introduce(console: Console, service: LocalService, root: Path, repository: str) -> None:
    tags = {"RepoState": "ok", RESET_TAG_KEY: RESET_ALLOWED}
    client = service.client("codecommit")
    names = {each["repositoryName"] for each in client.list_repositories()["repositories"]}
    if repository not in names:
        client.create_repository(repositoryName=repository, tags=tags)
    for person, name in ((developer(), "developer"), (administrator(), "administrator")):
        # Git is told to read no configuration of the machine's owner, so it must be told here who commits.
        who = {f"GIT_{role}_NAME": name.title() for role in ("AUTHOR", "COMMITTER")}
        who |= {f"GIT_{role}_EMAIL": f"{name}@example.com" for role in ("AUTHOR", "COMMITTER")}
        wanted = git_environment(service.person_environment(person)) | who
        lines = [
            f"export {key}={shlex.quote(value)}"
            for key, value in sorted(wanted.items())
            if key not in {"PATH", "HOME", "LANG"}
        ]
        path = root / f"{name}.env"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
    console.print(
        f"[bold green]Pushwarden is running.[/] CodeCommit is at {service.codecommit.url}\n\n"
        f"In another terminal:\n"
        f"  [bold]source {root}/developer.env[/]        # or administrator.env, who is not bound by the lock\n"
        f"  [bold]git clone {service.codecommit.clone_url(repository)}[/]\n"
        f"  push something; `aws codecommit ...`, `pushwarden unlock` and `pushwarden restore` work there as well\n\n"
        f"Mails: {root}/mail    Logs: {root}/logs    Ctrl-C ends it.\n",
        highlight=False,
        soft_wrap=True,
    )


def _show(console: Console, service: LocalService, seen: int) -> int:
    sent = service.codecommit.events.sent
    for event in sent[seen:]:
        detail = event["detail"]
        if "referenceFullName" in detail:
            commit = detail.get("commitId") or detail.get("oldCommitId") or ""
            who = detail.get("callerUserArn", "").rpartition("/")[2]
            _line(
                console,
                "push",
                f"{detail['repositoryName']} {detail['referenceFullName']} {commit[:10]} by {who}",
                "cyan",
            )
    for event in service.security_events():
        _tell(console, event)
    for mail in service.mailbox.collect():
        _line(console, "mail", f"{mail.subject}  ({mail.path})", "blue")
    return len(sent)


def _tell(console: Console, event: dict[str, Any]) -> None:
    detail = event["detail"]
    if event["detail-type"] == SECURITY_EVENT:
        for finding in detail["findings"]:
            _line(
                console,
                "leak",
                f"{finding['title']} ({finding['confidence']}) {finding['path']}:{finding['line']}",
                "bold red",
            )
        for gap in detail["incomplete"]:
            _line(console, "gap", gap["message"], "yellow")
        _line(console, "then", ", ".join(detail["actions"]) or "nothing", "red")
    else:
        _line(
            console,
            detail["action"],
            f"{detail['outcome']}: {detail['summary']}",
            _COLOURS.get(detail["outcome"], "default"),
        )


def _line(console: Console, kind: str, text: str, style: str) -> None:
    console.print(Text.assemble((f"{kind:>6}  ", style), text))
