"""What a candidate looks like, as numbers: statistics of the value, and hashed words of name, value and surroundings."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise
from typing import Final, NamedTuple
from zlib import crc32

from pushwarden.detect.generic.candidates import Candidate

GROUPS: Final = (1 << 13, 1 << 14, 1 << 13)
"""Numbers of hashed features: of the name and its link, of the surroundings, of the value."""
HASHES: Final = sum(GROUPS)
_NAME_MASK: Final = GROUPS[0] - 1
_AROUND_MASK: Final = GROUPS[1] - 1
_AROUND_BASE: Final = GROUPS[0]
_VALUE_MASK: Final = GROUPS[2] - 1
_VALUE_BASE: Final = GROUPS[0] + GROUPS[1]

_SUBWORD: Final = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TOKEN: Final = re.compile(rb"[a-z]+|[0-9]+|[^\sa-z0-9]")
_WORD: Final = re.compile(rb"[a-z]{2,}")
_RUN: Final = re.compile(rb"(.)\1*", re.DOTALL)
_DIRECTORIES: Final = re.compile(
    rb"(test|spec|fixture|mock)|(example|sample|demo|docs?\b|tutorial)|(conf|setting|env|deploy|docker)|"
    rb"(locale|locali[sz]ation|l10n|lang|i18n|translat|messages)"
)
VALUE_BYTES: Final = 256
"""Bytes of a value that are looked at."""
_LINE_BYTES: Final = 300
CODE: Final = frozenset(
    [
        "c", "cc", "cpp", "cs", "go", "groovy", "h", "hpp", "java", "js", "jsx", "kt", "m", "mm", "php", "pl", "pm", "py", "rb", "rs",
        "scala", "swift", "ts", "tsx", "vue", "dart", "lua", "r", "jl", "ex", "exs", "erl", "clj",
    ]
)  # fmt: skip
CONFIGURATION: Final = frozenset(
    [
        "yml", "yaml", "json", "toml", "ini", "conf", "cfg", "properties", "env", "xml", "config", "tf", "tfvars", "plist", "template",
    ]
)  # fmt: skip
PROSE: Final = frozenset(["md", "rst", "txt", "adoc", "html", "htm", "tex", "log"])


def _shape_of(byte: int) -> int:
    """Return A for capitals, a for letters, 0 for digits, a space for blanks, 128 for all beyond ASCII, else the byte."""
    char = chr(byte)
    if byte > ord("\x7f"):
        return 0x80
    kinds = ((char.isupper(), "A"), (char.islower(), "a"), (char.isdigit(), "0"), (byte <= ord(" "), " "))
    return ord(next((kind for holds, kind in kinds if holds), char))


SHAPE: Final = bytes(map(_shape_of, range(256)))


class Place(NamedTuple):
    """What a path says; made once for a file."""

    extension: bytes
    kind: float
    """0 code, 1 configuration, 2 prose, 3 anything else."""
    directories: tuple[float, ...]

    @classmethod
    def of(cls, path: str) -> Place:
        """Return what ``path`` says."""
        raw = path.encode("utf-8", "surrogateescape").lower()
        base = raw.rsplit(b"/", 1)[-1]
        extension = base.rsplit(b".", 1)[-1] if b"." in base else b""
        text = extension.decode("ascii", "replace")
        kind = 0.0 if text in CODE else 1.0 if text in CONFIGURATION else 2.0 if text in PROSE else 3.0
        seen = [0.0] * _DIRECTORIES.groups
        for match in _DIRECTORIES.finditer(raw):
            seen[(match.lastindex or 1) - 1] = 1.0
        return cls(extension[:12], kind, tuple(seen))


class View(NamedTuple):
    """A candidate with the text around it, cut out once; the judge looks at nothing else, so equal views are judged alike."""

    name: bytes
    link: str
    operator: bytes
    quote: bytes
    call: bytes
    value: bytes
    """At most VALUE_BYTES of it."""
    length: int
    """Bytes of the whole value."""
    left: bytes
    """What stands before the value on its line, at most 300 bytes."""
    right: bytes
    above: bytes
    """The line before."""
    below: bytes
    repeats: int
    """How often the value stands in the text near by, up to MOST_REPEATS."""
    name_repeats: int
    place: Place


NEAR: Final = 2000
"""Bytes on each side in which values and names are counted."""
MOST_REPEATS: Final = 9


def view_of(data: bytes, candidate: Candidate, place: Place) -> View:
    """Cut ``candidate`` out of ``data``."""
    name, link, operator, quote, call, start, end, _ = candidate
    value = data[start : min(end, start + VALUE_BYTES)]
    near = data[max(0, start - NEAR) : end + NEAR]
    at = start - max(0, start - NEAR)
    left = near[max(0, at - 400) : at]
    right = near[at + end - start : at + end - start + 400]
    cut = left.rfind(b"\n")
    above = left[max(0, left.rfind(b"\n", 0, cut)) : cut].strip() if cut > 0 else b""
    here, _, rest = right.partition(b"\n")
    repeats = min(near.count(value), MOST_REPEATS)
    names = min(near.count(name), MOST_REPEATS) if name else 0
    below = rest.partition(b"\n")[0].strip()
    before = left[cut + 1 :][-_LINE_BYTES:]
    return View(
        name, link, operator, quote, call, value, end - start, before, here[:_LINE_BYTES], above, below, repeats, names, place
    )  # fmt: skip


def _run_length(length: int) -> bytes:
    return b"1" if length == 1 else b"3" if length < 4 else b"8" if length < 9 else b"+"  # noqa: PLR2004 - the classes


_LENGTHS: Final = tuple(map(_run_length, range(VALUE_BYTES + 1)))


def name_words(name: bytes) -> list[bytes]:
    """Return the words of a name, in lower case."""
    return [word.lower() for word in _SUBWORD.findall(name)]


def hashed_name(view: View, words: list[bytes]) -> set[int]:
    """Return the numbers of the hashed features of name, link and kind of file."""
    extension, link = view.place.extension, view.link.encode()
    found = [b"n" + word for word in words]
    found += [b"N" + one + b"_" + two for one, two in pairwise(words)]
    last = words[-1] if words else b""
    found += (
        b"l" + last,
        b"m" + last + link,
        b"L" + link + view.operator + view.quote,
        b"E" + extension + b"|" + link + view.quote,
        b"e" + extension,
        b"c" + view.call[:12],
        b"K" + last + view.quote[:1] + view.value[:1].translate(SHAPE),
    )
    return {crc32(each) & _NAME_MASK for each in found}


def hashed_around(view: View) -> set[int]:
    """Return the numbers of the hashed features of the text around."""
    before = _TOKEN.findall(view.left[-100:].lower())[-10:]
    after = _TOKEN.findall(view.right[:40].lower())[:5]
    found = [b"b" + token for token in before]
    found += [b"B" + one + two for one, two in pairwise(before[-5:])]
    found += [b"a" + token for token in after]
    found += [b"p" + word for word in _WORD.findall(view.above[-80:].lower())[:5]]
    found += [b"q" + word for word in _WORD.findall(view.below[:80].lower())[:5]]
    found += (b"A" + b"".join(after[:2]), b"t" + b"".join(before[-2:]) + b"|" + b"".join(after[:1]))
    return {_AROUND_BASE + (crc32(each) & _AROUND_MASK) for each in found}


_KINDS: Final = (
    re.compile(rb"[0-9]+\Z"),
    re.compile(rb"[0-9a-f]+\Z"),
    re.compile(rb"[0-9A-F]+\Z"),
    re.compile(rb"[a-z]+\Z"),
    re.compile(rb"[A-Z_]+\Z"),
    re.compile(rb"[A-Za-z]+\Z"),
    re.compile(rb"[a-z0-9]+\Z"),
    re.compile(rb"[A-Za-z0-9]+\Z"),
    re.compile(rb"[A-Za-z0-9+/=]+\Z"),
    re.compile(rb"[A-Za-z0-9_-]+\Z"),
    re.compile(rb"[A-Za-z0-9_.-]+\Z"),
    re.compile(rb"[\w.@!#$%^&*+-]+\Z"),
    re.compile(rb"\S+\Z"),
)
_SIZES: Final = (5, 7, 9, 13, 17, 25, 33, 41, 65)


def kind_of(value: bytes) -> bytes:
    """Return a letter for the characters that a value is made of."""
    for number, pattern in enumerate(_KINDS):
        if pattern.match(value):
            return b"abcdefghijklm"[number : number + 1]
    return b"n"


def hashed_repeats(repeats: int) -> int:
    """Return the number of the hashed feature of how often a value stands near by."""
    return _VALUE_BASE + (crc32(b"r%d" % repeats) & _VALUE_MASK)


def hashed_value(view: View, words: list[bytes]) -> set[int]:
    """Return the numbers of the hashed features of the value, and of what it is together with its name."""
    value = view.value[:64]
    runs = [m.group(1) + _LENGTHS[m.end() - m.start()] for m in _RUN.finditer(value[:24].translate(SHAPE))]
    low = value.lower()
    kind = kind_of(value)
    size = kind + b"%d" % bisect_right(_SIZES, view.length)
    found = [b"s" + one + two for one, two in pairwise([b"^", *runs, b"$"])]
    found += [b"w" + word for word in _WORD.findall(low)]
    found += [b"x" + word + kind for word in words[-3:]]
    found += (
        b"S" + b"".join(runs[:6]),
        b"v" + low,
        b"z" + size,
        b"X" + (words[-1] if words else b"") + size,
        b"Q" + view.link.encode() + view.quote[:1] + kind,
    )
    return {hashed_repeats(view.repeats)} | {_VALUE_BASE + (crc32(each) & _VALUE_MASK) for each in found}
