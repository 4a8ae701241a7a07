"""The cheap first word on a candidate: what is certainly no credential is not described at length."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

from pushwarden.detect.generic.candidates import NAMELESS, Candidate
from pushwarden.detect.generic.features import Place, View
from pushwarden.detect.generic.language import Language, mean_surprise

MIN_SURPRISE: Final = 4.0
_DIGIT: Final = re.compile(rb"[0-9]")
_NEVER: Final = re.compile(
    rb"""(?xi)
      [$#%]\{ | \{\{ | \$\( | %\( | <[\w ./:|-]{1,60}> | \[[\w ./:|-]{1,60}\]$ | \$[A-Za-z_]\w*$ | %[A-Z_]{3,}%$   # filled in later
    | -{2,5}[ ]?BEGIN | MIGfMA0G | MIGeMA0G | MII[BC]IjAN | MII[A-Z][\w+/]{2}CC | MFwwDQYJ | MFkwEwYH | ssh-(?:rsa|dss|ed25519) | ecdsa-sha2        # keys, public or blocks
    | \$?\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2\w{0,3}|scrypt|pbkdf2\S{0,12}|sha\d{1,3}|bcrypt\S{0,8})\$[\w./$=,+-]{8}  # hashes of passwords
    | (?:pbkdf2|bcrypt|argon2|scrypt|sha\d{1,3}|md5)\w{0,10}[$:]\w | \{(?:S?SHA|SMD5|MD5|CRYPT)\d{0,3}\} | SCRAM-SHA | sha\d{1,3}[-:]\w
    | ENC[(\[] | \{cipher\} | AQICAH | \$ANSIBLE_VAULT | vault:v\d | \{?AQAAABAAAA                            # ciphertext, the last of Jenkins
    | arn:aws | \{resolve: | https?://[^\s@]*$ | [./~]{0,2}/[\w.-]+/[\w./-]*$ | [A-Z]:\\ | S-1-5-\d | \#[0-9a-f]{3,8}$          # names of things
    | 0x[0-9a-f]{1,8}$ | &[a-z]{2,6}; | (?:foo|ba[rz]|qux|blah)+\d{0,3}$ | [AL]?GPLv[23][^a-z0-9]                  # number, entity, filler, licence
    | (?:process\.env|os\.environ|os\.getenv|getenv|System\.getProperty|ENV\[|env\()
    | (.)\1{4} | .*?(?:([x*.0])\2{7}|\*\*\Z|\.\.\.)                                                              # filler, masked
    | .*?(?:\\[sdw][*+]|\(\?[:=!])                                                                            # an expression
    """
)
_JOINED: Final = re.compile(rb"[\"'`]?[ ]?\+[ ]?[\"'`A-Za-z_$]")
"""What follows a quote that ends a string, where the value is a variable: "password=" + value."""
_FORM_TOKEN: Final = re.compile(rb"(?i)csrf|xsrf|authenticity_?token|verification_?token")
"""In a form of a saved page: it ends with the session (https://guides.rubyonrails.org/security.html#csrf-countermeasures)."""
_SEALED: Final = re.compile(rb"(?i)(?:\bENC[(\[]|\{cipher\})\Z")
_EXPRESSION: Final = re.compile(
    rb"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+\Z|[0-9.]{1,11}\Z|0x[0-9A-Fa-f]+\Z"
)
_IDENTIFIER: Final = re.compile(rb"[A-Za-z_$][a-z_$]*\Z")
MIN_BARE_SURPRISE: Final = 5.0


_HASH_NAME: Final = re.compile(
    rb"(?i)commit|sha_?\d|(?<![a-z])sha(?![a-z])|md5|hash(?!icorp)|digest|checksum|revision|etag|fingerprint|integrity|cache_?key|(?<![a-z])crc|blob|object_?id|recv-?keys?"
)
_HEX_HASH: Final = re.compile(rb"(?i)(?:0x|sha\d{1,3}[:-])?[0-9a-f]{32,128}\Z")
# Ciphertext, keys that are meant to be public, cursors of lists, what a protocol sends in the clear.
_PUBLIC_NAME: Final = re.compile(
    rb"(?i)publishable|public_?(?:key|token)|site_?key|pub_?key|(?:instrumentation|measurement|tracking)_?(?:key|id)|encrypted|hashed|sec-?websocket|certificate-?authority|"
    rb"code_?verifier|grant_?token|(?:next|page|pagination|continuation|(?<!oauth_)request|idempotency|action|sequence|lock|change|update)_?-?token|(?<!oauth_)signature"
)
_ABOUT_NAME: Final = re.compile(
    rb"(?i)(?:(?:credentials?|client|consumer|app|application|secrets?|token)[_-]?id|oracle_?sid|s3_?key|group_?key|version|length|size|type|name|format|user|login|email|field|file|path|timestamp|scopes?|prefix|suffix|label|title|tooltip|"
    rb"fingerprint|digest|checksum|hash|integrity|etag)"
    rb"[\"'`\])\\ \t]*\Z"
)
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{16,128}\Z")
_KEY_ID_NAME: Final = re.compile(rb"(?i)key_?id[\"'`\])\\ \t]*\Z")
_KEY_ID: Final = re.compile(rb"(?i)(?:0x)?[0-9a-f]{8,64}\Z")
"""The number of a key, not the key: those of OpenPGP (https://www.rfc-editor.org/rfc/rfc9580#section-5.5.4) and of service accounts."""
_SECRET_NAME: Final = re.compile(rb"(?i)secret|token|passw|pwd|api_?key|access_?key|auth|cred|private")
_KEY_NAME: Final = re.compile(rb"(?:(?i:keys?)|(?<![A-Za-z])KEY_[A-Z0-9_]{1,20})[\"'`\])\\ \t]*\Z")
_CHOSEN_NAME: Final = re.compile(rb"(?i)secret|passw|pwd|token|cred|auth")
_LABEL: Final = re.compile(rb"[A-Za-z]{1,11}\Z")
_UUID: Final = re.compile(rb"\{?[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\}?\Z")
_ONCE_NAME: Final = re.compile(rb"(?i)client_?-?token")
"""With a UUID it makes a request idempotent (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html)."""
_SID: Final = re.compile(rb"(?!AC|SK)[A-Z]{2}[0-9a-f]{32}\Z")
"""The name of a thing at Twilio (https://www.twilio.com/docs/glossary/what-is-a-sid), other than accounts and keys."""
_PUBLISHED: Final = re.compile(
    rb"pk_(?:live|test)_|pk\.eyJ|phc_|0x4AAAAAA|sb_publishable_|G-[A-Z0-9]{10}\Z|UA-\d|pub[a-f0-9]{32}\Z"
)
_CODE_NAME: Final = re.compile(rb"(?i)(?:token|code|otp)[\"'`\])\\ \t]*\Z")
_CODE: Final = re.compile(rb"[0-9]{3,8}\Z")
"""A code that is used once."""
_NO_VALUE: Final = re.compile(
    rb"(?i)(?:(?:rsa|dsa|ecdsa|ecdh|hmac|aes|des|sha|md|rs|hs|es|ps|ed|dh|chacha|salsa|pbkdf|scrypt|bcrypt|argon)[-_]?)+\d{1,5}"
    rb"(?:[-_]?(?:sha\d{0,3}|hmac|gcm|cbc|ctr|ecb|cfb|ofb|ccm|poly1305|pkcs\d{0,2}|oaep|pss|\d{2,5}))*\Z"
    rb"|(?:19|20)\d\d-(?:0[1-9]|1[0-2])-[0-3]\d(?:T[\d:.]{5,18}(?:Z|[+-][\d:]{4,5})?)?\Z"
)
"""The name of an algorithm or its key size, ``rsa-sha256``; a date (https://www.rfc-editor.org/rfc/rfc3339#section-5.6)."""
_FOREIGN: Final = re.compile(rb"[\x80-\xff]|\\u(?!00[0-7])[0-9a-fA-F]{4}")
_ESCAPED: Final = re.compile(rb"\\u(?!00[0-7])[0-9a-fA-F]{4}")
_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]+[.:!?]?\Z")
_COUNTED_HEX: Final = 16
_NAMES: Final = 1024
"""So many names are remembered: most of them stand there again and again."""
_FOREIGN_SHARE: Final = 0.5


def excused(name: bytes, value: bytes, *, qualified: bool = False) -> bool:
    """Whether name and value together say hash, identifier or a key that is meant to be public."""
    if b"EXAMPLE" in value or _PUBLISHED.match(value):  # AWS marks the keys of its documentation so
        return True
    if is_public(name) or (_CODE.match(value) and _CODE_NAME.search(name)):
        return True
    if _SID.match(value) and name.rstrip(b"\"'\\]) \t").lower().endswith(b"sid"):
        return True
    if (_HEX_HASH.match(value) and _HASH_NAME.search(name)) or (_KEY_ID.match(value) and _KEY_ID_NAME.search(name)):
        return True
    if _HEX.match(value):
        return (qualified and value.islower()) or counts_up(value)  # in a table of checksums by path or type
    return _UUID.match(value) is not None and (_ONCE_NAME.search(name) is not None or not _SECRET_NAME.search(name))


def counts_up(value: bytes) -> bool:
    """Whether hexadecimal text writes bytes at equal steps, ``00010203...``: an example of a key."""
    if len(value) < _COUNTED_HEX or len(value) % 2:
        return False
    raw = bytes.fromhex(value.decode("ascii"))
    return len({one - two & 0xFF for one, two in pairwise(raw)}) == 1


def is_text(value: bytes) -> bool:
    """Whether a value is text in a language that is not written in ASCII: words of letters alone, or mostly such letters."""
    if _FOREIGN.search(value) is None:
        return False
    plain = _ESCAPED.sub(b"\x80", value)
    foreign = len(_FOREIGN.findall(plain))
    return b" " in plain or foreign > _FOREIGN_SHARE * len(plain) or _WORD.match(plain) is not None


def is_index(candidate: Candidate) -> bool:
    """Whether this is the name of an index in SQL: KEY `name` (`column`)."""
    return candidate.link == "gap" and candidate.quote == b"`" and candidate.name.rstrip().upper().endswith(b"KEY")


def is_of_form(candidate: Candidate) -> bool:
    """Whether a value is the token of a form in a saved page."""
    return candidate.link == "attr" and _FORM_TOKEN.search(candidate.name) is not None


def is_bare(candidate: Candidate, place: Place) -> bool:
    """Whether a value stands where source code has expressions."""
    return place.kind == 0.0 and candidate.link == "op" and not candidate.quote


def is_sealed(call: bytes, head: bytes) -> bool:
    """Whether a value is a hash or ciphertext by what stands between operator and value."""
    return bool(call) and (
        _SEALED.search(call) is not None or (call.endswith(b"$") and _NEVER.match(b"$" + head) is not None)
    )


def is_language(head: bytes, language: Language, *, bare: bool) -> bool:
    """Whether a value without a digit reads like words; an identifier must look odder than that to be none."""
    if head.lower() in language.words:
        return True
    least = MIN_BARE_SURPRISE if bare and _IDENTIFIER.match(head) else MIN_SURPRISE
    return mean_surprise(head, language.table) < least


@lru_cache(maxsize=_NAMES)
def is_public(name: bytes) -> bool:
    """Whether a name says that its value is meant to be public, or is sent in the clear."""
    return _PUBLIC_NAME.search(name) is not None


def is_label(name: bytes, value: bytes) -> bool:
    """Whether a key is a short run of letters: what a program calls something by, for people choose passwords, not keys."""
    return _LABEL.match(value) is not None and _is_key(name)


@lru_cache(maxsize=_NAMES)
def _is_key(name: bytes) -> bool:
    return _KEY_NAME.search(name) is not None and _CHOSEN_NAME.search(name) is None


@lru_cache(maxsize=_NAMES)
def about(name: bytes) -> bool:
    """Whether a name says that its value is something about a credential, not the credential."""
    return _ABOUT_NAME.search(name) is not None


_FIXTURE_REPEATS: Final = 6


def is_fixture(view: View) -> bool:
    """Whether a test uses the same value again and again."""
    return view.repeats >= _FIXTURE_REPEATS and view.place.kind == 0.0 and view.place.directories[0] > 0


def plausible(candidate: Candidate, value: bytes, place: Place, language: Language) -> bool:
    """Whether a candidate may be a credential at all.

    Args:
        candidate: the candidate.
        value: its value; the first 80 bytes decide.
        place: what the path says.
        language: what words are.
    """
    bare = is_bare(candidate, place)
    head = value[:80]
    if bare and _EXPRESSION.match(head):
        return False
    if not _DIGIT.search(head) and (is_language(head, language, bare=bare) or is_label(candidate.name, head)):
        return False
    if _NEVER.match(head) or _NO_VALUE.match(head) or excused(candidate.name, value, qualified=candidate.qualified):
        return False
    if candidate.link not in NAMELESS and (about(candidate.name) or is_of_form(candidate)):
        return False
    if is_sealed(candidate.call, head) or (candidate.quote and _JOINED.match(head)):
        return False
    return not (is_text(head) or is_index(candidate))
