"""Is the body of a private key built like one? Made-up, cut and masked keys are not.

DER: ITU-T X.690, section 8.1; what stands in it: https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2 (RSA),
https://www.rfc-editor.org/rfc/rfc5958 (PKCS #8), https://www.rfc-editor.org/rfc/rfc5915 (EC).
OpenSSH: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key.
PuTTY: https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

_FRAME: Final = re.compile(rb"-{4,5} ?BEGIN [^\-]{0,60}-{4,5}|-{4,5} ?END .*\Z", re.DOTALL)
_HEADER: Final = re.compile(rb"(?m)^[ \t]*[A-Za-z][A-Za-z0-9\-]{1,40}:[^\r\n]*$")
_BETWEEN: Final = re.compile(rb"""\\[nrt]|["'`]\s*(?:[+.&]|\.\.|<<)\s*["'`]|[^A-Za-z0-9+/=_\-]""")
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_OPENSSH: Final = b"openssh-key-v1\0"
_SEQUENCE: Final = 0x30
_VERSION: Final = (b"\x02\x01\x00", b"\x02\x01\x01", b"\x02\x01\x03")
_LONG_FORM: Final = 0x80
_PREFIX: Final = 4
_OPENSSH_STRINGS: Final = 3
"""Cipher, key derivation and its options."""
_MOST_KEYS: Final = 16
_LEAST_PRIVATE: Final = 64
"""Bytes of the smallest private part: two check numbers and an Ed25519 key."""
_WORD: Final = 16
"""An RSA exponent is as long as its modulus: a multiple of this many bytes, but for leading zeros."""
_LEAST_NUMBER: Final = 63


def is_key_body(secret: bytes) -> bool:
    """Tell whether ``secret``, a framed or bare private key in base64, is DER to the last byte, or in OpenSSH's format."""
    body = _body(secret)
    return _is_der(body) or _is_openssh(body)


def is_putty_body(secret: bytes) -> bool:
    """Tell whether ``secret``, the private lines of a PuTTY key, holds whole numbers or strings and nothing else."""
    body = _body(secret)
    count = at = 0
    while at + _PREFIX <= len(body):
        at, count = _behind_string(body, at), count + 1
    return count > 0 and at == len(body)


def is_rsa_exponent(secret: bytes) -> bool:
    """Tell whether ``secret`` in base64 is as long as a private exponent."""
    size = len(_body(secret))
    return size >= _LEAST_NUMBER and size % _WORD in {0, _WORD - 1}


def _body(secret: bytes) -> bytes:
    """Return the decoded bytes; nothing where the text is no base64."""
    text = _HEADER.sub(b"", _FRAME.sub(b"", secret).replace(b"\\n", b"\n").replace(b"\\r", b""))
    letters = _BETWEEN.sub(b"", text).translate(_URL_SAFE).rstrip(b"=")
    try:
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:
        return b""


def _is_der(body: bytes) -> bool:
    """A SEQUENCE whose length is that of the body, and which begins with the version of a key."""
    if len(body) < _PREFIX or body[0] != _SEQUENCE:
        return False
    length, at = body[1], 2
    if length >= _LONG_FORM:
        at += length - _LONG_FORM
        length = int.from_bytes(body[2:at], "big")
    return at + length == len(body) and body[at : at + 3] in _VERSION


def _is_openssh(body: bytes) -> bool:
    """The magic, three strings, the number of keys, and the public part whole, with something behind it."""
    if not body.startswith(_OPENSSH):
        return False
    at = len(_OPENSSH)
    for _ in range(_OPENSSH_STRINGS):
        at = _behind_string(body, at)
    keys = int.from_bytes(body[at : at + _PREFIX], "big")
    end = _behind_string(body, at + _PREFIX)
    return 0 < keys < _MOST_KEYS and end + _LEAST_PRIVATE <= len(body)


def _behind_string(body: bytes, at: int) -> int:
    """Return where the string at ``at`` ends: four bytes of length and so many bytes (RFC 4251, section 5)."""
    return at + _PREFIX + int.from_bytes(body[at : at + _PREFIX], "big")
