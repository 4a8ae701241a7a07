"""GetBlobDifferences: the lines that differ between two blobs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pushwarden.local.codecommit import trees
from pushwarden.local.codecommit.api.call import Call, blob_id
from pushwarden.local.codecommit.api.commits import read_blob
from pushwarden.local.codecommit.api.pages import max_results, page
from pushwarden.local.codecommit.errors import ApiError

HUNK_PAGE: Final = 100
MAX_HUNK_PAGE: Final = 1000
MAX_CONTEXT_LINES: Final = 20
DEFAULT_CONTEXT_LINES: Final = 3

_BINARY_PROBE_BYTES: Final = 8000

Opcode = tuple[str, int, int, int, int]


def get_blob_differences(call: Call) -> dict[str, Any]:
    """Answer GetBlobDifferences; https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetBlobDifferences.html.

    How AWS treats a missing last line break and lines that are not UTF-8 is not documented: here a line's text has no
    line break, and what is not UTF-8 becomes U+FFFD.
    """
    context = call.params.get("contextLines", DEFAULT_CONTEXT_LINES)
    if not 0 <= context <= MAX_CONTEXT_LINES:
        raise ApiError("ValidationException", f"contextLines must be 0 to {MAX_CONTEXT_LINES}, not {context}")
    size = max_results(call.params, "MaxResults", HUNK_PAGE, MAX_HUNK_PAGE)
    after = read_blob(call.repository, blob_id(call.text("afterBlobId")))
    before_id = call.optional("beforeBlobId")
    before = read_blob(call.repository, blob_id(before_id)) if before_id else None
    answer = {
        "beforeBlobSize": None if before is None else len(before),
        "afterBlobSize": len(after),
    }
    if any(b"\0" in blob[:_BINARY_PROBE_BYTES] for blob in (before or b"", after)):
        return {**answer, "isBinary": True, "hunks": []}
    hunks = _hunks(before or b"", after, context, ignore_whitespace=bool(call.params.get("ignoreWhitespace")))
    shown, token = page(hunks, call.optional("NextToken"), size)
    return {**answer, "isBinary": False, "hunks": shown, "NextToken": token}


def _hunks(before: bytes, after: bytes, context: int, *, ignore_whitespace: bool) -> Iterator[dict[str, Any]]:
    old, new = before.splitlines(), after.splitlines()
    keys = [[b"".join(line.split()) for line in side] if ignore_whitespace else side for side in (old, new)]
    matcher = difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    for group in matcher.get_grouped_opcodes(context):
        if any(code[0] != "equal" for code in group):
            yield _hunk(old, new, group)


def _hunk(old: Sequence[bytes], new: Sequence[bytes], group: Sequence[Opcode]) -> dict[str, Any]:
    first, last = group[0], group[-1]
    changes: list[dict[str, Any]] = []
    for tag, old_from, old_to, new_from, new_to in group:
        if tag == "equal":
            pairs = zip(range(old_from, old_to), range(new_from, new_to), strict=True)
            changes += [_change("CONTEXT", new[new_at], old_at, new_at) for old_at, new_at in pairs]
            continue
        changes += [_change("DELETE", old[at], at, None) for at in range(old_from, old_to)]
        changes += [_change("ADD", new[at], None, at) for at in range(new_from, new_to)]
    return {
        "beforeStartLine": first[1] + 1 if last[2] > first[1] else first[1],
        "beforeLineCount": last[2] - first[1],
        "afterStartLine": first[3] + 1 if last[4] > first[3] else first[3],
        "afterLineCount": last[4] - first[3],
        "changes": changes,
    }


def _change(kind: str, line: bytes, old_at: int | None, new_at: int | None) -> dict[str, Any]:
    return {
        "type": kind,
        "beforeLineNumber": None if old_at is None else old_at + 1,
        "afterLineNumber": None if new_at is None else new_at + 1,
        "content": trees.decode(line),
    }
