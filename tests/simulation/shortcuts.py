"""Ways around what only costs time in one process: sockets, certificates, looking through everything."""

from __future__ import annotations

import functools
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

import jsonpath_ng.ext
from botocore.useragent import UserAgentString
from moto import backends
from moto.core import responses
from moto.core.request import Request as MotoRequest
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models import dynamo_type
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.securityhub.models import SecurityHubBackend
from moto.sns.models import Subscription
from werkzeug.test import Client

from pushwarden.local.codecommit.http import Body, Request

_TYPES: Final = frozenset({"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"})
"""Of DynamoDB's values."""
Answer = tuple[int, Mapping[str, str], bytes]
Direct = Callable[[str, str, Mapping[str, Any], Any], Answer]
"""Answers method, URL, headers and body as a server would."""


def direct(server: Any) -> Direct:
    """Return a way to ask a CodeCommit server without a connection."""

    def ask(method: str, url: str, headers: Mapping[str, Any], body: Any) -> Answer:
        parts = urlsplit(url)
        raw = body.read() if hasattr(body, "read") else body or b""
        raw = raw.encode() if isinstance(raw, str) else raw
        named = {name.lower(): each.decode() if isinstance(each, bytes) else each for name, each in headers.items()}
        named |= {"host": parts.netloc, "content-length": str(len(raw))}
        answer = server._app.answer(Request(method, parts.path, parts.query, named, Body(io.BytesIO(raw), named)))
        whole = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        return answer.status, answer.headers, whole

    return ask


def direct_wsgi(application: Any) -> Direct:
    """Return a way to ask a WSGI application without a connection."""
    client = Client(application)

    def ask(method: str, url: str, headers: Mapping[str, Any], body: Any) -> Answer:
        parts = urlsplit(url)
        answer = client.open(
            parts.path,
            method=method,
            query_string=parts.query,
            base_url=f"{parts.scheme}://{parts.netloc}",
            headers={name: each.decode() if isinstance(each, bytes) else each for name, each in headers.items()},
            data=body.read() if hasattr(body, "read") else body,
        )
        return answer.status_code, dict(answer.headers), answer.get_data()

    return ask


def dynamodb_first(inner: Any) -> Any:
    """Return a WSGI application that calls moto's DynamoDB itself, and passes everything else on."""

    def application(environ: Any, start_response: Any) -> Any:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB_"):
            return inner(environ, start_response)
        request = MotoRequest(environ)
        status, headers, body = DynamoHandler.dispatch(request, request.raw_url, dict(request.headers))
        start_response(f"{status} -", [(name, str(value)) for name, value in headers.items()])
        return [body.encode() if isinstance(body, str) else body]

    return application


@contextmanager
def fast_moto() -> Iterator[None]:
    """Let moto do the same with less, and as AWS does it where that matters here."""
    parser: Any = jsonpath_ng.ext
    replaced = [
        # It compiles the same few paths for every event anew, lists its own folders and methods for every request, sorts
        # the whole table for every query, and signs every message with a certificate of its own. botocore describes
        # itself anew in every request, and looks every type of value up under every name that it might have.
        (parser, "parse", functools.cache(parser.parse)),
        (backends, "list_of_moto_modules", functools.cache(functools.partial(list, backends.list_of_moto_modules()))),
        (Table, "query", _query_of_one_partition(Table.query)),
        (dynamo_type, "bytesize", len),
        (JSONSerializer, "get_value", _value_of_a_type(JSONSerializer.get_value)),
        (Subscription, "get_post_data", _unsigned),
        (responses, "method_names_from_class", functools.cache(cast("Any", responses).method_names_from_class)),
        (responses, "camelcase_to_underscores", functools.cache(cast("Any", responses).camelcase_to_underscores)),
        (UserAgentString, "to_string", lambda _self: "simulation"),
        (SecurityHubBackend, "batch_import_findings", _newer_alone(SecurityHubBackend.batch_import_findings)),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, value in replaced:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in kept:
            setattr(owner, name, value)


def _query_of_one_partition(query: Any) -> Any:
    def quick(self: Any, hash_key: Any, *arguments: Any, **more: Any) -> Any:
        whole = self.items
        self.items = defaultdict(dict, {hash_key: whole[hash_key]} if hash_key in whole else {})
        try:
            return query(self, hash_key, *arguments, **more)
        finally:
            self.items = whole

    return quick


def _value_of_a_type(look: Any) -> Any:
    def quick(self: Any, value: Any, key: str, shape: Any) -> Any:
        if type(value) is dict and len(value) == 1 and value.keys() <= _TYPES:
            return value.get(key)
        return look(self, value, key, shape)

    return quick


def _newer_alone(imports: Any) -> Any:
    """Pass over updates that are not newer than what Security Hub has, as it does itself.

    https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
    """

    def chosen(self: Any, findings: list[dict[str, Any]]) -> tuple[int, int, list[dict[str, Any]]]:
        times = {each.id: each.data["UpdatedAt"] for each in self.findings}
        newer = [each for each in findings if each["UpdatedAt"] > times.get(each["Id"], "")]
        failed, _, refused = imports(self, newer)
        return failed, len(findings) - failed, refused

    return chosen


def _unsigned(
    self: Any, message: str, message_id: str, subject: str | None, message_attributes: Any = None
) -> dict[str, Any]:
    del message_attributes
    made = {"Type": "Notification", "MessageId": message_id, "TopicArn": self.topic.arn, "Message": message}
    return made | ({"Subject": subject} if subject else {})
