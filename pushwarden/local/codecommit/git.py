"""Git's smart HTTP protocol, version 0, as CodeCommit speaks it.

The capability lists, the refusals and the silence on unknown capabilities follow captures of the real service:
https://github.com/isomorphic-git/isomorphic-git/issues/199, https://github.com/jelmer/dulwich/issues/671 and
https://github.com/src-d/go-git/issues/945. The work itself is done by ``git upload-pack`` and ``git receive-pack``.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

from pushwarden.local.codecommit import pktline
from pushwarden.local.codecommit.auth import Principal
from pushwarden.local.codecommit.bare import BRANCHES, OBJECT_ID, ZERO_ID, BareRepository, git_environment
from pushwarden.local.codecommit.errors import GitRefusedError, HangUpError
from pushwarden.local.codecommit.events import RefChange
from pushwarden.local.codecommit.http import Body, Response
from pushwarden.local.codecommit.packs import copy_pack
from pushwarden.local.codecommit.state import Account, Repository, peel

UPLOAD: Final = "git-upload-pack"
RECEIVE: Final = "git-receive-pack"
CAPABILITIES: Final[Mapping[str, str]] = {
    UPLOAD: "multi_ack_detailed shallow side-band-64k thin-pack allow-tip-sha1-in-want allow-reachable-sha1-in-want",
    RECEIVE: "side-band-64k report-status delete-refs thin-pack",
}
MAX_COMMANDS: Final = 4000
"""Refs in one push: https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html."""

OK: Final = "ok"

_STREAM_BYTES: Final = 1 << 16
_SPOOL_BYTES: Final = 1 << 20
_NO_CACHE: Final = {"Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a push: move ``ref`` from ``old`` to ``new``."""

    ref: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Push:
    """What a receive-pack request says before its pack."""

    commands: Sequence[Command]
    capabilities: frozenset[str]
    shallow: Sequence[bytes]


# Advertisement


def advertise(repository: Repository, service: str) -> Response:
    """Answer ``info/refs``: the refs, with CodeCommit's capabilities after the first."""
    lines = list(_advertised(repository.git, peeled=service == UPLOAD)) or [f"{ZERO_ID} capabilities^{{}}"]
    lines[0] += "\0" + CAPABILITIES[service]
    packets = b"".join(pktline.encode(os.fsencode(line) + b"\n") for line in lines)
    body = pktline.encode(f"# service={service}\n".encode()) + pktline.FLUSH + packets + pktline.FLUSH
    return Response(200, body, {"Content-Type": f"application/x-{service}-advertisement", **_NO_CACHE})


def _advertised(git: BareRepository, *, peeled: bool) -> Iterator[str]:
    refs = git.refs()
    head = refs.get(git.head())
    if peeled and head is not None:
        yield f"{head} HEAD"
    for name, value in refs.items():
        yield f"{value} {name}"
        target = value if not peeled or name.startswith(BRANCHES) else peel(git, value)
        if target != value:
            yield f"{target} {name}^{{}}"


# Fetch


def upload_pack(repository: Repository, body: Body) -> Response:
    """Answer one round of a fetch.

    Raises:
        HangUpError: the client asks for a capability that was not advertised, or does not speak the protocol.
    """
    first = _first_packet(body)
    headers = {"Content-Type": f"application/x-{UPLOAD}-result", **_NO_CACHE}
    if first is None:
        return Response(200, b"", headers)
    _check_capabilities(first.split()[2:], UPLOAD)
    stdin = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the answer is streamed
    stdin.write(pktline.encode(first))
    while data := body.read_some():
        stdin.write(data)
    stdin.seek(0)
    return Response(200, _stream(repository.git, stdin), headers)


def _stream(git: BareRepository, stdin: IO[bytes]) -> Iterator[bytes]:
    command = ["git", "upload-pack", "--stateless-rpc", str(git.path)]
    with (
        stdin,
        subprocess.Popen(
            command, env=git_environment(), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process,
    ):
        assert process.stdout is not None
        try:
            while data := process.stdout.read1(_STREAM_BYTES):  # type: ignore[attr-defined]
                yield data
        finally:
            process.kill()


# Push


def read_push(body: Body) -> Push | None:
    """Read the commands of a push; None for the empty request by which git tests its credentials.

    Raises:
        HangUpError: the client sends a capability that was not advertised, or does not speak the protocol.
    """
    commands: list[Command] = []
    capabilities: frozenset[str] = frozenset()
    shallow: list[bytes] = []
    try:
        for packet in pktline.read_until_flush(body):
            if packet.startswith(b"shallow "):
                shallow.append(packet)
                continue
            line, nul, names = packet.partition(b"\0")
            if nul:
                capabilities = _check_capabilities(names.split(), RECEIVE)
            commands.append(_command(line))
    except (pktline.PktLineError, EOFError) as error:
        raise HangUpError("the push does not start with commands") from error
    return Push(commands, capabilities, shallow) if commands else None


def receive_pack(account: Account, repository: Repository, principal: Principal, push: Push, body: Body) -> Response:
    """Answer a push: store the pack, move the refs, send the events.

    Raises:
        GitRefusedError: the repository was deleted meanwhile.
    """
    if len(push.commands) > MAX_COMMANDS:
        return _report(push, "Too many reference update commands", {})
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as pack:
        if copy_pack(body, pack):
            return _report(push, "protocol error (offset deltas are not supported)", {})
        pack.seek(0)
        with repository.lock:
            if not repository.git.path.is_dir():
                raise GitRefusedError(404, f"{repository.name} was deleted")
            outcomes = {each.ref: reason for each in push.commands if (reason := _refusal(repository, each))}
            before = repository.git.refs()
            unpacked = _run_receive_pack(repository.git, push, outcomes, pack)
            account.refs_moved(repository, principal, _changes(push.commands, outcomes, before))
    return _report(push, unpacked, outcomes)


def _refusal(repository: Repository, command: Command) -> str | None:
    """Return why CodeCommit itself refuses a command, None where git decides.

    That it refuses is documented (for the API: DefaultBranchCannotBeDeletedException); the words are ours.
    """
    if command.new == ZERO_ID and command.ref == BRANCHES + (repository.default_branch or ""):
        return "cannot delete the default branch"
    if command.new != ZERO_ID and OBJECT_ID.fullmatch(command.ref.removeprefix(BRANCHES)):
        return "branch name looks like a commit ID"
    return None


def _run_receive_pack(git: BareRepository, push: Push, outcomes: dict[str, str], pack: IO[bytes]) -> str:
    """Let git take the commands that are not refused yet; add its outcomes and return its word on the pack.

    An outcome is ``ok`` or the reason of the refusal. git is always asked for a report, and never for side bands.
    """
    commands = [each for each in push.commands if each.ref not in outcomes]
    if not commands:
        return OK
    with tempfile.TemporaryFile() as stdin:
        lines = [f"{each.old} {each.new} {each.ref}" for each in commands]
        lines[0] += "\0report-status"
        packets = [*push.shallow, *(os.fsencode(line) for line in lines)]
        stdin.write(b"".join(map(pktline.encode, packets)) + pktline.FLUSH)
        shutil.copyfileobj(pack, stdin, _STREAM_BYTES)
        stdin.seek(0)
        command = ["git", "receive-pack", "--stateless-rpc", str(git.path)]
        done = subprocess.run(
            command, env=git_environment(), stdin=stdin, capture_output=True, check=False, start_new_session=True
        )
    return _read_report(done.stdout, outcomes)


def _read_report(data: bytes, outcomes: dict[str, str]) -> str:
    unpacked = "protocol error"
    try:
        for packet in pktline.read_until_flush(io.BytesIO(data)):
            word, _, rest = os.fsdecode(packet.rstrip(b"\n")).partition(" ")
            if word == "unpack":
                unpacked = rest
            elif word == OK:
                outcomes[rest] = OK
            else:
                ref, _, reason = rest.partition(" ")
                outcomes[ref] = reason
    except EOFError:  # git died; what it said so far stands
        return unpacked
    return unpacked


def _changes(
    commands: Iterable[Command], outcomes: Mapping[str, str], before: Mapping[str, str]
) -> Iterator[RefChange]:
    """Yield what really moved: deleting what is not there, or moving a ref to where it stands, changes nothing."""
    for each in commands:
        old = before.get(each.ref, ZERO_ID)
        if outcomes.get(each.ref) == OK and old != each.new:
            yield RefChange(each.ref, old, each.new)


def _report(push: Push, unpacked: str, outcomes: Mapping[str, str]) -> Response:
    """Answer with ``report-status``, where the client asked for one.

    https://git-scm.com/docs/gitprotocol-pack#_report_status
    """
    headers = {"Content-Type": f"application/x-{RECEIVE}-result", **_NO_CACHE}
    if "report-status" not in push.capabilities:
        return Response(200, b"", headers)
    lines = [f"unpack {unpacked}\n"]
    for each in push.commands:
        outcome = outcomes.get(each.ref, "unpacker error")
        lines.append(f"ok {each.ref}\n" if outcome == OK else f"ng {each.ref} {outcome}\n")
    body = b"".join(pktline.encode(os.fsencode(line)) for line in lines) + pktline.FLUSH
    if "side-band-64k" in push.capabilities:
        body = pktline.side_band(1, body) + pktline.FLUSH
    return Response(200, body, headers)


# Parsing


def _first_packet(body: Body) -> bytes | None:
    try:
        return pktline.read(body)
    except (pktline.PktLineError, EOFError) as error:
        raise HangUpError("the request does not start with a pkt-line") from error


def _check_capabilities(names: Iterable[bytes], service: str) -> frozenset[str]:
    """Return the client's capabilities; the real service hangs up on ``agent`` and the like, so this one does too."""
    wanted = frozenset(name.decode("utf-8", errors="replace") for name in names)
    unknown = wanted - set(CAPABILITIES[service].split())
    if unknown:
        raise HangUpError(f"not advertised: {', '.join(sorted(unknown))}")
    return wanted


def _command(line: bytes) -> Command:
    parts = line.rstrip(b"\n").split(b" ", 2)
    try:
        old, new, ref = (part.decode() for part in parts)
    except ValueError:  # too few parts, or a name that is not UTF-8
        raise HangUpError("a command of the push cannot be read") from None
    if not OBJECT_ID.fullmatch(old) or not OBJECT_ID.fullmatch(new):
        raise HangUpError("a command of the push has no full object ids")
    return Command(ref, old, new)
