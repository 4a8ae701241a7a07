"""What a candidate looks like, as numbers: statistics of the value, and hashed words of name, value and surroundings."""

from __future__ import annotations

import binascii
import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from zlib import crc32

from pushwarden.detect.generic.candidates import LINKS, Candidate
from pushwarden.detect.generic.language import coverage, surprise

GROUPS: Final = (1 << 13, 1 << 14, 1 << 14)
"""Numbers of hashed features: of the name and its link, of the surroundings, of the value."""
HASHES: Final = sum(GROUPS)
_NAME_MASK: Final = GROUPS[0] - 1
_AROUND_MASK: Final = GROUPS[1] - 1
_AROUND_BASE: Final = GROUPS[0]
_VALUE_MASK: Final = GROUPS[2] - 1
_VALUE_BASE: Final = GROUPS[0] + GROUPS[1]

_SUBWORD: Final = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TOKEN: Final = re.compile(rb"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]")
_WORD: Final = re.compile(rb"[A-Za-z]{2,}")


def _shape_of(byte: int) -> int:
    """Return A for capitals, a for letters, 0 for digits, a space for blanks, 128 for all beyond ASCII, else the byte."""
    char = chr(byte)
    if byte > ord("\x7f"):
        return 0x80
    return ord(
        "A"
        if char.isupper()
        else "a"
        if char.islower()
        else "0"
        if char.isdigit()
        else " "
        if byte <= ord(" ")
        else char
    )


_SHAPE: Final = bytes(map(_shape_of, range(256)))
_RUN: Final = re.compile(rb"(.)\1*", re.DOTALL)
_LETTERS: Final = re.compile(rb"[A-Za-z]+")
_ATOM: Final = re.compile(rb"[A-Za-z0-9+/=_-]+")
_HEX: Final = re.compile(rb"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)\Z")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}\Z")
_BASE32: Final = re.compile(rb"[A-Z2-7]+=*\Z")
_UUID: Final = re.compile(rb"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_IDENTIFIER: Final = re.compile(rb"[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*\Z")
_COMMENT: Final = re.compile(rb"\s*(?:#|//|/?\*|--|;|<!--|%|\")")
_PLACEHOLDER: Final = re.compile(
    rb"(?i)x{4}|\*{3}|\.\.\.|example|your|change|redact|dummy|placeholder|insert|replace|sample|my[_-]?|foo|bar|test|<|\{\{|\$\{|%\(|"
    rb"fake|1234|abcd|qwer|asdf|zxcv|vbnm|hjkl|todo|none|null|undefined|hidden|secret|passw|token|key"
)
_PUBLIC: Final = re.compile(
    rb"(?i)publi[ck]|encrypt|cipher|hash|digest|checksum|finger|sha\d|md5|integrity|signature|wrapped"
)
_LEET: Final = bytes.maketrans(b"0134578@$!", b"oieastbasi")
_PERSON: Final = (
    b"user",
    b"login",
    b"email",
    b"host",
    b"server",
    b"url",
    b"connect",
    b"client",
    b"account",
    b"database",
)
_DIRECTORIES: Final = re.compile(
    rb"(?i)(test|spec|fixture|mock)|(example|sample|demo|docs?\b|tutorial)|(conf|setting|env|deploy|docker)"
)
CODE: Final = frozenset(
    [
        "c",
        "cc",
        "cpp",
        "cs",
        "go",
        "groovy",
        "h",
        "hpp",
        "java",
        "js",
        "jsx",
        "kt",
        "m",
        "mm",
        "php",
        "pl",
        "pm",
        "py",
        "rb",
        "rs",
        "scala",
        "swift",
        "ts",
        "tsx",
        "vue",
        "dart",
        "lua",
        "r",
        "jl",
        "ex",
        "exs",
        "erl",
        "clj",
    ]
)
CONFIGURATION: Final = frozenset(
    [
        "yml",
        "yaml",
        "json",
        "toml",
        "ini",
        "conf",
        "cfg",
        "properties",
        "env",
        "xml",
        "config",
        "tf",
        "tfvars",
        "plist",
        "template",
    ]
)
PROSE: Final = frozenset(["md", "rst", "txt", "adoc", "html", "htm", "tex", "log"])


@dataclass(frozen=True, slots=True)
class Place:
    """What a path says; made once for a file."""

    extension: bytes
    kind: float
    """0 code, 1 configuration, 2 prose, 3 anything else."""
    directories: tuple[float, float, float]

    @classmethod
    def of(cls, path: str) -> Place:
        """Return what ``path`` says."""
        raw = path.encode("utf-8", "surrogateescape").lower()
        base = raw.rsplit(b"/", 1)[-1]
        extension = base.rsplit(b".", 1)[-1] if b"." in base else b""
        text = extension.decode("ascii", "replace")
        kind = 0.0 if text in CODE else 1.0 if text in CONFIGURATION else 2.0 if text in PROSE else 3.0
        seen = [0.0, 0.0, 0.0]
        for match in _DIRECTORIES.finditer(raw):
            seen[(match.lastindex or 1) - 1] = 1.0
        return cls(extension[:12], kind, (seen[0], seen[1], seen[2]))


@dataclass(frozen=True, slots=True)
class View:
    """A candidate with the text around it, cut out once."""

    candidate: Candidate
    value: bytes
    """At most 256 bytes of it."""
    low: bytes
    left: bytes
    """What stands before the value on its line, at most 300 bytes."""
    right: bytes
    above: bytes
    """The line before."""
    below: bytes
    shape: bytes
    words: list[bytes]
    """The words of the name, in lower case."""
    place: Place

    @classmethod
    def of(cls, data: bytes, candidate: Candidate, place: Place) -> View:
        """Cut ``candidate`` out of ``data``."""
        value = data[candidate.start : min(candidate.end, candidate.start + 256)]
        left = data[max(0, candidate.start - 400) : candidate.start]
        right = data[candidate.end : candidate.end + 400]
        cut = left.rfind(b"\n")
        above = left[max(0, left.rfind(b"\n", 0, cut)) : cut] if cut > 0 else b""
        here, _, rest = right.partition(b"\n")
        return cls(
            candidate,
            value,
            value.lower(),
            left[cut + 1 :][-300:],
            here[:300],
            above.strip(),
            rest.partition(b"\n")[0].strip(),
            value.translate(_SHAPE),
            [word.lower() for word in _SUBWORD.findall(candidate.name)],
            place,
        )


def _run_length(length: int) -> bytes:
    return b"1" if length == 1 else b"3" if length < 4 else b"8" if length < 9 else b"+"  # noqa: PLR2004 - the classes


def hashed_name(view: View) -> set[int]:
    """Return the numbers of the hashed features of name, link and kind of file."""
    candidate, words, extension = view.candidate, view.words, view.place.extension
    link = candidate.link.encode()
    found = [b"n" + word for word in words]
    found += [b"N" + one + b"_" + two for one, two in pairwise(words)]
    last = words[-1] if words else b""
    found += (
        b"l" + last,
        b"m" + last + link,
        b"L" + link + candidate.operator + candidate.quote,
        b"E" + extension + b"|" + link + candidate.quote,
        b"e" + extension,
        b"c" + candidate.call[:12],
        b"K" + last + candidate.quote[:1] + bytes((view.shape[0],)),
    )
    return {crc32(each) & _NAME_MASK for each in found}


def hashed_around(view: View) -> set[int]:
    """Return the numbers of the hashed features of the text around."""
    before = _TOKEN.findall(view.left.lower())[-12:]
    after = _TOKEN.findall(view.right[:60].lower())[:5]
    found = [b"b" + token for token in before]
    found += [b"B" + one + two for one, two in zip(before[-5:], before[-4:], strict=False)]
    found += [b"a" + token for token in after]
    found += [b"p" + word for word in _WORD.findall(view.above[-80:].lower())[:5]]
    found += [b"q" + word for word in _WORD.findall(view.below[:80].lower())[:5]]
    found += (b"A" + b"".join(after[:2]), b"t" + b"".join(before[-2:]) + b"|" + b"".join(after[:1]))
    return {_AROUND_BASE + (crc32(each) & _AROUND_MASK) for each in found}


def hashed_value(view: View) -> set[int]:
    """Return the numbers of the hashed features of the value."""
    low = view.low[:64]
    padded = b"^" + low + b"$"
    found = [b"3" + padded[at : at + 3] for at in range(len(padded) - 2)]
    runs = [m.group(1) + _run_length(m.end() - m.start()) for m in _RUN.finditer(view.shape[:64])]
    found += [b"s" + one + two for one, two in zip([b"^", *runs], [*runs, b"$"], strict=True)]
    found += [b"w" + word for word in _WORD.findall(low)]
    found += (b"S" + b"".join(runs[:6]), b"v" + low, b"z%d" % min(len(view.value), 80))
    return {_VALUE_BASE + (crc32(each) & _VALUE_MASK) for each in found}


NAMES: Final = (
    "length", "distinct", "entropy", "excess", "digits", "uppers", "lowers", "specials", "spaces", "foreign",
    "surprise", "worst", "changes", "letters", "hex", "base64", "base32", "uuid", "identifier", "placeholder",
    "same", "inside", "first", "last", "quote", "link", "call", "next", "comment", "kind",
    "test", "example", "settings", "around", "name_length", "column", "line_rest", "dots", "slashes", "name_words",
    "atom", "atom_surprise", "atom_digits", "covered", "longest_word", "decoded", "decoded_surprise", "public", "near_uuid",
    "repeats", "name_repeats", "case_changes", "before", "sequence", "leet", "name_ends",
)  # fmt: skip
"""The numbers of :func:`numbers`, in order."""


def _entropy(value: bytes) -> float:
    length = len(value)
    return -sum(n / length * math.log2(n / length) for n in map(value.count, set(value)))


def _decoded(value: bytes) -> bytes:
    """Return what base64 text says if it says printable ASCII, else nothing."""
    if len(value) % 4 or not _BASE64.match(value):
        return b""
    try:
        text = binascii.a2b_base64(value)
    except binascii.Error:
        return b""
    return text if text.isascii() and text.decode("ascii").isprintable() else b""


def _before(view: View) -> int:
    """Return the byte before the name: a slash there makes the name a path."""
    at = view.left.rfind(view.candidate.name) if view.candidate.name else -1
    return view.left[at - 1] if at > 0 else 0


def _sequence(low: bytes) -> int:
    """Return the length of the longest run of equal, rising or falling bytes."""
    best = run = 1
    step = 9
    for one, two in pairwise(low):
        if two - one == step:
            run += 1
        else:
            step = two - one
            run = 2 if -1 <= step <= 1 else 1
        best = max(best, run)
    return best


def numbers(data: bytes, view: View, table: bytes, words: bytes) -> list[float]:
    """Return the statistics of a candidate, in the order of :data:`NAMES`; ``table`` and ``words`` are the language."""
    candidate, text, low, shape = view.candidate, view.value, view.low, view.shape
    length = len(text)
    digits, uppers, lowers, spaces = shape.count(b"0"), shape.count(b"A"), shape.count(b"a"), shape.count(b" ")
    entropy = _entropy(text)
    mean, worst = surprise(text[:80], table)
    runs = [m.end() - m.start() for m in _RUN.finditer(shape)]
    letters = max(map(len, _LETTERS.findall(text)), default=0)
    near = data[max(0, candidate.start - 500) : candidate.end + 300].lower()
    name = candidate.name.lower()
    atom = max(_ATOM.findall(text), key=len, default=b"")
    covered, longest = coverage(low[:48], words)
    decoded = _decoded(text)
    after = view.right[len(candidate.quote) : len(candidate.quote) + 1].translate(_SHAPE)
    wide = data[max(0, candidate.start - 4000) : candidate.end + 4000]
    return [
        float(candidate.end - candidate.start),
        len(set(text)) / length,
        entropy,
        entropy - math.log2(length),
        digits / length,
        uppers / length,
        lowers / length,
        (length - digits - uppers - lowers - spaces) / length,
        float(spaces),
        float(shape.count(b"\x80")),
        mean,
        worst,
        len(runs) / length,
        float(letters),
        float(length if _HEX.match(text) else 0),
        float(bool(_BASE64.match(text))),
        float(bool(_BASE32.match(text))),
        float(bool(_UUID.match(text))),
        float(bool(_IDENTIFIER.match(text))),
        float(len(_PLACEHOLDER.findall(text))),
        float(low == name),
        float(sum(word in low for word in view.words)),
        float(shape[0]),
        float(shape[-1]),
        float(candidate.quote[0] if candidate.quote else 0),
        float(LINKS.index(candidate.link)),
        float(candidate.call[-1] if candidate.call else 0),
        float(after[0] if after else 0),
        float(bool(_COMMENT.match(view.left))),
        view.place.kind,
        *view.place.directories,
        float(sum(word in near for word in _PERSON)),
        float(len(name)),
        float(len(view.left)),
        float(len(view.right)),
        float(text.count(b".")),
        float(text.count(b"/")),
        float(len(view.words)),
        float(len(atom)),
        surprise(atom[:80], table)[0],
        atom.translate(_SHAPE).count(b"0") / (len(atom) or 1),
        covered,
        float(longest),
        float(len(decoded)),
        surprise(decoded[:80], table)[0] if decoded else 0.0,
        float(bool(_PUBLIC.search(view.left[-80:]))),
        float(len(_UUID.findall(view.above + view.below))),
        float(wide.count(text)),
        float(wide.count(candidate.name) if name else 0),
        float(shape.count(b"aA")),
        float(_before(view)),
        float(_sequence(low[:80])),
        coverage(low[:48].translate(_LEET), words)[0] if digits and length < 24 else covered,  # noqa: PLR2004 - a human's
        float(view.shape[0] if not name else name[-1]),
    ]
