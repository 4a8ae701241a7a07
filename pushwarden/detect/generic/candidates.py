"""Places in bytes that are shaped like a credential in use: a telling name, an operator and a value, and the like.

Nothing is judged here beyond the shape: :mod:`pushwarden.detect.generic.gate` drops what is plainly none,
:mod:`pushwarden.detect.generic.features` describes the rest and :mod:`pushwarden.detect.generic.model` scores it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_NAME: Final = 80
"""Bytes read to the left of a telling word to complete the name."""
MIN_VALUE: Final = 3

# Searched in lower case. Every branch begins with a letter, what stands before it is looked at afterwards: so the search
# skips whatever no word begins with.
_WORDS: Final = rb"""
    p(?:ass(?:w(?:or)?d|wrd|phrase|code|wort|(?!iv|ag|ing|ed|es|en|th|port))|swd|wd|sw|w(?<![a-z]pw)(?![a-z])|in(?<![a-z]pin)(?![a-z]))|
    s(?:e(?:cret(?!ar|smanager)|ed|ssion|curestring)|ignature|id(?<![a-z]sid)(?![a-z]))|
    token(?!i)|key(?!word|board|frame|stroke|err|space)|a(?:uth(?!or(?!i))|pi(?!an))|c(?:red(?!it)|ookie)|otp(?!i)|verifier|bearer|
    license|webhook|dsn|identified[ ]by
"""

_LINK: Final = re.compile(
    rb"(?x)(?:"
    + _WORDS
    + rb""")[\w\-.$]{0,40}+
    (?:
        (?:
            [ \t]{1,30}+(?:as[ \t]{1,4}+)?[*?&]?[\w\[\]<>.|*?]{1,40}+(?=[ ]:?=[ ])
          | (?:\\{0,3}["'`]?[\])}]?[\])]?\\{0,3}["'`]?|\*\*|%5d|\[\d{0,5}\])
            (?:[ \t]{0,30}+[?!]?:[ \t]?[*?&]?[\w\[\]<>.|*?]{1,40}+[ ]?(?==))?
        )
        [ \t]{0,30}+ (?P<op>\.?={1,3}>?|!={1,2}|:=|\?\?=|\?=|\|\|=|\+=|->|<-|<<|[?!]?::?(?!:)|=~) [ \t]{0,30}+
      | (?P<comma>\\{0,3}["'`]?\)?[ ]?(?:,|\(|\)\.\w{1,20}\(|\)[ ]\{)[ \t]{0,20}+(?:\w{1,12}(?:=|:[ ]))?(?=(?:[a-z_][\w.]{0,40}+\()?[bu@$]?\\{0,3}["'`]))
      | (?P<default>(?:["'`]?[\])]{1,2}[ \t]{0,3}(?:or|\|\||\?\?|\?:)|[ \t]{0,3}(?:\|\||\?\?|\?:))[ \t]{1,3}(?=["'`]))
      | (?P<attr>["'][ \t]{1,4}(?:\w{1,12}=["'][^"'\r\n]{0,40}["'][ ])?(?:value|default|content|string)[ \t]{0,2}=[ \t]{0,2})
      | (?P<tag>["']?(?:[ ][^<>\r\n]{0,80})?>[ \t]{0,8}(?:</?\w{1,12}>[ \t]{0,4}){0,2}(?=[^<>\s]))
      | (?P<gap>[ \t]{1,30}+(?:(?:is|by|with|to|of|from)[ \t]|[=:]|(?:-|\xe2\x80[\x93\x94])[ \t])?[ \t]{0,4}+(?=@?\\{0,3}["'`]|[\w!@\#$%^&*+./~-]{0,40}\d|(?<=by[ ])\w))
      | (?P<flag>(?:(?<=-password)|(?<=-passphrase))[ \t]{1,4}+(?=\w))
    )
    """
)

_HEAD: Final = re.compile(
    rb"""(?x)
      (?P<url>://[^\s:/@"'<>]{0,80}+:)
    | (?P<header>(?:b(?:asic(?<![a-z]basic)|earer(?<![a-z]bearer))|token(?<![a-z]token)|oauth(?<![a-z]oauth)|digest(?<![a-z]digest)
      | n(?:egotiate(?<![a-z]negotiate)|tlm(?<![a-z]ntlm))|apikey(?<![a-z]apikey))[ ]{1,3})
    | (?P<jwt>e(?=yj[a-z0-9_-]{8})(?<![\w+/-]e))
    | (?P<pair>(?:encode|basic_?auth|curl|[ ]-(?:u|-user))[ (\[\w-]{0,20}b?["']?)(?=[\w.@+-]{1,40}:)
    """
)
_HINTS: Final = (
    b"://", b"basic ", b"bearer ", b"token ", b"oauth ", b"digest ", b"negotiate ", b"ntlm ", b"apikey ", b"eyj", b"encode",
    b"basicauth", b"basic_auth", b"curl", b" -u", b" --user",
)  # fmt: skip
"""Every match of _HEAD holds one of them; quicker to look for."""
_HEAD_VALUES: Final = {
    "url": re.compile(rb"""([^\s/@"'<>]{1,200})@"""),
    "header": re.compile(rb"([A-Za-z0-9+/=._~-]{4,4096}+)"),
    "jwt": re.compile(rb"(eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_=-]{2,}+(?:\.[A-Za-z0-9_=-]*+)?)"),
    "pair": re.compile(rb"""([\w.@+-]{1,40}:[^\s"'`,;)]{2,80})"""),
}

_VALUE: Final = re.compile(
    rb"""(?x)
    (?P<call>(?:\[\]byte\(|[A-Za-z_$][\w.$:]{0,40}+(?:<\w{0,20}>)?\([ ]?|[bBrRuUfFL@]{1,2}(?=["'`])|[$&*!(\[{]{1,2}[ ]?(?:value:[ ])?|<\w{1,20}>|%[qQ]?[({\[|!]){0,2}+)
    (?:
        (?P<quote>\\{1,3}["'])(?P<escaped>[^"'\\\r\n]{1,4096}+)
      | (?:"{3}|'{3})(?P<triple>[^"'\r\n]{1,4096}+)
      | "(?P<double>(?:[^"\\\r\n]|\\[^\r\n]){1,4096}+)
      | '(?P<single>(?:[^'\\\r\n]|\\[^\r\n]){1,4096}+)
      | ``(?P<code>[^\s`]{1,4096}+)(?=``)
      | `(?P<back>[^`\r\n]{1,4096}+)
      | (?P<bare>[^\s"'`,;<>(){}\[\]|&\\]{1,4096}+)
    )
    """
)
_INNER: Final = re.compile(rb"[A-Za-z0-9+/=_-]{16,}")
"""A long value in a JSON object that is itself written as a string."""
_NAME: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$@-"
_NAME_BEFORE: Final = re.compile(rb"([\w.$@-]+)[^\w\r\n]{0,8}\Z")
_TEXT: Final = re.compile(rb"[^<>\r\n]{1,4096}+")

_SCHEME: Final = re.compile(
    rb"(?i)(?:basic|bearer|token|oauth|digest|negotiate|ntlm|apikey) {1,3}[A-Za-z0-9+/=._~-]{4}"
)
"""Here a name is followed by a whole Authorization header; the credentials alone are a candidate of their own."""
_ARN: Final = re.compile(rb"(?:arn:|secretsmanager:)[^\s\"']{0,80}\Z")
"""In the name of a resource a colon assigns nothing: ``arn:aws:secretsmanager:...:secret:name``."""
_QUALIFIED: Final = re.compile(rb"[\w:/.}\])*]:\Z|[\w.~}]/\Z|\A/\Z")
"""What stands before a name that is the last part of a path or a type; a symbol ``:key`` or an option ``/key`` stands alone."""
_SCOPE: Final = re.compile(rb"(?i)\$(?:env|global|script|local|private|using):\Z")
"""PowerShell's variables: https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_scopes"""
_LONGEST_SCOPE: Final = 9
_BRACE: Final = ord("{")
_STOP: Final = ord(".")

LINKS: Final = ("op", "comma", "default", "attr", "tag", "gap", "flag", "url", "header", "jwt", "pair")
"""How a name and its value hang together; the position is a feature."""
NAMELESS: Final = frozenset({"url", "header", "jwt", "pair"})
"""Links where the name is only what stands before."""


class Candidate(NamedTuple):
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
    """Return the candidate behind a name and link in the bytes from ``top`` on, or None where no value follows."""
    link = match.lastgroup or "op"
    word, at = top + match.start(), top + match.end()
    if link == "tag":
        value, begin = _TEXT.match(data, at), at
    else:
        value = _VALUE.match(data, at)
        begin = value.start(value.lastgroup or 0) if value is not None else at
    if value is None or value.end() - begin < MIN_VALUE:
        return None
    left = data[max(top, word - MAX_NAME) : word]
    start = word - len(left) + len(left.rstrip(_NAME))
    first = top + match.start(link)
    name, operator = data[start:first], data[first:at].strip()
    if link == "tag":
        return Candidate(name, link, operator, b"", b"", begin, value.end())
    if _SCHEME.match(data, begin):
        return None
    called = value.end("call")
    qualified = _QUALIFIED.search(data, max(0, start - 2), start) is not None and (
        _SCOPE.search(data, max(0, start - _LONGEST_SCOPE), start) is None
    )
    if qualified and _ARN.search(data, max(0, start - MAX_NAME), start):
        return None
    quote, call, end = data[called:begin], data[at:called], value.end()
    if not quote and data[end - 1] == _STOP and end - begin > MIN_VALUE:
        end -= 1  # of the sentence
    if quote and data[begin] == _BRACE:
        inner = max(_INNER.finditer(data, begin, end), key=_length, default=value)
        if inner is not value:
            begin, end = inner.span()
    return Candidate(name, link, operator, quote, call, begin, end, qualified)


def _length(match: re.Match[bytes]) -> int:
    return match.end() - match.start()


def _is_only_user(value: bytes) -> bool:
    """Whether ``Basic`` credentials say a user and no password (https://www.rfc-editor.org/rfc/rfc7617#section-2)."""
    try:
        text = binascii.a2b_base64(value, strict_mode=True)
    except binascii.Error:
        return False
    return b":" not in text and text.isascii() and text.decode().isprintable()


def find(data: bytes, start: int, end: int) -> Iterator[Candidate]:
    """Yield the candidates whose name and link lie in ``data[start:end]``, each value once, with a name where it has one."""
    seen: set[int] = set()
    low = data[start:end].lower()
    for match in _LINK.finditer(low):
        named = _named(data, match, start)
        if named is not None and named.start not in seen:
            seen.add(named.start)
            yield named
    if not any(map(low.__contains__, _HINTS)):
        return
    for match in _HEAD.finditer(low):
        link = match.lastgroup or ""
        at = start + (match.start() if link == "jwt" else match.end())
        value = _HEAD_VALUES[link].match(data, at)
        if value is None:
            continue
        begin, finish = value.span(1)
        if match.group().startswith(b"basic") and _is_only_user(data[begin:finish]):
            continue
        if begin not in seen and finish - begin >= MIN_VALUE:
            seen.add(begin)
            before = start + match.start()
            name = _NAME_BEFORE.search(data, max(start, before - MAX_NAME), before)
            yield Candidate(name.group(1) if name else b"", link, b"", b"", b"", begin, finish)
