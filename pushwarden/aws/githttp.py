"""A small git client for CodeCommit: list refs, fetch a pack, move one ref. No git binary, no clone.

Protocol: https://git-scm.com/docs/http-protocol and https://git-scm.com/docs/pack-protocol (version 0, stateless).
CodeCommit hangs up on any capability that it did not advertise itself (``agent`` among them), so only advertised ones are
ever sent; and it refuses packs with offset deltas, so we never ask for those either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol, cast

import urllib3

from pushwarden.aws.gitsign import Credentials, basic_auth_header
from pushwarden.aws.pktline import FLUSH, PacketError, packet, packets
from pushwarden.errors import PushwardenError

ZERO_ID: Final = "0" * 40
EMPTY_PACK: Final = b"PACK\0\0\0\2\0\0\0\0" + hashlib.sha1(b"PACK\0\0\0\2\0\0\0\0").digest()  # noqa: S324 - git's format
_TRAILER_BYTES: Final = 20
_BAND_DATA, _BAND_ERROR = 1, 3
_STATUS_OK: Final = 200


class GitError(PushwardenError):
    """CodeCommit's git server did not do what was asked."""


class GitUnavailableError(GitError):
    """A passing fault: throttled, broken off, timed out. Worth another try."""


class GitBrokenOffError(GitUnavailableError):
    """The connection ended without an answer, as it also does when CodeCommit is asked for what it does not offer."""


class GitAccessError(GitError):
    """The credentials are not accepted or not allowed to do this (a lock may be the reason)."""


class RepositoryNotFoundError(GitError):
    """There is no such repository (any more)."""


class NotOurRefError(GitError):
    """The wanted commit is not reachable from any ref (any more), so git will not send it."""


class PackTooLargeError(GitError):
    """The pack exceeds the byte limit that the caller set."""


class RefRejectedError(GitError):
    """The server refused to move the ref: it stood elsewhere, or the new commit is not there."""


class CredentialSource(Protocol):
    """Gives credentials that are valid now."""

    def __call__(self) -> Credentials:
        """Return fresh credentials."""


class Sink(Protocol):
    """Where a pack goes: a file, or somebody who has seen enough at some point and raises."""

    def write(self, data: bytes, /) -> object:
        """Take more of the pack."""


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What a repository's git server says at the start: every ref, and what the server can do."""

    refs: Mapping[str, str]
    """Full ref name to object id. For an annotated tag that is the tag object; see ``peeled``."""
    peeled: Mapping[str, str]
    """Full name of an annotated tag to the commit that it points at."""
    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True)
class GitEndpoint:
    """The git side of one account and Region of CodeCommit."""

    url: str
    """Scheme and host, ``https://git-codecommit.eu-west-1.amazonaws.com``."""
    region: str
    credentials: CredentialSource
    pool: urllib3.PoolManager
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _offers: dict[str, frozenset[str]] = field(default_factory=dict)
    """What the service was seen to advertise: it is the same for every repository, so asking once is enough."""

    def advertisement(self, repository: str, service: str) -> Advertisement:
        """Ask for the refs; ``service`` is ``git-upload-pack`` (to read) or ``git-receive-pack`` (to write).

        Raises:
            GitError: the server refused or could not be reached; the subclass says which.
        """
        with self._request("GET", repository, f"/info/refs?service={service}") as body:
            advertised = _parse_advertisement(body)
        if advertised.capabilities:
            self._offers[service] = advertised.capabilities
        return advertised

    def offered(self, service: str) -> frozenset[str]:
        """Return the capabilities that a service is known to advertise; none if nobody has looked."""
        return self._offers.get(service, frozenset())

    def learn(self, service: str, capabilities: frozenset[str]) -> None:
        """Take over what another process saw a service advertise; an empty set makes the next request look again."""
        self._offers[service] = capabilities

    def fetch(
        self,
        repository: str,
        *,
        wants: Sequence[str],
        haves: Sequence[str],
        advertised: Advertisement,
        into: Sink,
        max_bytes: int,
    ) -> int:
        """Fetch every object reachable from ``wants`` and not from ``haves``; return the pack's size in bytes.

        The pack is self-contained (not thin) and is written to ``into`` only; its checksum has been verified.

        Raises:
            NotOurRefError: a wanted commit is not reachable from any ref.
            PackTooLargeError: the pack is larger than ``max_bytes``.
            GitError: the server refused, could not be reached, or the pack came damaged.
        """
        capabilities = [c for c in ("multi_ack_detailed", "side-band-64k") if c in advertised.capabilities]
        if "side-band-64k" not in capabilities:
            raise GitError(f"the git server of {repository} does not offer side-band-64k, which fetching needs")
        lines = [
            packet(f"want {want}{' ' + ' '.join(capabilities) if i == 0 else ''}\n".encode())
            for i, want in enumerate(wants)
        ]
        lines += [FLUSH, *(packet(f"have {have}\n".encode()) for have in haves), packet(b"done\n")]
        with self._request("POST", repository, "/git-upload-pack", b"".join(lines)) as body:
            return _receive_pack_bytes(body, into, max_bytes)

    def update_ref(self, repository: str, ref: str, *, old: str, new: str, pack: bytes = EMPTY_PACK) -> None:
        """Move ``ref`` from ``old`` to ``new`` in one compare-and-swap; ``ZERO_ID`` as old creates, as new deletes.

        Objects that the server lacks are sent in ``pack``.

        Raises:
            RefRejectedError: the ref did not stand at ``old``, or the server refused for another reason (given).
            GitError: the server could not be asked; nothing is known of the ref then.
        """
        service = "git-receive-pack"
        offered = self._offers.get(service) or self.advertisement(repository, service).capabilities
        wanted = ["report-status"] + (["delete-refs"] if new == ZERO_ID else [])
        capabilities = " ".join(c for c in wanted if c in offered)
        command = packet(f"{old} {new} {ref}\0{capabilities}".encode("utf-8", "surrogateescape"))
        # A deletion carries no pack at all: https://git-scm.com/docs/pack-protocol#_reference_update_request_and_packfile_transfer
        request = command + FLUSH + (b"" if new == ZERO_ID else pack)
        with self._request("POST", repository, "/git-receive-pack", request) as body:
            _check_report(body, repository, ref)

    @contextmanager
    def _request(self, method: str, repository: str, suffix: str, body: bytes | None = None) -> Iterator[_Body]:
        path = f"/v1/repos/{repository}"
        host = urllib3.util.parse_url(self.url).host or ""
        auth = basic_auth_header(self.credentials(), host=host, path=path, region=self.region, now=self.clock())
        headers = {"Authorization": auth, "User-Agent": "git/pushwarden"}
        if body is not None:
            service = suffix.removeprefix("/")
            headers["Content-Type"] = f"application/x-{service}-request"
            headers["Accept"] = f"application/x-{service}-result"
        try:
            response = self.pool.request(
                method,
                self.url + path + suffix,
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            # The message of urllib3 may hold the URL but never a header; the class name is enough.
            raise GitBrokenOffError(
                f"the git server of {repository} cannot be reached ({type(error).__name__}); try again"
            ) from None
        try:
            _check_status(response.status, repository)
            yield cast("_Body", response)
        except (urllib3.exceptions.HTTPError, PacketError) as error:
            raise GitBrokenOffError(
                f"the git server of {repository} broke off ({type(error).__name__}); try again"
            ) from None
        finally:
            # Half-read bodies cannot be reused; closing is cheap beside a fetch.
            response.close()


class _Body(Protocol):
    def read(self, amt: int, /) -> bytes: ...


def _check_status(status: int, repository: str) -> None:
    if status == _STATUS_OK:
        return
    if status in {401, 403}:
        raise GitAccessError(
            f"access to the repository {repository} was refused (HTTP {status}); check the role's GitPull and GitPush rights"
        )
    if status == 404:  # noqa: PLR2004 - HTTP
        raise RepositoryNotFoundError(f"there is no repository {repository} here; it may have been deleted or renamed")
    if status == 429 or status >= 500:  # noqa: PLR2004 - HTTP
        raise GitUnavailableError(f"the git server of {repository} is busy or failing (HTTP {status}); try again later")
    raise GitError(f"the git server of {repository} answered HTTP {status}")


def _parse_advertisement(body: _Body) -> Advertisement:
    refs: dict[str, str] = {}
    peeled: dict[str, str] = {}
    capabilities: frozenset[str] = frozenset()
    for line in packets(body):
        if line is None or line.startswith(b"# service="):
            continue
        if line.startswith(b"ERR "):
            raise GitError(f"the git server refused: {line[4:].decode(errors='replace').strip()[:200]}")
        content, has_capabilities, offered = line.rstrip(b"\n").partition(b"\0")
        if has_capabilities:
            capabilities = frozenset(offered.decode("ascii", "replace").split())
        object_id, _, name = content.decode("utf-8", "surrogateescape").partition(" ")
        if name.endswith("^{}"):
            # The first line of an empty repository is a bare "capabilities^{}" that names no ref.
            if name != "capabilities^{}":
                peeled[name.removesuffix("^{}")] = object_id
        elif name:
            refs[name] = object_id
    return Advertisement(refs, peeled, capabilities)


def _receive_pack_bytes(body: _Body, into: Sink, max_bytes: int) -> int:
    size = 0
    digest = hashlib.sha1()  # noqa: S324 - git's format
    held = b""  # the last bytes so far, which may be the trailer and are not part of what it sums up
    for line in packets(body):
        if line is None or line.startswith((b"ACK ", b"NAK")):
            continue
        if line.startswith(b"ERR "):
            _raise_upload_error(line[4:])
        if line[:1] == bytes((_BAND_ERROR,)):
            _raise_upload_error(line[1:])
        if line[:1] != bytes((_BAND_DATA,)):
            continue
        size += len(line) - 1
        if size > max_bytes:
            raise PackTooLargeError(f"the push holds more than {max_bytes:,} bytes of packed objects")
        into.write(line[1:])
        held += line[1:]
        digest.update(held[:-_TRAILER_BYTES])
        held = held[-_TRAILER_BYTES:]
    if size <= _TRAILER_BYTES or digest.digest() != held:
        raise GitBrokenOffError("the pack came damaged or cut off; try again")
    return size


def _raise_upload_error(text: bytes) -> None:
    message = text.decode(errors="replace").strip()[:200]
    if "not our ref" in message or "unadvertised object" in message or "does not exist" in message.lower():
        raise NotOurRefError("the wanted commit is not reachable from any ref of the repository any more")
    raise GitError(f"the git server refused: {message}")


def _check_report(body: _Body, repository: str, ref: str) -> None:
    shown = ref.encode("utf-8", "backslashreplace").decode()
    for line in packets(body):
        if line is None:
            continue
        if line.strip() == b"ok " + ref.encode("utf-8", "surrogateescape"):
            return
        text = line.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace").decode().strip()
        if text.startswith("unpack ") and text != "unpack ok":
            raise RefRejectedError(f"{repository} did not accept the objects for {shown}: {text[7:207]}")
        if text.startswith(f"ng {shown}"):
            raise RefRejectedError(f"{repository} did not move {shown}: {text[len(shown) + 4 :][:200]}")
    raise GitUnavailableError(f"{repository} did not say whether it moved {shown}; look at the ref before another try")
