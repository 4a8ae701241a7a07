"""A gate before moto: it knows each caller by its access key and allows what its policies allow, nothing more.

moto itself lets everybody do everything. With the gate, a function that makes a call which its role does not grant fails
here just as it would in AWS, and the log of calls shows which grants are really used.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from pushwarden.local.codecommit import Principal
from pushwarden.local.codecommit.iam import AccessRequest, Decision, evaluate
from pushwarden.local.invoked import FunctionFailedError

_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_INVOCATION: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_S3_ACTIONS: Final = {
    "PUT": "PutObject",
    "GET": "GetObject",
    "HEAD": "GetObject",
    "DELETE": "DeleteObject",
    "POST": "PutObject",
}
_SECURITY_HUB_ACTIONS: Final = {"/findings/import": "BatchImportFindings"}
"""Its protocol tells operations by path."""

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call to AWS, as far as permissions care."""

    service: str
    action: str
    resource: str


@dataclass(slots=True)
class Gate:
    """WSGI middleware in front of moto."""

    inner: Application
    account: str
    principals: dict[str, Principal] = field(default_factory=dict)
    """By access key id. A caller that is not among them is the service's own plumbing and may do everything."""
    used: dict[str, Counter[str]] = field(default_factory=dict)
    """How often each principal (by ARN) made each action."""
    functions: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Lambda's place, by function name: moto runs state machines, but no functions."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Let a request through, or refuse it as AWS does."""
        invocation = _INVOCATION.fullmatch(environ.get("PATH_INFO", ""))
        if invocation is not None:
            return self._invoke(unquote(invocation[1]), environ, start_response)
        match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        principal = self.principals.get(match[1]) if match else None
        if match is None or principal is None:
            return self.inner(environ, start_response)
        call = self._call(environ, region=match[2], service=match[3])
        with self._lock:
            self.used.setdefault(principal.arn, Counter())[f"{call.service}:{call.action}"] += 1
        request = AccessRequest(f"{call.service}:{call.action}", call.resource, {"aws:principalarn": [principal.arn]})
        if evaluate(principal.policies, request) is Decision.ALLOW:
            return self.inner(environ, start_response)
        return _refusal(call, principal, start_response)

    def _invoke(self, name: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = [("Content-Type", "application/json")]
        if name not in self.functions:
            start_response("404 Not Found", [*headers, ("X-Amzn-ErrorType", "ResourceNotFoundException")])
            return [json.dumps({"Message": f"Function not found: {name}"}).encode()]
        try:
            answer = self.functions[name](json.loads(_body(environ) or b"{}"))
        except FunctionFailedError as error:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
            answer = error.error
        start_response("200 OK", headers)
        return [json.dumps(answer).encode()]

    def _call(self, environ: Environ, *, region: str, service: str) -> Call:
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if service == "s3":
            path = unquote(environ.get("PATH_INFO", "")).lstrip("/")
            bucket_only = "/" not in path.rstrip("/")
            action = (
                "ListBucket"
                if bucket_only and environ["REQUEST_METHOD"] == "GET"
                else _S3_ACTIONS[environ["REQUEST_METHOD"]]
            )
            return Call("s3", action, f"arn:aws:s3:::{path.rstrip('/')}")
        if service == "securityhub":
            return Call(service, _SECURITY_HUB_ACTIONS.get(environ.get("PATH_INFO", ""), "?"), "*")
        body = _body(environ)
        if target:
            data = json.loads(body or b"{}")
            # IAM knows no action of its own for a batch of messages.
            action = target.rpartition(".")[2].removesuffix("Batch") if service == "sqs" else target.rpartition(".")[2]
            return Call(service, action, _resource(service, data, region, self.account))
        form = parse_qs(body.decode("utf-8", "replace"))
        return Call(service, form.get("Action", ["?"])[0], form.get("TopicArn", ["*"])[0])


def _resource(service: str, data: Mapping[str, Any], region: str, account: str) -> str:
    if service == "dynamodb":
        return f"arn:aws:dynamodb:{region}:{account}:table/{data.get('TableName', '?')}"
    if service == "events":
        names = {entry.get("EventBusName", "default") for entry in data.get("Entries", [])}
        return f"arn:aws:events:{region}:{account}:event-bus/{'+'.join(sorted(names))}"
    if service == "sqs":
        return f"arn:aws:sqs:{region}:{account}:{str(data.get('QueueUrl', '?')).rpartition('/')[2]}"
    if service == "states":
        return str(data.get("stateMachineArn") or data.get("executionArn") or "?")
    if service == "kms":
        return str(data.get("KeyId", "?"))
    return "*"


def _body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _refusal(call: Call, principal: Principal, start_response: StartResponse) -> Iterable[bytes]:
    text = f"{principal.arn} is not authorized to perform: {call.service}:{call.action} on resource: {call.resource}"
    if call.service in {"s3", "sns"}:
        start_response("403 Forbidden", [("Content-Type", "text/xml")])
        error = f"<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>"
        return [(error if call.service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>").encode()]
    start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
    return [json.dumps({"__type": "AccessDeniedException", "message": text}).encode()]
