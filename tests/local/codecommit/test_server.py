"""The server's life: start, stop, ports, and what it says of itself."""

from __future__ import annotations

import http.client
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.exceptions import ConnectionError as BotoConnectionError

from pushwarden.errors import UsageError
from pushwarden.local.codecommit import CodeCommitServer, PolicyError, Principal

from .conftest import ACCOUNT, ADMIN, REGION, Work, connect


def make(root: Path, **more: Any) -> CodeCommitServer:
    return CodeCommitServer(root, ACCOUNT, REGION, [ADMIN], **more)


def test_a_stopped_server_answers_nobody_not_even_on_an_open_connection(tmp_path: Path) -> None:
    with make(tmp_path) as server:
        client = connect(server, ADMIN)
        client.create_repository(repositoryName="r")
    with pytest.raises((EndpointConnectionError, BotoConnectionError)):
        client.list_repositories()
    with pytest.raises(UsageError, match="start it first"):
        _ = server.url


def test_stopping_leaves_no_thread_and_no_process(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with make(tmp_path) as server:
        client = connect(server, ADMIN)
        client.create_repository(repositoryName="r")
        client.put_file(repositoryName="r", branchName="main", filePath="f", fileContent=b"x")
        client.get_file(repositoryName="r", filePath="f")
        client.close()
        reader = server._account.repository("r").git.objects
        assert reader.is_running
    assert not reader.is_running
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), thread
    server.stop()


def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}.*use another port"):
            make(tmp_path, port=port).start()


def test_a_server_is_started_once(tmp_path: Path) -> None:
    with make(tmp_path) as server, pytest.raises(UsageError, match="stop it first"):
        server.start()


def test_the_listener_gets_the_events_of_a_push(tmp_path: Path) -> None:
    got: list[dict[str, Any]] = []
    with make(tmp_path / "server", on_event=got.append) as server:
        connect(server, ADMIN).create_repository(repositoryName="r")
        work = Work(server, tmp_path / "work")
        tip = work.commit()
        work.git("push", "@r", "main")
        assert server.events.wait_idle()
    assert [(event["detail-type"], event["detail"]["commitId"]) for event in got] == [
        ("CodeCommit Repository State Change", tip)
    ]


def test_a_policy_that_cannot_be_evaluated_is_refused_when_the_principal_comes(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        CodeCommitServer(tmp_path, ACCOUNT, REGION, [Principal("a", "b", "c", None, ({"Statement": "no"},))])


def test_the_path_of_an_unknown_repository_is_a_clear_error(server: CodeCommitServer) -> None:
    with pytest.raises(UsageError, match="never does not exist; create it first"):
        server.repository_path("never")


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        ("CodeCommit_20150413.ListRepositories", b"{", "SerializationException"),
        ("CodeCommit_20150413.ListRepositories", b"[]", "SerializationException"),
        ("CodeCommit_20150413.ListRepositories", b"[" * 200_000, "SerializationException"),
        ("CodeCommit_20150413.GetRepository", b"{}", "RepositoryNameRequiredException"),
        ("CodeCommit_20150413.GetRepository", b'{"repositoryName": null}', "RepositoryNameRequiredException"),
        ("CodeCommit_20150413.GetRepository", b'{"repositoryName": 3}', "SerializationException"),
        ("CodeCommit_20150413.GetRepository", b'{"repositoryName": "a/b"}', "InvalidRepositoryNameException"),
        ("CodeCommit_20150413.GetCommit", b'{"repositoryName": "r"}', "CommitIdRequiredException"),
        ("CodeCommit_20150413.ListRepositories", b'{"sortBy": "size"}', "InvalidSortByException"),
        ("CodeCommit_20150413.NoSuchThing", b"{}", "UnknownOperationException"),
        ("CodeCommit_20150413.GetApprovalRuleTemplate", b"{}", "NotImplementedException"),
        ("", b"{}", "UnknownOperationException"),
    ],
)
def test_a_call_that_makes_no_sense_is_answered_with_the_error_of_its_kind(
    server: CodeCommitServer, target: str, body: bytes, expected: str
) -> None:
    client = connect(server, ADMIN)

    def replace(request: Any, **_: Any) -> None:
        request.data = body
        for name, value in (("X-Amz-Target", target), ("Content-Length", str(len(body)))):
            del request.headers[name]
            request.headers[name] = value

    client.meta.events.register("before-sign", replace)
    with pytest.raises(ClientError) as error:
        client.list_repositories()
    assert error.value.response["Error"]["Code"] == expected


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/v2"), ("GET", "/v1/repos/"), ("PUT", "/")])
def test_other_paths_are_not_served(server: CodeCommitServer, method: str, path: str) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    connection.request(method, path)
    assert connection.getresponse().status in {404, 501}
    connection.close()


def test_many_more_repositories_are_read_than_processes_are_kept(server: CodeCommitServer, admin: Any) -> None:
    names = [f"many-{number}" for number in range(20)]
    for name in names:
        admin.create_repository(repositoryName=name)
        admin.put_file(repositoryName=name, branchName="main", filePath="f", fileContent=name.encode())
    for _ in range(2):
        for name in names:
            assert admin.get_file(repositoryName=name, filePath="f")["fileContent"] == name.encode()
    open_readers = [each for each in server._account.repositories() if each.git.objects.is_running]
    assert 0 < len(open_readers) <= 16
