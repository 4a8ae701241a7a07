"""Answers requests: who calls, which faults wait, what is allowed, and then the operation."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from pushwarden.local.codecommit import git, shapes
from pushwarden.local.codecommit.api import OPERATIONS
from pushwarden.local.codecommit.api.call import Call, Operation
from pushwarden.local.codecommit.auth import Principal, Principals, verify_api_call, verify_git_request
from pushwarden.local.codecommit.errors import (
    THROTTLED_XML,
    ApiError,
    ConnectionResetFaultError,
    GitRefusedError,
    HangUpError,
    StallFaultError,
)
from pushwarden.local.codecommit.faults import Fault, Faults, RateLimit, RequestLog, RequestRecord
from pushwarden.local.codecommit.http import Request, Response
from pushwarden.local.codecommit.iam import Decision
from pushwarden.local.codecommit.state import Account, utcnow

MAX_API_BODY_BYTES: Final = 32 * 1024 * 1024
"""Room for 20 MB of commit data in base64."""

_GIT_PATH: Final = re.compile(r"(?P<base>/v1/repos/(?P<name>[A-Za-z0-9_.-]{1,100}))/(?P<action>info/refs|git-[a-z-]+)")
_JSON: Final = "application/x-amz-json-1.1"


@dataclass(slots=True)
class _Trace:
    """What the request log will say; filled while the request is handled."""

    operation: str = "unknown"
    principal_arn: str | None = None
    repository: str | None = None


class Application:
    """The whole service behind one function, :meth:`answer`."""

    def __init__(self, account: Account, principals: Principals) -> None:
        self.account = account
        self.principals = principals
        self.faults = Faults()
        self.requests = RequestLog()
        self.rate_limit = RateLimit()
        self.latency_ms = 0.0

    def answer(self, request: Request) -> Response:
        """Answer one request and log it.

        Raises:
            StallFaultError, ConnectionResetFaultError: the connection ends without an answer.
            BadRequestError: the request's framing is broken.
        """
        trace = _Trace()
        status = 0
        try:
            response = self._route(request, trace)
            status = response.status
        finally:
            self.requests.add(RequestRecord(trace.principal_arn, trace.operation, trace.repository, status))
        return response

    def _route(self, request: Request, trace: _Trace) -> Response:
        git_path = _GIT_PATH.fullmatch(unquote(request.path))
        try:
            if git_path is not None:
                return self._answer_git(request, git_path, trace)
            if (request.method, request.path) == ("POST", "/"):
                return self._answer_api(request, trace)
        except GitRefusedError as error:
            return _refuse_git(error)
        except ApiError as error:
            return _api_error(error)
        return Response(404, b"nothing here: the API is POST /, git is at /v1/repos/NAME\n")

    def _admit(self, operation: str, principal: Principal) -> Fault | None:
        """Let a request wait, and return the fault that meets it; a rate above the limit is a fault, too."""
        if self.latency_ms:
            time.sleep(self.latency_ms / 1000)
        fault = self.faults.take(operation, principal.arn)
        if fault is None and not self.rate_limit.allow():
            return Fault(operation, "throttle-xml", 1, None, 0)
        if fault is not None and fault.kind == "reset":
            raise ConnectionResetFaultError("the connection is reset, as the injected fault asks")
        if fault is not None and fault.kind == "timeout-before":
            raise StallFaultError(fault.hold_s)
        return fault

    # API

    def _answer_api(self, request: Request, trace: _Trace) -> Response:
        body = request.body.read_all(MAX_API_BODY_BYTES)
        name = request.headers.get("x-amz-target", "").removeprefix(shapes.TARGET_PREFIX)
        trace.operation = name or "unknown"
        principal = verify_api_call(self.principals, self.account.region, request.headers, body, utcnow())
        trace.principal_arn = principal.arn
        fault = self._admit(name, principal)
        if fault is not None and fault.kind != "timeout-after":
            return _api_fault(fault, principal)
        answer = self._call(name, principal, body, trace)
        if fault is not None:
            raise StallFaultError(fault.hold_s)
        return _json(200, answer)

    def _call(self, name: str, principal: Principal, body: bytes, trace: _Trace) -> dict[str, Any]:
        model = shapes.service_model()
        operation = OPERATIONS.get(name)
        if operation is None:
            known = name in model.operation_names
            text = f"{name} is not supported by this server" if known else f"there is no operation {name!r}"
            raise ApiError("NotImplementedException" if known else "UnknownOperationException", text)
        shape = model.operation_model(name)
        call = Call(self.account, principal, shapes.parse_input(shape, _parse_json(body)))
        trace.repository = call.params.get("repositoryName")
        self._authorize(name, operation, call, trace)
        return shapes.format_output(shape, operation.handler(call))

    def _authorize(self, name: str, operation: Operation, call: Call, trace: _Trace) -> None:
        extra = _request_tags(call)
        if operation.references is not None:
            extra["codecommit:References"] = operation.references(call)
        for repository in operation.repositories(call):
            trace.repository = trace.repository or repository
            decision = self.account.decide(call.principal, name, repository, extra)
            if decision is not Decision.ALLOW:
                resource = "*" if repository is None else self.account.arn(repository)
                raise _denied(call.principal.arn, name, resource, decision)

    # Git

    def _answer_git(self, request: Request, path: re.Match[str], trace: _Trace) -> Response:
        service, operation = _git_operation(request, path["action"])
        trace.operation, trace.repository = operation, path["name"]
        principal = verify_git_request(self.principals, self.account.region, request.headers, path["base"], utcnow())
        trace.principal_arn = principal.arn
        fault = self._admit(operation, principal)
        if fault is not None and fault.kind != "timeout-after":
            raise _git_fault(fault)
        try:
            response = self._serve_git(request, path["name"], service, principal, advertise=operation != service)
        except HangUpError:
            response = Response(200, b"", {"Content-Type": f"application/x-{service}-result", "Connection": "close"})
        if fault is not None:
            raise StallFaultError(fault.hold_s)
        return response

    def _serve_git(
        self, request: Request, name: str, service: str, principal: Principal, *, advertise: bool
    ) -> Response:
        self._authorize_git(principal, service, name, None)
        try:
            repository = self.account.repository(name)
        except ApiError:
            raise GitRefusedError(404, f"repository {name} does not exist") from None
        if advertise:
            return git.advertise(repository, service)
        if service == git.UPLOAD:
            return git.upload_pack(repository, request.body)
        push = git.read_push(request.body)
        if push is None:
            return Response(200, b"", {"Content-Type": f"application/x-{service}-result"})
        self._authorize_git(principal, service, name, [command.ref for command in push.commands])
        return git.receive_pack(self.account, repository, principal, push, request.body)

    def _authorize_git(self, principal: Principal, service: str, name: str, refs: Sequence[str] | None) -> None:
        """Check GitPull or GitPush; which refs are meant is only known once the commands are there."""
        action = "GitPull" if service == git.UPLOAD else "GitPush"
        extra: dict[str, Sequence[str]] = {} if refs is None else {"codecommit:References": refs}
        decision = self.account.decide(principal, action, name, extra)
        if decision is not Decision.ALLOW:
            raise GitRefusedError(403, _denied(principal.arn, action, self.account.arn(name), decision).message)


def _git_operation(request: Request, action: str) -> tuple[str, str]:
    """Return the service and the operation's name in log and faults (``SERVICE/info-refs`` for the advertisement)."""
    if action == "info/refs":
        service = parse_qs(request.query).get("service", [""])[0]
        method, operation = "GET", f"{service}/info-refs"
    else:
        service, method, operation = action, "POST", action
    if service not in git.CAPABILITIES:
        raise GitRefusedError(403, "only smart HTTP with git-upload-pack and git-receive-pack is served")
    if request.method != method:
        raise GitRefusedError(405, f"{action} takes {method}")
    return service, operation


def _request_tags(call: Call) -> dict[str, Sequence[str]]:
    tags: dict[str, str] = call.params.get("tags", {})
    keys = [*tags, *call.params.get("tagKeys", ())]
    context: dict[str, Sequence[str]] = {f"aws:RequestTag/{key}": [value] for key, value in tags.items()}
    return context | {"aws:TagKeys": keys} if keys else context


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ApiError("SerializationException", "the body is not JSON, or nested too deeply") from None


def _denied(arn: str, action: str, resource: str, decision: Decision) -> ApiError:
    if decision is Decision.EXPLICIT_DENY:
        why = "with an explicit deny in an identity-based policy"
    else:
        why = f"because no identity-based policy allows the codecommit:{action} action"
    text = f"User: {arn} is not authorized to perform: codecommit:{action} on resource: {resource} {why}"
    return ApiError("AccessDeniedException", text)


def _json(status: int, value: dict[str, Any]) -> Response:
    headers = {"Content-Type": _JSON, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, json.dumps(value).encode(), headers)


def _api_error(error: ApiError) -> Response:
    return _json(error.status, {"__type": error.code, "message": error.message})


def _api_fault(fault: Fault, principal: Principal) -> Response:
    match fault.kind:
        case "throttle-xml":
            return Response(400, THROTTLED_XML, {"Content-Type": "text/xml"})
        case "access-denied":
            return _api_error(_denied(principal.arn, fault.operation, "*", Decision.IMPLICIT_DENY))
        case "expired-token":
            text = "The security token included in the request is expired"
            return _api_error(ApiError("ExpiredTokenException", text))
    return _api_error(ApiError("InternalFailure", "An internal error occurred", status=500))


def _git_fault(fault: Fault) -> GitRefusedError:
    match fault.kind:
        case "throttle-xml":
            return GitRefusedError(429, "Rate Exceeded")
        case "access-denied" | "expired-token":
            return GitRefusedError(403, "the request is refused, as the injected fault asks")
    return GitRefusedError(500, "An internal error occurred")


def _refuse_git(error: GitRefusedError) -> Response:
    headers = {"Content-Type": "text/plain"}
    if error.status == 401:  # noqa: PLR2004 - the one status that asks for credentials
        headers["WWW-Authenticate"] = 'Basic realm="CodeCommit"'
    return Response(error.status, error.message.encode() + b"\n", headers)
