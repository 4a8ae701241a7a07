"""What a candidate looks like, as numbers: statistics of the value, and hashed words of name, value and surroundings."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from pushwarden.detect.generic.candidates import LINKS, Candidate
from pushwarden.detect.generic.language import surprise

HASH_BITS: Final = 15
HASH_MASK: Final = (1 << HASH_BITS) - 1

_SUBWORD: Final = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TOKEN: Final = re.compile(rb"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]")
_WORD: Final = re.compile(rb"[A-Za-z]{2,}")
_SHAPE: Final = bytes.maketrans(
    bytes(range(256)),
    bytes(
        65
        if 65 <= b <= 90
        else 97
        if 97 <= b <= 122
        else 48
        if 48 <= b <= 57
        else 32
        if b <= 32
        else 128
        if b > 127
        else b
        for b in range(256)
    ),
)
_RUN: Final = re.compile(rb"(.)\1*", re.DOTALL)
_HEX: Final = re.compile(rb"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)\Z")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}\Z")
_BASE32: Final = re.compile(rb"[A-Z2-7]+=*\Z")
_UUID: Final = re.compile(rb"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\Z")
_IDENTIFIER: Final = re.compile(rb"[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*\Z")
_COMMENT: Final = re.compile(rb"\s*(?:#|//|/?\*|--|;|<!--|%|\")")
_PLACEHOLDER: Final = re.compile(
    rb"(?i)x{4}|\*{3}|example|your|change|redact|dummy|placeholder|insert|replace|sample|my[_-]?|foo|bar|test|<|\{\{|\$\{|%\(|fake|"
    rb"1234|abcd|qwer|todo|none|null|undefined|hidden|secret|passw|token|key"
)
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
    "c cc cpp cs go groovy h hpp java js jsx kt m mm php pl pm py rb rs scala swift ts tsx vue dart lua r jl ex exs erl clj".split()
)
CONFIGURATION: Final = frozenset(
    "yml yaml json toml ini conf cfg properties env xml config tf tfvars plist template".split()
)
PROSE: Final = frozenset("md rst txt adoc html htm tex log".split())


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


def _entropy(value: bytes) -> float:
    length = len(value)
    return -sum(n / length * math.log2(n / length) for n in map(value.count, set(value)))


def _line(data: bytes, start: int, end: int, reach: int = 300) -> tuple[bytes, bytes]:
    """Return what stands left and right of a value on its line, at most ``reach`` bytes each."""
    left = data[max(0, start - reach) : start]
    right = data[end : end + reach]
    return left[left.rfind(b"\n") + 1 :], right.split(b"\n", 1)[0]


def hashes(data: bytes, candidate: Candidate, place: Place) -> list[int]:
    """Return the sorted numbers of the hashed features that a candidate has."""
    value = data[candidate.start : candidate.end]
    left, right = _line(data, candidate.start, candidate.end)
    name = candidate.name
    low = value[:64].lower()
    link = candidate.link.encode()
    found: list[bytes] = []
    add = found.append
    words = [w.lower() for w in _SUBWORD.findall(name)]
    for word in words:
        add(b"n" + word)
    for one, two in zip(words, words[1:], strict=False):
        add(b"N" + one + b"_" + two)
    last = words[-1] if words else b""
    add(b"l" + last)
    add(b"L" + link + candidate.operator + candidate.quote)
    add(b"E" + place.extension + b"|" + link + candidate.quote)
    add(b"e" + place.extension)
    add(b"c" + candidate.call[:12])
    padded = b"^" + low + b"$"
    for at in range(len(padded) - 2):
        add(b"3" + padded[at : at + 3])
    shape = value[:64].translate(_SHAPE)
    runs = [
        m.group(1)
        + (
            b"1"
            if m.end() - m.start() == 1
            else b"3"
            if m.end() - m.start() < 4
            else b"8"
            if m.end() - m.start() < 9
            else b"+"
        )
        for m in _RUN.finditer(shape)
    ]
    for one, two in zip([b"^", *runs], [*runs, b"$"], strict=True):
        add(b"s" + one + two)
    add(b"S" + b"".join(runs[:6]))
    add(b"v" + low)
    for word in _WORD.findall(low):
        add(b"w" + word)
    before = _TOKEN.findall(left.lower())[-10:]
    for token in before:
        add(b"b" + token)
    for one, two in zip(before[-4:], before[-3:], strict=False):
        add(b"B" + one + two)
    after = _TOKEN.findall(right[:60].lower())[:5]
    for token in after:
        add(b"a" + token)
    add(b"A" + b"".join(after[:2]))
    add(b"t" + b"".join(before[-2:]) + b"|" + b"".join(after[:1]))
    return sorted({crc32(each) & HASH_MASK for each in found})


NAMES: Final = (
    "length", "distinct", "entropy", "excess", "digits", "uppers", "lowers", "specials", "spaces", "foreign",
    "surprise", "worst", "changes", "letters", "hex", "base64", "base32", "uuid", "identifier", "placeholder",
    "same", "inside", "first", "last", "quote", "link", "call", "next", "comment", "kind",
    "test", "example", "settings", "around", "name_length", "column", "line_rest", "dots", "slashes", "name_words",
)  # fmt: skip
"""The numbers of :func:`numbers`, in order."""


def numbers(data: bytes, candidate: Candidate, place: Place, table: bytes) -> list[float]:
    """Return the statistics of a candidate, in the order of :data:`NAMES`; ``table`` is the language model."""
    value = data[candidate.start : candidate.end]
    left, right = _line(data, candidate.start, candidate.end)
    text = value[:256]
    length = len(text)
    low = text.lower()
    shape = text.translate(_SHAPE)
    digits, uppers, lowers, spaces = shape.count(b"0"), shape.count(b"A"), shape.count(b"a"), shape.count(b" ")
    entropy = _entropy(text)
    mean, worst = surprise(text[:80], table)
    names = [w.lower() for w in _SUBWORD.findall(candidate.name)]
    runs = [m.end() - m.start() for m in _RUN.finditer(shape)]
    letters = max((m.end() - m.start() for m in re.finditer(rb"[A-Za-z]+", text)), default=0)
    near = data[max(0, candidate.start - 500) : candidate.end + 300].lower()
    name = candidate.name.lower()
    return [
        float(len(value)),
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
        float(sum(w in low for w in names)),
        float(shape[0]),
        float(shape[-1]),
        float(candidate.quote[0] if candidate.quote else 0),
        float(LINKS.index(candidate.link)),
        float(candidate.call[-1] if candidate.call else 0),
        float(
            right[len(candidate.quote) : len(candidate.quote) + 1].translate(_SHAPE)[0]
            if len(right) > len(candidate.quote)
            else 0
        ),
        float(bool(_COMMENT.match(left))),
        place.kind,
        *place.directories,
        float(sum(w in near for w in _PERSON)),
        float(len(name)),
        float(len(left)),
        float(len(right)),
        float(text.count(b".")),
        float(text.count(b"/")),
        float(len(names)),
    ]
