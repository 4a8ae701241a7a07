"""A gate before moto: it knows each caller by its access key and allows what its policies allow, nothing more.

moto itself lets everybody do everything. With the gate, a function that makes a call which its role does not grant fails
here just as it would in AWS, and the log of calls shows which grants are really used. That goes for what services ask of
KMS in a function's name as well: moto encrypts nothing, but the rights are asked for as if it did.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from pushwarden.local.calls import Call, CallLog, Environ, Reader, on_behalf
from pushwarden.local.codecommit import Principal
from pushwarden.local.codecommit.iam import Decision, evaluate
from pushwarden.local.invoked import FunctionFailedError

_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_INVOCATION: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")

StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(slots=True)
class Gate:
    """WSGI middleware in front of moto."""

    inner: Application
    reader: Reader
    principals: dict[str, Principal] = field(default_factory=dict)
    """By access key id. A caller that is not among them is the service's own plumbing and may do everything."""
    keys: dict[str, str] = field(default_factory=dict)
    """ARN of the customer-managed key by ARN of the table, topic, queue or bucket that it encrypts."""
    functions: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Lambda's place, by function name: moto runs state machines, but no functions."""
    tags: Callable[[str], Mapping[str, str]] = lambda _: {}
    """The tags of a resource by its ARN, for the tagging service: moto knows nothing of our repositories."""
    calls: CallLog = field(default_factory=CallLog)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Let a request through, or refuse it as AWS does."""
        match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        principal = self.principals.get(match[1]) if match else None
        invocation = _INVOCATION.fullmatch(environ.get("PATH_INFO", ""))
        function = unquote(invocation[1]) if invocation else None
        if match is not None and principal is not None:
            region, service = match[2], match[3]
            if function is None:
                call = self.reader.read(environ, _body(environ), region=region, service=service)
            else:
                call = self.reader.invocation(function, region=region)
            for each in (call, *on_behalf(call, self.keys, region)):
                if not self._allows(principal, each):
                    return _refusal(each, call.service, principal, start_response)
        if function is not None:
            return self._invoke(function, environ, start_response)
        if match is not None and match[3] == "tagging":
            return self._tags(environ, start_response)
        return self.inner(environ, start_response)

    def _tags(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # As in AWS: what has no tags, or is not there, is left out of the answer.
        found = {arn: self.tags(arn) for arn in json.loads(_body(environ))["ResourceARNList"]}
        listed = [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for arn, tags in found.items()
            if tags
        ]
        start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps({"PaginationToken": "", "ResourceTagMappingList": listed}).encode()]

    def _allows(self, principal: Principal, call: Call) -> bool:
        allowed = evaluate(principal.policies, call.request(principal.policy_arn)) is Decision.ALLOW
        self.calls.add(principal.policy_arn, call, allowed=allowed)
        return allowed

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


def _body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _refusal(call: Call, asked: str, principal: Principal, start_response: StartResponse) -> Iterable[bytes]:
    """Refuse ``call``, in the words of the service that was ``asked``."""
    text = f"{principal.arn} is not authorized to perform: {call.action} on resource: {call.resource}"
    if asked in {"iam", "s3", "sns", "sts"}:
        start_response("403 Forbidden", [("Content-Type", "text/xml")])
        error = f"<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>"
        return [(error if asked == "s3" else f"<ErrorResponse>{error}</ErrorResponse>").encode()]
    start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
    return [json.dumps({"__type": "AccessDeniedException", "message": text}).encode()]
