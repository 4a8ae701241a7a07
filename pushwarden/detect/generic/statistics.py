"""Statistics of a candidate: the numbers that the trees ask about."""

from __future__ import annotations

import binascii
import math
import operator
import re
from typing import Final

from pushwarden.detect.generic.candidates import LINKS
from pushwarden.detect.generic.features import SHAPE, VALUE_BYTES, View
from pushwarden.detect.generic.language import Language, coverage, mean_surprise, surprise

NAMES: Final = (
    "length", "distinct", "entropy", "excess", "digits", "uppers", "lowers", "specials", "spaces", "foreign",
    "surprise", "worst", "changes", "letters", "hex", "base64", "base32", "uuid", "identifier", "placeholder",
    "same", "inside", "first", "last", "quote", "link", "call", "next", "comment", "kind",
    "test", "example", "settings", "locale", "around", "name_length", "column", "line_rest", "dots", "slashes", "name_words",
    "atom", "atom_surprise", "atom_digits", "covered", "longest_word", "decoded", "decoded_surprise", "public", "near_ids",
    "repeats", "name_repeats", "case_changes", "before", "sequence", "name_ends",
)  # fmt: skip
"""The numbers of :func:`numbers`, in order."""

_LETTERS: Final = re.compile(rb"[A-Za-z]+")
_ATOM: Final = re.compile(rb"[A-Za-z0-9+/=_-]+")
_HEX: Final = re.compile(rb"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)\Z")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}\Z")
_BASE32: Final = re.compile(rb"[A-Z2-7]+=*\Z")
_UUID: Final = re.compile(rb"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_IDENTIFIER: Final = re.compile(rb"[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*\Z")
_COMMENT: Final = re.compile(rb"\s*(?:#|//|/?\*|--|;|<!--|%|\")")
_PLACEHOLDER: Final = re.compile(
    rb"x{4}|\*{3}|\.\.\.|example|your|change|redact|dummy|placeholder|insert|replace|sample|my[_-]?|foo|bar|test|<|\{\{|\$\{|%\(|"
    rb"fake|1234|abcd|qwer|asdf|zxcv|vbnm|hjkl|todo|none|null|undefined|hidden|secret|passw|token|key"
)
_PUBLIC: Final = re.compile(rb"publi[ck]|encrypt|cipher|hash|digest|checksum|finger|sha\d|md5|integrity|wrapped|badge")
_IDS: Final = re.compile(rb"[0-9a-f]{32,}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_PERSON: Final = (
    b"user", b"login", b"email", b"host", b"server", b"url", b"connect", b"client", b"account", b"database",
)  # fmt: skip
_ROWS: Final = (
    b"abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop asdfghjkl zxcvbnm 9876543210 zyxwvutsrqponmlkjihgfedcba"
)
_LOGS: Final = (0.0, *(count * math.log2(count) for count in range(1, VALUE_BYTES + 1)))


def _entropy(value: bytes) -> float:
    length = len(value)
    return math.log2(length) - sum(map(_LOGS.__getitem__, map(value.count, set(value)))) / length


def _decoded(value: bytes) -> bytes:
    """Return what base64 text says if it says printable ASCII, else nothing."""
    if len(value) % 4:
        return b""
    try:
        text = binascii.a2b_base64(value)
    except binascii.Error:
        return b""
    return text if text.isascii() and text.decode("ascii").isprintable() else b""


def _before(view: View) -> int:
    """Return the byte before the name: a slash there makes the name a path."""
    at = view.left.rfind(view.name) if view.name else -1
    return view.left[at - 1] if at > 0 else 0


def _sequence(low: bytes) -> int:
    """Return how many fours of bytes follow each other in the alphabet, among the digits or on the keyboard."""
    return sum([low[at : at + 4] in _ROWS for at in range(0, len(low) - 3, 2)])


def numbers(view: View, words: list[bytes], language: Language) -> list[float]:
    """Return the statistics of a candidate, in the order of :data:`NAMES`.

    Args:
        view: the candidate.
        words: the words of its name.
        language: what words are.
    """
    text, left, right, place = view.value, view.left, view.right, view.place
    low, shape, length = text.lower(), text.translate(SHAPE), len(text)
    digits, uppers, lowers, spaces = shape.count(b"0"), shape.count(b"A"), shape.count(b"a"), shape.count(b" ")
    entropy = _entropy(text)
    mean, worst = surprise(text[:80], language.table)
    base64 = _BASE64.match(text) is not None
    atom = text if base64 else max(_ATOM.findall(text), key=len, default=b"")
    covered, longest = coverage(low[:48], language)
    decoded = _decoded(text) if base64 else b""
    quote = len(view.quote)
    after = right[quote : quote + 1].translate(SHAPE)
    name = view.name.lower()
    lines = b"\n".join((view.above, left, right, view.below)).lower()
    return [
        view.length,
        len(set(text)) / length,
        entropy,
        entropy - math.log2(length),
        digits / length,
        uppers / length,
        lowers / length,
        (length - digits - uppers - lowers - spaces) / length,
        spaces,
        shape.count(b"\x80"),
        mean,
        worst,
        (1 + sum(map(operator.ne, shape, shape[1:]))) / length,
        max(map(len, _LETTERS.findall(text)), default=0),
        length if _HEX.match(text) else 0,
        base64,
        _BASE32.match(text) is not None,
        _UUID.match(text) is not None,
        _IDENTIFIER.match(text) is not None,
        len(_PLACEHOLDER.findall(low)),
        low == name,
        sum(map(low.__contains__, words)),
        shape[0],
        shape[-1],
        view.quote[0] if quote else 0,
        LINKS.index(view.link),
        view.call[-1] if view.call else 0,
        after[0] if after else 0,
        _COMMENT.match(left) is not None,
        place.kind,
        *place.directories,
        sum(map(lines.__contains__, _PERSON)),
        len(name),
        len(left),
        len(right),
        text.count(b"."),
        text.count(b"/"),
        len(words),
        len(atom),
        mean if atom is text else mean_surprise(atom[:80], language.table),
        digits / length if atom is text else atom.translate(SHAPE).count(b"0") / (len(atom) or 1),
        covered,
        longest,
        len(decoded),
        mean_surprise(decoded[:80], language.table) if decoded else 0.0,
        _PUBLIC.search(left[-80:].lower()) is not None,
        len(_IDS.findall(lines)),
        view.repeats,
        view.name_repeats,
        shape.count(b"aA"),
        _before(view),
        _sequence(low[:48]),
        name[-1] if name else shape[0],
    ]
