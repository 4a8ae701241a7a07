"""Git bundles: a pack with the refs it stands for. Format: https://git-scm.com/docs/gitformat-bundle (version 2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

from pushwarden.errors import PushwardenError

_SIGNATURE: Final = b"# v2 git bundle\n"
_REF: Final = re.compile(rb"([0-9a-f]{40}) (\S+)\n")
_PREREQUISITE: Final = re.compile(rb"-([0-9a-f]{40})(?: .*)?\n")
_MAX_LINES: Final = 10_000


class BundleError(PushwardenError):
    """The file is not a git bundle that Pushwarden wrote."""


@dataclass(frozen=True, slots=True)
class BundleHeader:
    """What a bundle says before its pack."""

    object_id: str
    ref: str
    prerequisites: tuple[str, ...]
    """Commits that a repository must have before it can take the bundle."""


def header(object_id: str, ref: str, prerequisites: Sequence[str]) -> bytes:
    """Return the bytes that go before the pack."""
    lines = [_SIGNATURE, *(b"-%s\n" % each.encode() for each in prerequisites)]
    lines += [b"%s %s\n" % (object_id.encode(), ref.encode("utf-8", "surrogateescape")), b"\n"]
    return b"".join(lines)


def read_header(file: IO[bytes]) -> BundleHeader:
    """Read a bundle's header; the file then stands at the pack.

    Raises:
        BundleError: it is not a version 2 bundle with one ref.
    """
    if file.readline(64) != _SIGNATURE:
        raise BundleError("the file is not a git bundle (version 2)")
    prerequisites: list[str] = []
    refs: list[tuple[str, str]] = []
    for _ in range(_MAX_LINES):
        line = file.readline(4096)
        if line == b"\n":
            break
        if match := _PREREQUISITE.fullmatch(line):
            prerequisites.append(match[1].decode())
        elif match := _REF.fullmatch(line):
            refs.append((match[1].decode(), match[2].decode("utf-8", "surrogateescape")))
        else:
            raise BundleError("the bundle's header is damaged")
    if len(refs) != 1:
        raise BundleError(f"the bundle stands for {len(refs)} refs; Pushwarden's have one")
    return BundleHeader(refs[0][0], refs[0][1], tuple(prerequisites))
