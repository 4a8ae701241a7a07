"""Places in bytes that are shaped like a credential in use: a telling name, an operator and a value, and the like.

Nothing is judged here beyond the shape: :mod:`pushwarden.detect.generic.features` describes a candidate and
:mod:`pushwarden.detect.generic.model` scores it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_NAME: Final = 80
"""Bytes read to the left of a telling word to complete the name."""
MIN_VALUE: Final = 3
MAX_VALUE: Final = 4096
"""Bytes of a value; longer ones are blobs, not credentials."""

_WORDS: Final = rb"""
    pass(?:w(?:or)?d|wrd|phrase|code|wort|(?!iv|ag|ing|ed|es|en|th|port))|pswd|pwd|psw|(?<![a-z])pw(?![a-z])|
    secret(?!ar)|token(?!i)|key(?!word|board|frame|stroke|err|space)|auth(?!or(?!i))|cred(?!it)|api(?!an)|
    seed|otp|signature|verifier|cookie|session|bearer|(?<![a-z])pin(?![a-z])|license|webhook|dsn|
    (?<![a-z])sid(?![a-z])|identified[ ]by|securestring
"""

_LINK: Final = re.compile(
    rb"(?ix)(?:"
    + _WORDS
    + rb""")[\w\-.$]{0,40}+
    (?:
        (?:\\{0,3}["'`]?[\])]?[\])]?\\{0,3}["'`]?|\*\*|%5D)
        (?:[ \t]{0,30}+(?::|[ \t])[ \t]?[*?&]?[\w\[\]<>.|*?]{1,40}+[ ]?(?==))?
        [ \t]{0,30}+ (?P<op>={1,3}>?|!={1,2}|:=|\?\?=|\?=|\|\|=|\+=|->|<-|<<|::?(?!:)|=~) [ \t]{0,30}+
      | (?P<comma>\\{0,3}["'`]?\)?[ ]?(?:,|\(|\)\.\w{1,20}\()[ \t]{0,20}+(?:\w{1,12}=)?(?=[buBU@$]?\\{0,3}["'`]))
      | (?P<default>["'`]?[\])]{1,2}[ \t]{0,3}(?:or|\|\||\?\?|\?:)[ \t]{1,3}(?=["'`]))
      | (?P<attr>["'][ \t]{1,4}(?:\w{1,12}=["'][^"'\r\n]{0,40}["'][ ])?(?:value|default|content|string)[ \t]{0,2}=[ \t]{0,2})
      | (?P<tag>["']?(?:[ ][^<>\r\n]{0,80})?>[ \t]{0,8}(?:</?\w{1,12}>[ \t]{0,4}){0,2}(?=[^<>\s]))
      | (?P<gap>[ \t]{1,30}+(?:(?:is|by|with|to|of|from)[ \t]|[=:])?[ \t]{0,4}+(?=\\{0,3}["'`]|[\w!@\#$%^&*+./~-]{0,40}\d|(?<=by[ ])\w))
      | (?P<flag>(?:(?<=-password)|(?<=-passphrase))[ \t]{1,4}+(?=\w))
    )
    """
)

_HEAD: Final = re.compile(
    rb"""(?ix)
      (?P<url>://[^\s:/@"'<>]{0,80}+:)
    | (?P<header>(?<![a-z])(?:basic|bearer|token|oauth|digest|negotiate|ntlm|apikey)[ ]{1,3})
    | (?P<jwt>(?<![\w+/-])(?=eyJ[a-z0-9_-]{8}))
    | (?P<pair>(?:encode|basic_?auth|curl|[ ]-u|[ ]--user)[ (\[\w-]{0,20}b?["']?)(?=[\w.@+-]{1,40}:)
    """
)
_HEAD_VALUES: Final = {
    "url": re.compile(rb"""([^\s/@"'<>]{1,200})@"""),
    "header": re.compile(rb"([A-Za-z0-9+/=._~-]{4,4096}+)"),
    "jwt": re.compile(rb"(eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_=-]{2,}+(?:\.[A-Za-z0-9_=-]*+)?)"),
    "pair": re.compile(rb"""([\w.@+-]{1,40}:[^\s"'`,;)]{2,80})"""),
}

_VALUE: Final = re.compile(
    rb"""(?x)
    (?P<call>(?:\[\]byte\(|[A-Za-z_$][\w.$:]{0,40}+(?:<\w{0,20}>)?\([ ]?|[bBrRuUfFL@]{1,2}(?=["'`])|[$&*!(\[{]{1,2}[ ]?|<\w{1,20}>|%[qQ]?[({\[|!]){0,2}+)
    (?:
        (?P<quote>\\{1,3}["'])(?P<escaped>[^"'\\\r\n]{1,4096}+)
      | (?:"{3}|'{3})(?P<triple>[^"'\r\n]{1,4096}+)
      | "(?P<double>(?:[^"\\\r\n]|\\[^\r\n]){1,4096}+)
      | '(?P<single>(?:[^'\\\r\n]|\\[^\r\n]){1,4096}+)
      | `(?P<back>[^`\r\n]{1,4096}+)
      | (?P<bare>[^\s"'`,;<>(){}\[\]|&\\]{1,4096}+)
    )
    """
)
_NAME: Final = re.compile(rb"[\w.$@-]*\Z")
_NAME_BEFORE: Final = re.compile(rb"([\w.$@-]+)[^\w\r\n]{0,8}\Z")
_TEXT: Final = re.compile(rb"[^<>\r\n]{1,4096}+")

LINKS: Final = ("op", "comma", "default", "attr", "tag", "gap", "flag", "url", "header", "jwt", "pair")
"""How a name and its value hang together; the position is a feature."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value in use, as offsets into the content."""

    name: bytes
    """The name on the left, as written; empty where there is none."""
    link: str
    """One of :data:`LINKS`."""
    operator: bytes
    quote: bytes
    """What opens the value: ``"``, ``'``, a backtick, an escaped or triple quote, or nothing."""
    call: bytes
    """What stands between operator and value: a call, a string prefix, a sigil."""
    start: int
    end: int
    qualified: bool = False
    """Whether the name is the last part of a path or of a type, ``lib/key`` or ``Aws::Key``."""


def _named(data: bytes, match: re.Match[bytes], top: int) -> Candidate | None:
    """Return the candidate behind a name and link, or None where no value follows."""
    link = match.lastgroup or "op"
    at = match.end()
    left = data[max(top, match.start() - MAX_NAME) : match.start()]
    head = _NAME.search(left)
    start = match.start() - (len(head.group()) if head else 0)
    name = data[start : match.start(link)]
    operator = match.group(link).strip()
    if link == "tag":
        text = _TEXT.match(data, at)
        return Candidate(name, link, operator, b"", b"", at, text.end()) if text else None
    value = _VALUE.match(data, at)
    if value is None or value.lastgroup is None:
        return None
    begin, end = value.span(value.lastgroup)
    qualified = data[start - 1 : start] in (b":", b"/")
    return Candidate(name, link, operator, data[value.end("call") : begin], value.group("call"), begin, end, qualified)


def find(data: bytes, start: int, end: int) -> Iterator[Candidate]:
    """Yield the candidates whose name and link lie in ``data[start:end]``, each value once, with a name where it has one."""
    seen: set[int] = set()
    for match in _LINK.finditer(data, start, end):
        named = _named(data, match, start)
        if named is not None and named.start not in seen and named.end - named.start >= MIN_VALUE:
            seen.add(named.start)
            yield named
    for match in _HEAD.finditer(data, start, end):
        link = match.lastgroup or ""
        value = _HEAD_VALUES[link].match(data, match.end())
        if value is None:
            continue
        begin, finish = value.span(1)
        if begin not in seen and finish - begin >= MIN_VALUE:
            seen.add(begin)
            name = _NAME_BEFORE.search(data, max(start, match.start() - MAX_NAME), match.start())
            yield Candidate(name.group(1) if name else b"", link, b"", b"", b"", begin, finish)
