"""Build small repositories, and scan them with one rule."""

from __future__ import annotations

import os
import random
import string
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pushwarden.detect import load_scanner
from pushwarden.history.local.history import Context
from pushwarden.history.local.model import Limits, Outcome, Scanner, silent
from pushwarden.history.local.repository import open_repository

RULES = Path(__file__).parent / "rules.toml"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05+01:00",
    "GIT_COMMITTER_NAME": "Com",
    "GIT_COMMITTER_EMAIL": "com@example.org",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+01:00",
}


def token(number: int) -> str:
    """Return a made-up token, another one for each number."""
    return "tok_" + "".join(random.Random(number).choices(string.ascii_letters + string.digits, k=24))


def one_rule() -> Scanner:
    return load_scanner([RULES], default_rules=False, engine="plain")


@dataclass(frozen=True)
class Repo:
    path: Path

    def git(self, *args: str, data: bytes = b"", **variables: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.path), *args],
            input=data,
            capture_output=True,
            env={**ENVIRONMENT, **variables},
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, path: str, content: str | bytes) -> None:
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str = "change", **files: str | bytes) -> str:
        """Write files, commit everything and return the commit's id."""
        for path, content in files.items():
            self.write(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


def make_repo(path: Path, *options: str) -> Repo:
    path.mkdir(parents=True, exist_ok=True)
    repo = Repo(path)
    repo.git("init", "-q", "-b", "main", *options)
    return repo


def context_of(path: Path, jobs: int = 1, limits: Limits | None = None) -> Context:
    return Context(open_repository(str(path)), one_rule(), limits or Limits(), jobs, silent)


def secrets_of(outcome: Outcome) -> list[str]:
    return sorted(each.finding.match.secret.reveal().decode() for each in outcome.found)


def places(outcome: Outcome) -> list[tuple[str, str, str | None]]:
    """Return (path, secret, commit) of each finding, sorted."""
    return sorted(
        (each.finding.path, each.finding.match.secret.reveal().decode(), each.finding.commit) for each in outcome.found
    )


def change_at_random(repo: Repo, rng: random.Random, step: int) -> None:
    """Do something to a repository, as a person would."""
    name, content = rng.choice("abcdef"), "".join(f"{token(rng.randrange(9))}\n" for _ in range(rng.randrange(3)))
    what = rng.randrange(9)
    if what <= 2:
        repo.commit(f"step {step}", **{name: f"{step}\n{content}"})
    elif what == 3:
        repo.git("switch", "-q", "-f", "-c", f"branch{step}")
        repo.commit(f"branch {step} {content}", **{f"dir/{name}": content})
        repo.git("switch", "-q", "main")
    elif what == 4:
        branches = repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        repo.git("reset", "-q", "--hard")
        repo.git("merge", "-q", "-X", "ours", "--no-edit", rng.choice(branches))
    elif what == 5:
        repo.write(name, content)
        repo.git("add", "-A")
    elif what == 6:
        repo.git("reset", "-q", "--hard", repo.git("rev-list", "--max-count=2", "--first-parent", "HEAD").split()[-1])
        repo.git("tag", "-a", f"v{step}", "-m", content or "tag")
    elif what == 7:
        repo.commit(f"move {step}")
        repo.git("mv", "-k", "-f", "a", f"moved{step}.{name}")
        repo.commit(f"moved {step}")
    else:
        repo.git("gc", "-q")
