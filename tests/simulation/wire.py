"""Every request that a function makes passes here: it can be counted, broken, or be the moment at which its process dies."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from tests.simulation.shortcuts import Direct

XML_SERVICES: Final = frozenset({"iam", "s3", "sns", "sts"})
"""Those that answer in XML, errors too; boto3 cannot read a refusal in JSON from them."""
THROTTLED_XML: Final = b"<ThrottlingException>\n  <Message>Rate exceeded</Message>\n</ThrottlingException>\n"
KILLS: Final = ("kill-before", "kill-after")
PASSING: Final = ("throttle", "http-500", "timeout-before", "timeout-after", "reset", "reset-after")
REFUSALS: Final = ("access-denied", "expired-token")
CUT: Final = "cut"
"""Half of an answer. Only git's: HTTP clients notice that of a body whose length they were told."""
PARTIAL: Final = "partial"
"""An answer that says 200, and that a part was not done."""
KINDS: Final = (*KILLS, *PASSING, *REFUSALS, CUT, PARTIAL)
_PARTIAL: Final = {
    "events:PutEvents": {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "no"}]},
    "sqs:SendMessageBatch": {
        "Successful": [],
        "Failed": [{"Id": "0", "SenderFault": False, "Code": "InternalError", "Message": "no"}],
    },
    "securityhub:BatchImportFindings": {
        "FailedCount": 1,
        "SuccessCount": 0,
        "FailedFindings": [{"Id": "?", "ErrorCode": "InternalFailure", "ErrorMessage": "no"}],
    },
}
"""The calls of which AWS may do only a part."""


def can_fail_so(name: str, kind: str) -> bool:
    """Tell whether a call of this name can fail in this way."""
    if kind == PARTIAL:
        return name in _PARTIAL
    return kind != CUT or name.startswith("git:")


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
    """How many calls in a row."""
    only: str = ""
    """The name of the calls that fail, as when a right is missing; empty: all of them, as when credentials have expired."""
    meanwhile: Callable[[], None] = lambda: None
    hit: bool = False

    def meets(self, number: int, name: str) -> bool:
        return self.at <= number < self.at + self.times and self.only in {"", name} and can_fail_so(name, self.kind)


@dataclass(slots=True)
class Invocation:
    """One run of one function."""

    function: str
    fault: Fault | None = None
    calls: list[str] = field(default_factory=list)
    number: int = -1
    """Which one of the world's it is, from 0."""
    message: int | None = None
    """The number of the message that it works on; none where the function has no queue."""
    done: bool = False
    """It came to its end, and said that it did."""


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
        if fault is None or not fault.meets(number, name):
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
            case "cut":
                return _half(send())
        return refuse(fault.kind)

    def _aside(self, fault: Fault) -> None:
        """Let something else happen now: it is not part of this invocation, but may hold invocations of its own."""
        running, self.running = self.running, []
        try:
            fault.meanwhile()
        finally:
            self.running = running

    def watch(self, client: Any, direct: Direct) -> None:
        """Let every call of a boto3 client pass here, and then straight to whom it is for."""
        service = client.meta.service_model.service_name

        def before_send(request: Any, event_name: str, **_: Any) -> Any:
            name = f"{service}:{event_name.rpartition('.')[2]}"

            def send() -> Any:
                status, headers, body = direct(request.method, request.url, request.headers, request.body)
                return AWSResponse(request.url, status, cast("Any", dict(headers)), _Raw(body))

            return self.pass_on(name, send, lambda kind: _refusal(name, kind, request.url), "boto")

        client.meta.events.register("before-send", before_send)


class WatchedPool:
    """The part of urllib3's PoolManager that the git client uses."""

    def __init__(self, wire: Wire, direct: Direct) -> None:
        self._wire = wire
        self._direct = direct

    def request(self, method: str, url: str, *, headers: Mapping[str, str], body: Any = None, **_: Any) -> Any:
        name = "git:" + url.partition("/v1/repos/")[2].partition("/")[2]

        def send() -> Any:
            status, _, whole = self._direct(method, url, headers, body)
            return _answer(status, whole)

        return self._wire.pass_on(name, send, _git_refusal, "git")


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


def _half(answer: urllib3.HTTPResponse) -> urllib3.HTTPResponse:
    body = answer.read()
    return _answer(answer.status, body[: len(body) // 2])


def _refusal(name: str, kind: str, url: str) -> AWSResponse:
    service = name.partition(":")[0]
    if kind == PARTIAL:
        return AWSResponse(url, 200, cast("Any", {}), _Raw(json.dumps(_PARTIAL[name]).encode()))
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
