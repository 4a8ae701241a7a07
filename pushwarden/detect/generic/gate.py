"""The cheap first word on a candidate: what is certainly no credential is not described at length."""

from __future__ import annotations

import re
from typing import Final

from pushwarden.detect.generic.candidates import Candidate
from pushwarden.detect.generic.features import Place
from pushwarden.detect.generic.language import surprise

MIN_SURPRISE: Final = 4.0
"""Bits a letter; text below that has no digit and reads like words. One labelled credential in seven hundred does."""

_DIGIT: Final = re.compile(rb"[0-9]")
_NEVER: Final = re.compile(
    rb"""(?xi)
      [$#%]\{ | \{\{ | \$\( | %\( | <[\w ./:|-]{1,60}> | \[[\w ./:|-]{1,60}\]$ | \$[A-Za-z_]\w*$ | %[A-Z_]{3,}%$   # filled in later
    | -{2,5}[ ]?BEGIN | MIGfMA0G | MIGeMA0G | MII[BC]IjAN | MII[A-Z][\w+/]{2}CC | MFwwDQYJ | MFkwEwYH | ssh-(?:rsa|dss|ed25519) | ecdsa-sha2        # keys, public or blocks
    | \$(?:1|2[abxy]?|5|6|7|y|apr1|argon2\w{0,3}|scrypt|pbkdf2\S{0,12}|sha\d{1,3}|bcrypt\S{0,8})\$[\w./$=,+-]{8}  # hashes of passwords
    | (?:pbkdf2|bcrypt|argon2|scrypt|sha\d{1,3}|md5)\w{0,10}[$:]\w | \{(?:S?SHA|SMD5|MD5|CRYPT)\d{0,3}\} | SCRAM-SHA | sha\d{1,3}-\w
    | ENC[(\[] | \{cipher\} | AQICAH | \$ANSIBLE_VAULT | vault:v\d                                           # ciphertext
    | arn:aws | \{resolve: | https?://[^\s@]*$ | [./~]{0,2}/[\w.-]+/[\w./-]*$ | [A-Z]:\\                        # names of things
    | (?:process\.env|os\.environ|os\.getenv|getenv|System\.getProperty|ENV\[|env\()
    | (.)\1{4}
    """
)
_EXPRESSION: Final = re.compile(
    rb"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+\Z|[0-9.]{1,11}\Z|0x[0-9A-Fa-f]+\Z"
)
_IDENTIFIER: Final = re.compile(rb"[A-Za-z_$][a-z_$]*\Z")
MIN_BARE_SURPRISE: Final = 5.0


_HASH_NAME: Final = re.compile(
    rb"(?i)commit|sha_?\d|(?<![a-z])sha(?![a-z])|md5|hash|digest|checksum|revision|etag|fingerprint|integrity|cache_?key|(?<![a-z])crc|blob|object_?id"
)
_HEX_HASH: Final = re.compile(rb"(?i)(?:0x|sha\d{1,3}[:-])?[0-9a-f]{32,128}\Z")
_PUBLIC_NAME: Final = re.compile(
    rb"(?i)publishable|public_?key|site_?key|publickey|pub_?key|(?:instrumentation|measurement|tracking)_?(?:key|id)"
)
_CURSOR_NAME: Final = re.compile(
    rb"(?i)(?:next|page|pagination|continuation|request|idempotency|action|sequence)_?-?token|publickeytoken|signature"
    rb"|public_?token|credentials?_?id\Z|(?:key_?)?vault_?name|(?<=[a-z_])version\Z"
)
_HEX: Final = re.compile(rb"[0-9a-f]{16,128}\Z")
_SECRET_NAME: Final = re.compile(rb"(?i)secret|token|passw|pwd|api_?key|access_?key|auth|cred|private")
_UUID: Final = re.compile(rb"\{?[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\}?\Z")
_PUBLISHED: Final = re.compile(
    rb"pk_(?:live|test)_|pk\.eyJ|phc_|0x4AAAAAA|sb_publishable_|G-[A-Z0-9]{10}\Z|UA-\d|pub[a-f0-9]{32}\Z"
)


def excused(name: bytes, value: bytes, *, qualified: bool = False) -> bool:
    """Whether name and value together say hash, identifier or a key that is meant to be public."""
    if b"EXAMPLE" in value:  # AWS marks the keys of its documentation so
        return True
    if _PUBLIC_NAME.search(name) or _CURSOR_NAME.search(name) or _PUBLISHED.match(value):
        return True
    if _HASH_NAME.search(name) and _HEX_HASH.match(value):
        return True
    if qualified and _HEX.match(value):  # a table of checksums by path or type
        return True
    return _UUID.match(value) is not None and not _SECRET_NAME.search(name)


def is_bare(candidate: Candidate, place: Place) -> bool:
    """Whether a value stands where source code has expressions."""
    return place.kind == 0.0 and candidate.link == "op" and not candidate.quote


def plausible(candidate: Candidate, value: bytes, place: Place, table: bytes) -> bool:
    """Whether a candidate may be a credential at all.

    Args:
        candidate: the candidate.
        value: its value; the first 80 bytes decide.
        place: what the path says.
        table: the trigram model of :mod:`pushwarden.detect.generic.language`.
    """
    bare = is_bare(candidate, place)
    head = value[:80]
    if bare and _EXPRESSION.match(head):
        return False
    if not _DIGIT.search(head):
        least = MIN_BARE_SURPRISE if bare and _IDENTIFIER.match(head) else MIN_SURPRISE
        if surprise(head, table)[0] < least:
            return False
    return not (_NEVER.match(head) or excused(candidate.name, value, qualified=candidate.qualified))
