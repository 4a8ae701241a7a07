"""Checks inputs and outputs against CodeCommit's service model, the one that botocore ships.

A missing or malformed member is answered with the error that the operation declares for it: ``repositoryName`` with
RepositoryNameRequiredException, and so on.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape

from pushwarden.local.codecommit.errors import ApiError

_ALIASES: Final[Mapping[str, str]] = {
    "commitIds": "commitIdsList",
    "tagKeys": "tagKeysList",
    "tags": "tagsMap",
    "beforeCommitId": "commitId",
    "afterCommitId": "commitId",
    "parentCommitId": "commitId",
    "sourceCommitSpecifier": "commit",
    "destinationCommitSpecifier": "commit",
    "afterCommitSpecifier": "commit",
    "beforeCommitSpecifier": "commit",
    "commitSpecifier": "commit",
    "filePath": "path",
    "folderPath": "path",
    "content": "commentContent",
    "inReplyTo": "commentId",
    "oldName": "repositoryName",
    "newName": "repositoryName",
    "afterBlobId": "blobId",
    "beforeBlobId": "blobId",
    "sourceReference": "referenceName",
    "destinationReference": "referenceName",
}
"""Members whose errors have another name."""

TARGET_PREFIX: Final = "CodeCommit_20150413."


class OutputShapeError(TypeError):
    """An answer does not fit the model: a fault of this server, not of its caller."""


@cache
def service_model() -> ServiceModel:
    """Return CodeCommit's model; loaded once."""
    return ServiceModel(Loader().load_service_model("codecommit", "service-2"), "codecommit")


def parse_input(operation: OperationModel, value: Any) -> dict[str, Any]:
    """Return the parameters of a call: blobs decoded, members that are null left out.

    Raises:
        ApiError: a member is missing, has the wrong type, or breaks a limit of the model.
    """
    shape = operation.input_shape
    if not isinstance(value, dict):
        raise ApiError("SerializationException", "the body must be a JSON object")
    if shape is None:
        return {}
    parsed: dict[str, Any] = _parse(operation, "", shape, value)
    return parsed


def _parse(operation: OperationModel, name: str, shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        return _parse_structure(operation, shape, _typed(value, dict, name))
    if isinstance(shape, ListShape):
        items = _typed(value, list, name)
        return [_parse(operation, name, shape.member, item) for item in items]
    if isinstance(shape, MapShape):
        pairs = _typed(value, dict, name)
        return {_typed(key, str, name): _parse(operation, name, shape.value, item) for key, item in pairs.items()}
    return _parse_scalar(operation, name, shape, value)


def _parse_structure(operation: OperationModel, shape: StructureShape, value: dict[str, Any]) -> dict[str, Any]:
    for name in shape.required_members:
        given = value.get(name)
        if given is None or (given == "" and shape.members[name].type_name == "string"):
            raise ApiError(_declared(operation, f"{name}Required"), f"{name} is required")
    return {
        name: _parse(operation, name, member, value[name])
        for name, member in shape.members.items()
        if value.get(name) is not None
    }


def _parse_scalar(operation: OperationModel, name: str, shape: Shape, value: Any) -> Any:
    match shape.type_name:
        case "string":
            return _checked_string(operation, name, shape, _typed(value, str, name))
        case "blob":
            return _blob(_typed(value, str, name), name)
        case "integer" | "long":
            return _typed(value, int, name)
        case "boolean":
            return _typed(value, bool, name)
        case "timestamp":
            return dt.datetime.fromtimestamp(_typed(value, int | float, name), dt.UTC)
    raise ApiError("SerializationException", f"{name} cannot be read as {shape.type_name}")


def _typed(value: Any, kind: Any, name: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ApiError("SerializationException", f"{name or 'the body'} has the wrong type: {type(value).__name__}")
    return value


def _blob(value: str, name: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ApiError("SerializationException", f"{name} is not base64") from None


def _checked_string(operation: OperationModel, name: str, shape: Shape, value: str) -> str:
    metadata = shape.metadata
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ApiError("SerializationException", f"{name} is not valid Unicode: it has half of a surrogate pair")
    problems = (
        len(value) < metadata.get("min", 0)
        or len(value) > metadata.get("max", len(value))
        or ("pattern" in metadata and re.fullmatch(_python_pattern(metadata["pattern"]), value) is None)
        or (isinstance(shape, StringShape) and bool(shape.enum) and value not in shape.enum)
    )
    if problems:
        code = _declared(operation, f"Invalid{name}")
        raise ApiError(code, f"{name} is not valid: {value[:100]!r} does not fit the constraints of {shape.name}")
    return value


def _python_pattern(pattern: str) -> str:
    return pattern.replace(r"[\w\.-]", r"[A-Za-z0-9_.-]")


def _declared(operation: OperationModel, wanted: str) -> str:
    """Return the operation's error for a missing or malformed member, or the general ValidationException.

    Most errors are named after the member; some after its last words or by a name of their own.
    """
    known: Mapping[str, str] = {shape.name.lower(): shape.name for shape in operation.error_shapes}
    for candidate in (wanted, *_other_names(wanted)):
        if (code := f"{candidate}exception".lower()) in known:
            return known[code]
    return "ValidationException"


def _other_names(wanted: str) -> Iterator[str]:
    for part, replacement in _ALIASES.items():
        if part in wanted:
            yield wanted.replace(part, replacement)


def format_output(operation: OperationModel, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer as JSON values: times as seconds since 1970, blobs as base64, members that are None left out.

    Raises:
        OutputShapeError: a member is unknown to the model or has the wrong type.
    """
    shape = operation.output_shape
    if shape is None:
        if value:
            raise OutputShapeError(f"{operation.name} answers nothing, not {sorted(value)}")
        return {}
    formatted: dict[str, Any] = _format(operation.name, shape, value)
    return formatted


def _format(where: str, shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        unknown = value.keys() - shape.members.keys()
        if unknown:
            raise OutputShapeError(f"{where}: {shape.name} has no {sorted(unknown)}")
        return {
            name: _format(f"{where}.{name}", shape.members[name], item)
            for name, item in value.items()
            if item is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list | tuple):
        return [_format(where, shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: _format(where, shape.value, item) for key, item in value.items()}
    return _format_scalar(where, shape, value)


def _format_scalar(where: str, shape: Shape, value: Any) -> Any:
    match shape.type_name, value:
        case "string", str():
            return value
        case "blob", bytes():
            return base64.b64encode(value).decode("ascii")
        case "boolean", bool():
            return value
        case "integer" | "long", int():
            return value
        case "timestamp", dt.datetime():
            return round(value.timestamp(), 3)
    raise OutputShapeError(f"{where}: {shape.name} is a {shape.type_name}, not {type(value).__name__}")
