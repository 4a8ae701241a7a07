"""What was asked of AWS, as IAM sees it: action, resource, and what conditions may look at.

Reads a request the way the service authorization reference describes it, and remembers who made which call:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from pushwarden.local.codecommit.iam import AccessRequest

Environ = dict[str, Any]

_S3_ACTIONS: Final = {
    "PUT": "PutObject",
    "GET": "GetObject",
    "HEAD": "GetObject",
    "DELETE": "DeleteObject",
    "POST": "PutObject",
}
_SECURITY_HUB_ACTIONS: Final = {"/findings/import": "BatchImportFindings"}
"""Its protocol tells operations by path."""
_PREFIXES: Final = {"tagging": "tag"}
"""Where the name that a service signs with is not the prefix of its actions."""
_INVOKE: Final = "lambda:InvokeFunction"

# What a service asks of KMS in its caller's name, where the resource is encrypted with a key of one's own.
_TABLE: Final = ("kms:Decrypt",)
"""A new table key is made by grant; reading and writing only open it. "The user is the principal in your AWS account who is
accessing the table": https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"""
_ON_BEHALF: Final[Mapping[str, tuple[str, ...]]] = {
    "dynamodb:DeleteItem": _TABLE,
    "dynamodb:GetItem": _TABLE,
    "dynamodb:PutItem": _TABLE,
    "dynamodb:Query": _TABLE,
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    "s3:GetObject": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    "sns:Publish": ("kms:Decrypt", "kms:GenerateDataKey"),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    "sqs:SendMessage": ("kms:Decrypt", "kms:GenerateDataKey"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call to AWS, as far as permissions care."""

    action: str
    """``service:Action``."""
    resource: str
    """The ARN, or ``*`` for an action that names no resource."""
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Condition keys in lower case with their values, beside those that are the same in every call."""

    @property
    def service(self) -> str:
        """The prefix of the action."""
        return self.action.partition(":")[0]

    def request(self, principal_arn: str) -> AccessRequest:
        """Return the request that policies are asked about; ``principal_arn`` is the caller's user or role."""
        return AccessRequest(self.action, self.resource, {"aws:principalarn": [principal_arn], **dict(self.context)})


@dataclass(slots=True)
class CallLog:
    """Who made which calls, and which of them were refused; safe to use from several threads."""

    _calls: dict[str, Counter[Call]] = field(default_factory=dict)
    _refused: list[tuple[str, Call]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, principal: str, call: Call, *, allowed: bool) -> None:
        """Remember a call; ``principal`` is the ARN of the user or the role."""
        with self._lock:
            self._calls.setdefault(principal, Counter())[call] += 1
            if not allowed:
                self._refused.append((principal, call))

    def of(self, principal: str) -> Mapping[Call, int]:
        """Return how often a user or role made each call."""
        with self._lock:
            return dict(self._calls.get(principal, {}))

    def refused(self) -> list[tuple[str, Call]]:
        """Return the calls that policies did not allow, oldest first."""
        with self._lock:
            return list(self._refused)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads calls out of HTTP requests."""

    account: str
    user_of_key: Callable[[str], str | None]
    """Whose an access key of the account is, by its id."""

    def read(self, environ: Environ, body: bytes, *, region: str, service: str) -> Call:
        """Return the call that a signed request makes; region and service are those of its signature."""
        here = f"{region}:{self.account}"
        if service == "s3":
            return _s3(environ)
        if service == "securityhub":
            action = _SECURITY_HUB_ACTIONS.get(environ.get("PATH_INFO", ""), "?")
            found = json.loads(body or b"{}").get("Findings", [{}])
            return Call(f"securityhub:{action}", str(found[0].get("ProductArn", "?")))
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target:
            # IAM knows no action of its own for a batch of messages.
            operation = target.rpartition(".")[2]
            action = operation.removesuffix("Batch") if service == "sqs" else operation
            data = json.loads(body or b"{}")
            prefix = _PREFIXES.get(service, service)
            return Call(f"{prefix}:{action}", _resource(service, data, here), tuple(_context(service, data)))
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        return Call(f"{service}:{form.get('Action', '?')}", self._queried(service, form))

    def invocation(self, function: str, *, region: str) -> Call:
        """Return the call that invokes a function, given by name or ARN."""
        name = function.rpartition(":")[2]
        return Call(_INVOKE, f"arn:aws:lambda:{region}:{self.account}:function:{name}")

    def _queried(self, service: str, form: Mapping[str, str]) -> str:
        if service == "iam":
            user = form.get("UserName") or self.user_of_key(form.get("AccessKeyId", ""))
            return f"arn:aws:iam::{self.account}:user/{user or '?'}"
        return form.get("TopicArn", "*")


def on_behalf(call: Call, keys: Mapping[str, str], region: str) -> list[Call]:
    """Return what the called service asks of KMS in the caller's name.

    Args:
        call: what was asked of the service.
        keys: ARN of the key by ARN of the resource that is encrypted with it; a bucket's covers its objects.
        region: where.
    """
    resource = call.resource.partition("/")[0] if call.service == "s3" else call.resource
    key = keys.get(resource)
    if key is None:
        return []
    via = (("kms:viaservice", (f"{call.service}.{region}.amazonaws.com",)),)
    return [Call(action, key, via) for action in _ON_BEHALF.get(call.action, ())]


def _s3(environ: Environ) -> Call:
    # The bucket is a part of the path or, in the other style, of the host's name.
    bucket, dot, _ = environ.get("HTTP_HOST", "").partition(".localhost")
    path = unquote(environ.get("PATH_INFO", "")).lstrip("/").rstrip("/")
    place = f"{bucket}/{path}".rstrip("/") if dot else path
    method = environ["REQUEST_METHOD"]
    if "/" not in place and method == "GET":
        action = "GetBucketVersioning" if environ.get("QUERY_STRING", "").startswith("versioning") else "ListBucket"
    else:
        action = _S3_ACTIONS[method]
    return Call(f"s3:{action}", f"arn:aws:s3:::{place}")


def _resource(service: str, data: Mapping[str, Any], here: str) -> str:
    if service == "dynamodb":
        return f"arn:aws:dynamodb:{here}:table/{data.get('TableName', '?')}"
    if service == "events":
        return _events(data, here)
    if service == "sqs":
        return f"arn:aws:sqs:{here}:{str(data.get('QueueName') or data.get('QueueUrl', '?')).rpartition('/')[2]}"
    if service == "states":
        return str(data.get("stateMachineArn") or data.get("executionArn") or "?")
    if service == "kms":
        return str(data.get("KeyId", "?"))
    return "*"


def _events(data: Mapping[str, Any], here: str) -> str:
    if "Entries" in data:
        names = {entry.get("EventBusName", "default") for entry in data["Entries"]}
        return f"arn:aws:events:{here}:event-bus/{'+'.join(sorted(names))}"
    bus = data.get("EventBusName", "default")
    return f"arn:aws:events:{here}:rule/{'' if bus == 'default' else f'{bus}/'}{data.get('Name', '?')}"


def _context(service: str, data: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if service == "events":
        for key, name in (("events:source", "Source"), ("events:detail-type", "DetailType")):
            yield key, tuple(sorted({str(entry.get(name)) for entry in data.get("Entries", [])}))
    if service == "kms":
        for key, value in sorted(data.get("EncryptionContext", {}).items()):
            yield f"kms:encryptioncontext:{key}", (str(value),)
