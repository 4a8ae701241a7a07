"""Every request that a function makes passes here: it can be counted, broken, or be the moment at which its process dies."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit

import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from werkzeug.test import Client

XML_SERVICES: Final = frozenset({"s3", "sns"})
THROTTLED_XML: Final = b"<ThrottlingException>\n  <Message>Rate exceeded</Message>\n</ThrottlingException>\n"
KILLS: Final = ("kill-before", "kill-after")
PASSING: Final = ("throttle", "http-500", "timeout-before", "timeout-after", "reset", "reset-after")
REFUSALS: Final = ("access-denied", "expired-token")
KINDS: Final = (*KILLS, *PASSING, *REFUSALS)


class KilledError(BaseException):
    """The process is gone: nothing of it runs any more, and nothing may catch this."""


@dataclass(slots=True)
class Fault:
    """What happens to calls of one invocation."""

    kind: str
    """One of ``KINDS``, or ``meanwhile-before`` and ``meanwhile-after``: something else happens at this moment."""
    at: int
    """The number of the call, from 0."""
    times: int = 1
    meanwhile: Callable[[], None] = lambda: None
    hit: bool = False

    def meets(self, number: int) -> bool:
        return self.at <= number < self.at + self.times


@dataclass(slots=True)
class Invocation:
    """One run of one function."""

    function: str
    fault: Fault | None = None
    calls: list[str] = field(default_factory=list)


class Wire:
    """The stack of invocations that are under way; the innermost is the one that calls."""

    def __init__(self) -> None:
        self.running: list[Invocation] = []

    def pass_on(self, name: str, send: Callable[[], Any], refuse: Callable[[str], Any], kind_of_client: str) -> Any:  # noqa: C901 - one case for each way to fail
        """Send a request, unless the fault of the present invocation says otherwise."""
        if not self.running:
            return send()
        invocation = self.running[-1]
        number = len(invocation.calls)
        invocation.calls.append(name)
        fault = invocation.fault
        if fault is None or not fault.meets(number):
            return send()
        fault.hit = True
        match fault.kind:
            case "kill-before":
                raise KilledError
            case "kill-after":
                send()
                raise KilledError
            case "timeout-before":
                raise _timeout(kind_of_client)
            case "timeout-after":
                send()
                raise _timeout(kind_of_client)
            case "reset":
                raise _reset(kind_of_client)
            case "reset-after":
                send()
                raise _reset(kind_of_client)
            case "meanwhile-before":
                self._aside(fault)
                return send()
            case "meanwhile-after":
                answer = send()
                self._aside(fault)
                return answer
        return refuse(fault.kind)

    def _aside(self, fault: Fault) -> None:
        """Let something else happen now: it is not part of this invocation, but may hold invocations of its own."""
        running, self.running = self.running, []
        try:
            fault.meanwhile()
        finally:
            self.running = running

    def watch(self, client: Any, application: Any = None) -> None:
        """Let every call of a boto3 client pass here; straight to a WSGI application, if there is one, to save the sockets."""
        service = client.meta.service_model.service_name
        direct = Client(application) if application is not None else None

        def before_send(request: Any, event_name: str, **_: Any) -> Any:
            name = f"{service}:{event_name.rpartition('.')[2]}"
            session = client._endpoint.http_session

            def send() -> Any:
                return session.send(request) if direct is None else _called(direct, request)

            return self.pass_on(name, send, lambda kind: _refusal(service, kind, request.url), "boto")

        client.meta.events.register("before-send", before_send)


class WatchedPool:
    """The part of urllib3's PoolManager that the git client uses."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._pool = urllib3.PoolManager(timeout=30.0, retries=False)

    def request(self, method: str, url: str, **more: Any) -> Any:
        name = "git:" + url.partition("/v1/repos/")[2].partition("/")[2]

        def send() -> Any:
            answer = self._pool.request(method, url, **more)
            # Read to its end, so that "after" means that the server is through.
            return _answer(answer.status, answer.read())

        return self._wire.pass_on(name, send, _git_refusal, "git")


def _called(direct: Client, request: Any) -> AWSResponse:
    url = urlsplit(request.url)
    body = request.body.read() if hasattr(request.body, "read") else request.body
    headers = {name: each.decode() if isinstance(each, bytes) else each for name, each in request.headers.items()}
    answer = direct.open(
        url.path,
        method=request.method,
        query_string=url.query,
        base_url=f"{url.scheme}://{url.netloc}",
        headers=headers,
        data=body,
    )
    return AWSResponse(request.url, answer.status_code, cast("Any", dict(answer.headers)), _Raw(answer.get_data()))


def _timeout(client: str) -> Exception:
    if client == "git":
        return urllib3.exceptions.ReadTimeoutError(None, "url", "Read timed out.")  # type: ignore[arg-type]
    return ReadTimeoutError(endpoint_url="url", error="timed out")


def _reset(client: str) -> Exception:
    if client == "git":
        return urllib3.exceptions.ProtocolError("Connection aborted.")
    return ConnectionClosedError(endpoint_url="url")


def _git_refusal(kind: str) -> Any:
    return _answer({"throttle": 429, "http-500": 500}.get(kind, 403), b"no")


def _answer(status: int, body: bytes) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(io.BytesIO(body), status=status, preload_content=False)


def _refusal(service: str, kind: str, url: str) -> AWSResponse:
    code, status = {
        "throttle": ("SlowDown" if service == "s3" else "ThrottlingException", 503 if service == "s3" else 400),
        "http-500": ("InternalFailure", 500),
        "access-denied": ("AccessDenied" if service in XML_SERVICES else "AccessDeniedException", 403),
        "expired-token": ("ExpiredToken" if service in XML_SERVICES else "ExpiredTokenException", 400),
    }[kind]
    if service == "codecommit" and kind == "throttle":
        body = THROTTLED_XML
    elif service in XML_SERVICES:
        error = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        body = (error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>").encode()
    else:
        body = f'{{"__type": "{code}", "message": "no"}}'.encode()
    return AWSResponse(url, status, cast("Any", {}), _Raw(body))


class _Raw(io.BytesIO):
    def stream(self, amount: int = 1 << 16, **_: Any) -> Any:
        while chunk := self.read(amount):
            yield chunk
