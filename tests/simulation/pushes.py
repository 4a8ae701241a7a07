"""The ways in which people push: clean, leaking in every way that a push can, forced, deleting, again."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.simulation.invariants import Plant
from tests.simulation.people import Clone, Content, Link, Module
from tests.simulation.secrets import key_pair, secret_text

if TYPE_CHECKING:
    from tests.simulation.world import World

MAIN: Final = "refs/heads/main"
SMALL_PACK_BYTES: Final = 60_000
"""Where scan takes on no more than this, a push can be too large for it."""
_SIX_MB: Final = 6 << 20
"""CodeCommit's API gives out no larger file."""
_REPOSITORIES_MAX: Final = 6


@dataclass(slots=True)
class Desk:
    """Somebody who is about to push."""

    world: World
    clone: Clone
    ref: str
    tip: str | None
    who: str
    source: random.Random
    planted: list[tuple[str, str, str]] = field(default_factory=list)
    """Secret, commit, and the IAM user whose key it is."""
    number: str = ""

    def __post_init__(self) -> None:
        self.number = f"{self.source.getrandbits(40):x}"

    @property
    def on(self) -> tuple[str, ...]:
        return (self.tip,) if self.tip else ()

    @property
    def clean(self) -> dict[str, Content | None]:
        return {f"src/{self.number[:2]}.txt": f"text {self.number}\n".encode()}

    @property
    def back(self) -> tuple[str, ...]:
        """The commit before the tip."""
        return self.clone.snapshots[self.tip].parents[:1] if self.tip else ()

    def secret(self, *, plain: bool = False) -> str:
        return secret_text(self.source, self.world.machine.scanner, plain=plain)

    def leak(self, *parents: str, path: str = "", user: str = "", text: str = "") -> str:
        """Commit a secret in a file of its own."""
        secret = text or self.secret()
        made = self.clone.commit({path or f"conf/{self.number[:3]}.txt": secret.encode()}, "Work", *parents)
        return self.plant(secret, made, user)

    def plant(self, secret: str, commit: str, user: str = "") -> str:
        self.planted.append((secret, commit, user))
        return commit

    def commit(
        self, files: Mapping[str, Content | None], *parents: str, message: str = "Work", author: str = ""
    ) -> str:
        return self.clone.commit(files, message, *parents, **({"author": author} if author else {}))

    def send(self, new: str | None, *, ref: str = "", old: str | None = "") -> bool:
        """Push; an empty ``ref`` or ``old`` is the one that is at hand."""
        ref, old = ref or self.ref, self.tip if old == "" else old
        return old != new and self.noted(ref, lambda: self.clone.push(ref, old, new, self.who))

    def noted(self, ref: str, push: Callable[[], bool]) -> bool:
        """Push in some way, and write down what was planted with it."""
        self.world.pushes += 1
        done = push()
        if done:
            self.world.ledger.plants += [Plant(self.clone, *each[:2], ref, each[2]) for each in self.planted]
        return done


Way = Callable[[Desk], object]
WAYS: Final[dict[str, tuple[int, Way]]] = {}
"""By name: how often, and how."""


def way(weight: int) -> Callable[[Way], Way]:
    """Add a way to push."""

    def add(function: Way) -> Way:
        WAYS[function.__name__.strip("_").replace("_", "-")] = weight, function
        return function

    return add


@way(30)
def _clean(d: Desk) -> None:
    d.send(d.commit(d.clean, *d.on))


@way(18)
def _leak(d: Desk) -> None:
    d.send(d.leak(*d.on))


@way(4)
def _many(d: Desk) -> None:
    d.send(d.leak(d.commit(d.clean, d.leak(*d.on)), path="other.txt"))


@way(5)
def _removed_again(d: Desk) -> None:
    d.send(d.commit({"k.txt": b"gone\n"}, d.leak(*d.on, path="k.txt")))


@way(3)
def _message(d: Desk) -> None:
    secret = d.secret(plain=True)
    d.send(d.plant(secret, d.commit(d.clean, *d.on, message=f"Use {secret}")))


@way(2)
def _author(d: Desk) -> None:
    secret = d.secret(plain=True)
    d.send(d.plant(secret, d.commit(d.clean, *d.on, author=f"{secret.strip()} <a@example.com>")))


@way(2)
def _name(d: Desk) -> None:
    secret = d.secret(plain=True)
    d.send(d.plant(secret, d.commit({f"x-{secret.strip()}": b"x\n"}, *d.on)))


@way(4)
def _merge(d: Desk) -> None:
    """A secret that only the merge commit brings."""
    one, other = d.commit({"m.txt": d.number.encode()}, *d.on), d.commit(d.clean, *d.on)
    secret = d.secret()
    d.send(d.plant(secret, d.commit({"merged.txt": secret.encode()}, one, other)))


@way(5)
def _branch(d: Desk) -> None:
    d.send(d.commit(d.clean, *d.on), ref=_new_branch(d), old=None)


@way(5)
def _leaking_branch(d: Desk) -> None:
    d.send(d.leak(*d.on), ref=_new_branch(d), old=None)


@way(3)
def _two_refs(d: Desk) -> None:
    """A new branch with the same commit as another one."""
    new = d.leak(*d.on)
    d.send(new, ref=_new_branch(d), old=None)
    d.send(new)


@way(6)
def _force(d: Desk) -> None:
    if d.tip:
        d.send(d.commit(d.clean, *d.back))


@way(5)
def _leaking_force(d: Desk) -> None:
    if d.tip:
        d.send(d.leak(*d.back))


@way(5)
def _delete(d: Desk) -> None:
    if d.tip and d.ref != MAIN:
        d.send(None)


@way(5)
def _again(d: Desk) -> None:
    """Push a commit again, perhaps one that was reset away."""
    old = sorted(p.commit for p in d.world.ledger.plants if p.clone is d.clone and p.ref.startswith("refs/heads/"))
    if old:
        d.send(d.source.choice(old))


@way(3)
def _tag(d: Desk) -> None:
    d.send(d.commit(d.clean, *d.on), ref=_new_tag(d), old=None)


@way(3)
def _leaking_tag(d: Desk) -> None:
    d.send(d.leak(*d.on), ref=_new_tag(d), old=None)


@way(3)
def _tag_message(d: Desk) -> None:
    if d.tip:
        secret = d.secret(plain=True)
        d.send(
            d.plant(secret, d.clone.tag(d.tip, f"t{d.number[:4]}", f"Release\n\n{secret}")), ref=_new_tag(d), old=None
        )


@way(2)
def _annotated(d: Desk) -> None:
    """An annotated tag on a commit that nobody has seen, with a secret in it."""
    d.send(d.clone.tag(d.leak(*d.on), f"t{d.number[:4]}", "Release"), ref=_new_tag(d), old=None)


@way(3)
def _renamed(d: Desk) -> None:
    """A file with an old secret gets another name: nothing new."""
    if held := _old_leak(d):
        path, content = held
        d.send(d.commit({path: None, f"moved-{d.number[:4]}.txt": content}, *d.on))


@way(3)
def _edited(d: Desk) -> None:
    """A file with an old secret gets another line: nothing new."""
    if held := _old_leak(d):
        path, content = held
        d.send(d.commit({path: b"one more line\n" + content}, *d.on))


@way(2)
def _binary(d: Desk) -> None:
    secret = d.secret(plain=True)
    d.send(d.plant(secret, d.commit({"data.bin": b"\0\1\2\0" + secret.encode() + b"\0\0\xff"}, *d.on)))


@way(2)
def _link(d: Desk) -> None:
    """A symbolic link whose target is a secret."""
    secret = d.secret(plain=True)
    d.send(d.plant(secret, d.commit({"link": Link(secret.strip().encode())}, *d.on)))


@way(2)
def _submodule(d: Desk) -> None:
    secret = d.secret()
    files: dict[str, Content | None] = {"module": Module("1" * 40), "beside.txt": secret.encode()}
    d.send(d.plant(secret, d.commit(files, *d.on)))


@way(3)
def _by_api(d: Desk) -> None:
    """A commit that CodeCommit itself makes."""
    if d.tip is None:
        return
    tip, secret = d.tip, d.secret()

    def put() -> bool:
        path, branch = f"api-{d.number[:4]}.txt", d.ref.removeprefix("refs/heads/")
        made = d.clone.commit_by_api(branch, tip, path, secret.encode(), d.who)
        if made:
            d.plant(secret, made)
        return made is not None

    d.noted(d.ref, put)


@way(2)
def _pull_request(d: Desk) -> None:
    """A branch with a secret, merged at once."""
    branch = _new_branch(d)
    if d.tip and d.send(d.leak(*d.on), ref=branch, old=None):
        names = branch.removeprefix("refs/heads/"), d.ref.removeprefix("refs/heads/")
        d.noted(d.ref, lambda: d.clone.merge_by_api(*names, d.who))


@way(2)
def _newborn(d: Desk) -> None:
    """The first push to an empty repository."""
    if len(d.world.clones) < _REPOSITORIES_MAX:
        d.clone, d.ref, d.tip = d.world.new_clone(), MAIN, None
        d.send(d.leak())


@way(1)
def _large(d: Desk) -> None:
    """A secret at the end of a file that is larger than what the API gives out."""
    secret = d.secret()
    content = f"line {d.number}\n".encode() * (_SIX_MB // 15) + b"\n" + secret.encode()
    d.send(d.plant(secret, d.commit({"large.txt": content}, *d.on)))


@way(2)
def _too_much(d: Desk) -> None:
    """A push that is too large for one scan, where scan takes on little."""
    tip = d.on
    for part in range(3):
        noise = d.source.randbytes(SMALL_PACK_BYTES // 2)
        tip = (d.commit({f"noise-{part}.bin": noise}, *tip),)
    d.send(d.leak(*tip))


@way(4)
def _key(d: Desk) -> None:
    """The access key of an IAM user."""
    user = f"user-{d.clone.name}-{d.number}"
    d.send(d.leak(*d.on, text=key_pair(user), user=user))


def _new_branch(d: Desk) -> str:
    return f"refs/heads/b{d.number[:6]}"


def _new_tag(d: Desk) -> str:
    return f"refs/tags/t{d.number[:6]}"


def _old_leak(d: Desk) -> tuple[str, bytes] | None:
    """Return a file of the tip with a secret that was pushed before, if there is one."""
    if d.tip is None:
        return None
    known = [each.secret.encode() for each in d.world.ledger.plants if each.clone is d.clone]
    files = d.clone.snapshots[d.tip].files
    held = [(p, c) for p, c in sorted(files.items()) if isinstance(c, bytes) and c in known]
    return held[0] if held else None
