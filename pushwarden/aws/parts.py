"""What is remembered of a repository's refs, cut into parts that an item of the table can hold.

CodeCommit sets no limit to a repository's refs (https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html), DynamoDB one
of 400 KB to an item (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-items).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

ITEM_BYTES: Final = 350_000
"""What a part may take; the rest of an item is its keys."""
_AT_ONCE: Final = 5_000
_KEY_BYTES: Final = 900
"""A sort key holds 1,024; https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-partition-sort-keys"""


def pack(refs: Mapping[str, Any]) -> list[bytes]:
    """Return refs and what is known of each, packed into as few parts as may be; one at least."""
    # Surrogates stand for bytes of a ref's name that are no UTF-8; JSON escapes them.
    items = sorted(refs.items())
    chunks = [items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE)] or [[]]
    return [part for chunk in chunks for part in _halved(dict(chunk))]


def unpack(parts: Iterable[bytes]) -> dict[str, Any]:
    """Return what was packed."""
    found: dict[str, Any] = {}
    for each in parts:
        found |= json.loads(zlib.decompress(each))
    return found


def _halved(chunk: dict[str, Any]) -> list[bytes]:
    packed = zlib.compress(json.dumps(chunk).encode())
    if len(packed) <= ITEM_BYTES or len(chunk) == 1:
        return [packed]
    items = list(chunk.items())
    middle = len(items) // 2
    return [*_halved(dict(items[:middle])), *_halved(dict(items[middle:]))]


def ref_key(ref: str) -> str:
    """Return what stands for a ref in a key of the table: its name, or a digest of one that a key cannot hold."""
    name = ref.encode("utf-8", "surrogatepass")
    # A full name begins with "refs/", or is "HEAD": no ref is called what a digest looks like.
    if len(name) <= _KEY_BYTES and not any("\ud800" <= each <= "\udfff" for each in ref):
        return ref
    return f"#{hashlib.sha256(name).hexdigest()}"
