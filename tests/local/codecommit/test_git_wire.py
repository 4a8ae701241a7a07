"""The git protocol byte by byte: what CodeCommit advertises, refuses and hangs up on."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dulwich.client import HttpGitClient
from dulwich.errors import HangupException
from dulwich.repo import MemoryRepo

from pushwarden.local.codecommit import CodeCommitServer, Principal, pktline
from pushwarden.local.codecommit.bare import ZERO_ID

from .conftest import ACCOUNT, ADMIN, ALLOW_ALL, Work, credentials_of, signed_url

EMPTY_PACK = b"PACK\0\0\0\2\0\0\0\0"
EMPTY_PACK += hashlib.sha1(EMPTY_PACK).digest()


class Wire:
    """Raw requests to one repository."""

    def __init__(self, server: CodeCommitServer, name: str, principal: Principal = ADMIN) -> None:
        self.server = server
        self.name = name
        user, password = credentials_of(signed_url(server, name, principal))
        self.headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    def request(self, method: str, path: str, body: bytes | Iterator[bytes] = b"", **headers: str) -> tuple[int, bytes]:
        host = self.server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=20)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        try:
            connection.request(
                method,
                f"/v1/repos/{self.name}/{path}",
                body,
                self.headers | named,
                encode_chunked="Transfer-Encoding" in named,
            )
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def push(self, *commands: str, capabilities: str = "report-status", pack: bytes = EMPTY_PACK) -> bytes:
        lines = [f"{commands[0]}\0{capabilities}", *commands[1:]]
        body = b"".join(pktline.encode(line.encode()) for line in lines) + pktline.FLUSH + pack
        return self.request("POST", "git-receive-pack", body)[1]


def lines(data: bytes) -> list[bytes]:
    return [packet.rstrip(b"\n") for packet in pktline.read_until_flush(io.BytesIO(data))]


@pytest.fixture
def wire(server: CodeCommitServer, repo: str) -> Wire:
    return Wire(server, repo)


@pytest.fixture
def pushed(work: Work, repo: str) -> tuple[str, str]:
    """Two commits on main: the older and the newer."""
    old, new = work.commit({"a": "1"}), work.commit({"a": "2"})
    work.git("push", f"@{repo}", "main")
    return old, new


@pytest.mark.parametrize(
    ("service", "capabilities"),
    [
        (
            "git-upload-pack",
            b"multi_ack_detailed shallow side-band-64k thin-pack allow-tip-sha1-in-want allow-reachable-sha1-in-want",
        ),
        ("git-receive-pack", b"side-band-64k report-status delete-refs thin-pack"),
    ],
)
def test_the_capabilities_are_those_of_codecommit_also_when_a_newer_protocol_is_asked_for(
    wire: Wire, pushed: tuple[str, str], service: str, capabilities: bytes
) -> None:
    for headers in ({}, {"Git_Protocol": "version=2"}):
        _, body = wire.request("GET", f"info/refs?service={service}", **headers)
        stream = io.BytesIO(body)
        assert list(pktline.read_until_flush(stream)) == [f"# service={service}\n".encode()]
        assert next(pktline.read_until_flush(stream)).rstrip().split(b"\0")[1] == capabilities


@pytest.mark.parametrize("capability", ["agent=git/2.39.5", "ofs-delta", "quiet", "atomic", "object-format=sha1"])
def test_a_push_with_a_capability_that_was_not_advertised_gets_an_empty_answer(
    wire: Wire, pushed: tuple[str, str], capability: str
) -> None:
    old, new = pushed
    assert wire.push(f"{new} {old} refs/heads/main", capabilities=f"report-status {capability}") == b""
    assert new.encode() in wire.request("GET", "info/refs?service=git-receive-pack")[1]


@pytest.mark.parametrize("capability", ["agent=git/2.39.5", "ofs-delta", "no-done", "filter", "include-tag"])
def test_a_fetch_with_a_capability_that_was_not_advertised_gets_an_empty_answer(
    wire: Wire, pushed: tuple[str, str], capability: str
) -> None:
    body = pktline.encode(f"want {pushed[1]} side-band-64k {capability}\n".encode()) + b"0000" + b"0009done\n"
    assert wire.request("POST", "git-upload-pack", body) == (200, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"this is no pkt-line",
        b"",
        b"00",
        b"0032",
        pktline.encode(b"zero zero refs/heads/main\0report-status") + b"0000",
        pktline.encode(b"0" * 40 + b" " + b"1" * 40 + b" refs/heads/\xff\0report-status") + b"0000",
    ],
)
@pytest.mark.parametrize("service", ["git-receive-pack", "git-upload-pack"])
def test_a_request_that_is_no_git_gets_an_empty_answer(wire: Wire, service: str, body: bytes) -> None:
    assert wire.request("POST", service, body) == (200, b"")


def test_dulwich_can_fetch_but_not_push_because_it_names_its_agent(
    server: CodeCommitServer, repo: str, pushed: tuple[str, str]
) -> None:
    user, password = credentials_of(signed_url(server, repo))
    client = HttpGitClient(server.url, username=user, password=password)
    local = MemoryRepo()
    refs = client.fetch(f"/v1/repos/{repo}", local).refs
    assert refs[b"refs/heads/main"] == pushed[1].encode()
    assert pushed[0].encode() in local.object_store
    with pytest.raises(HangupException):
        client.send_pack(
            f"/v1/repos/{repo}",
            lambda _: {b"refs/heads/main": pushed[0].encode()},
            lambda *_, **__: (0, iter([])),
        )


def test_a_ref_moves_back_with_an_empty_pack_if_it_still_stands_where_the_client_says(
    wire: Wire, pushed: tuple[str, str], admin: Any
) -> None:
    old, new = pushed
    assert lines(wire.push(f"{new} {old} refs/heads/main")) == [b"unpack ok", b"ok refs/heads/main"]
    assert admin.get_branch(repositoryName=wire.name, branchName="main")["branch"]["commitId"] == old
    stale = lines(wire.push(f"{new} {old} refs/heads/main"))
    assert stale[0] == b"unpack ok"
    assert stale[1].startswith(b"ng refs/heads/main ")
    assert len(wire.server.events.sent) == 2


def test_a_ref_does_not_move_to_a_commit_that_is_not_stored(wire: Wire, pushed: tuple[str, str]) -> None:
    report = lines(wire.push(f"{pushed[1]} {'b' * 40} refs/heads/main"))
    assert report[1].startswith(b"ng refs/heads/main ")


def test_the_report_comes_in_side_bands_only_when_asked_for(wire: Wire, pushed: tuple[str, str]) -> None:
    command = f"{ZERO_ID} {pushed[0]} refs/heads/topic"
    packets = lines(wire.push(command, capabilities="report-status side-band-64k"))
    assert {packet[:1] for packet in packets} == {b"\x01"}
    assert lines(b"".join(packet[1:] for packet in packets)) == [b"unpack ok", b"ok refs/heads/topic"]


def test_without_report_status_the_answer_is_empty_and_the_ref_moves(
    wire: Wire, pushed: tuple[str, str], admin: Any
) -> None:
    assert wire.push(f"{ZERO_ID} {pushed[0]} refs/heads/topic", capabilities="") == b""
    assert admin.get_branch(repositoryName=wire.name, branchName="topic")["branch"]["commitId"] == pushed[0]


def test_the_empty_request_by_which_git_tests_its_credentials_is_answered(wire: Wire) -> None:
    assert wire.request("POST", "git-receive-pack", b"0000") == (200, b"")


def test_4000_commands_are_taken_and_4001_are_refused(wire: Wire, pushed: tuple[str, str]) -> None:
    delete_nothing = [f"{'c' * 40} {ZERO_ID} refs/heads/n{number}" for number in range(4001)]
    assert lines(wire.push(*delete_nothing[:4000], pack=b""))[0] == b"unpack ok"
    report = lines(wire.push(*delete_nothing, pack=b""))
    assert report[0] == b"unpack Too many reference update commands"
    assert len(report) == 4002


def _pack(work: Work, *options: str) -> bytes:
    names = work.git("rev-list", "--objects", "HEAD")
    work.git("pack-objects", *options, "out", stdin=names)
    return next(iter(work.folder.glob("out-*.pack"))).read_bytes()


def test_offset_deltas_are_refused_and_reference_deltas_taken(wire: Wire, work: Work, admin: Any) -> None:
    text = "".join(f"line {number} with something in it\n" for number in range(500))
    work.commit({"a": text})
    tip = work.commit({"a": text + "one more\n"})
    command = f"{ZERO_ID} {tip} refs/heads/main"
    refused = lines(wire.push(command, pack=_pack(work, "--delta-base-offset")))
    assert refused[0] == b"unpack protocol error (offset deltas are not supported)"
    assert refused[1].startswith(b"ng refs/heads/main")
    for path in work.folder.glob("out-*"):
        path.unlink()
    assert lines(wire.push(command, pack=_pack(work)))[0] == b"unpack ok"
    assert admin.get_commit(repositoryName=wire.name, commitId=tip)["commit"]["commitId"] == tip


@pytest.mark.parametrize("cut", [4, 40, -30, -1])
def test_a_pack_that_is_cut_off_moves_nothing(wire: Wire, work: Work, cut: int) -> None:
    tip = work.commit({"a": "content " * 100})
    pack = _pack(work)[:cut]
    report = lines(wire.push(f"{ZERO_ID} {tip} refs/heads/main", pack=pack))
    assert report[0] != b"unpack ok"
    assert report[1].startswith(b"ng refs/heads/main")
    assert wire.server.events.sent == []


def test_zipped_requests_are_understood(wire: Wire, pushed: tuple[str, str]) -> None:
    body = pktline.encode(f"want {pushed[1]} thin-pack\n".encode()) + b"0000" + b"0009done\n"
    status, answer = wire.request("POST", "git-upload-pack", gzip.compress(body), Content_Encoding="gzip")
    assert (status, answer[:8]) == (200, b"0008NAK\n")
    assert b"PACK" in answer


def test_a_body_that_is_not_what_its_encoding_says_is_a_bad_request(wire: Wire) -> None:
    assert wire.request("POST", "git-receive-pack", b"not gzip", Content_Encoding="gzip")[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "info/refs", 403),
        ("GET", "info/refs?service=git-evil", 403),
        ("POST", "info/refs?service=git-upload-pack", 405),
        ("GET", "git-upload-pack", 405),
        ("POST", "git-upload-archive", 403),
        ("GET", "HEAD", 404),
    ],
)
def test_anything_else_is_refused(wire: Wire, method: str, path: str, status: int) -> None:
    assert wire.request(method, path)[0] == status


def test_a_policy_on_references_denies_the_push_but_not_the_advertisement(
    server: CodeCommitServer, repo: str, pushed: tuple[str, str]
) -> None:
    protect_main = {
        "Statement": {
            "Effect": "Deny",
            "Action": "codecommit:GitPush",
            "Resource": "*",
            "Condition": {
                "StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]},
                "Null": {"codecommit:References": "false"},
            },
        }
    }
    limited = Principal(
        f"arn:aws:iam::{ACCOUNT}:user/limited", "AKIATESTLIM000000001", "made-up", None, (ALLOW_ALL, protect_main)
    )
    server.add_principal(limited)
    wire = Wire(server, repo, limited)
    assert wire.request("GET", "info/refs?service=git-receive-pack")[0] == 200
    command = pktline.encode(f"{pushed[1]} {pushed[0]} refs/heads/main\0report-status".encode())
    assert wire.request("POST", "git-receive-pack", command + b"0000" + EMPTY_PACK)[0] == 403
    assert lines(wire.push(f"{ZERO_ID} {pushed[0]} refs/heads/topic"))[1] == b"ok refs/heads/topic"


def test_a_repository_path_outside_the_store_is_not_served(wire: Wire, tmp_path: Path) -> None:
    wire.name = "..%2f..%2fetc"
    assert wire.request("GET", "info/refs?service=git-upload-pack")[0] == 404


def test_a_repository_that_is_deleted_during_a_push_is_not_found(
    wire: Wire, pushed: tuple[str, str], admin: Any
) -> None:
    def parts() -> Iterator[bytes]:
        yield pktline.encode(f"{pushed[1]} {pushed[0]} refs/heads/main\0report-status".encode()) + b"0000"
        admin.delete_repository(repositoryName=wire.name)
        yield EMPTY_PACK

    assert wire.request("POST", "git-receive-pack", parts(), Transfer_Encoding="chunked")[0] == 404
    assert len(wire.server.events.sent) == 1
