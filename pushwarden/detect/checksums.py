"""Checksums that providers build into their tokens: a token that fails its checksum was never issued."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pushwarden.detect.keyforms import is_key_body, is_putty_body, is_rsa_exponent

BASE62: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CRC_DIGITS: Final = 6
_HEX_DIGITS: Final = 8


def base62(number: int, digits: int = _CRC_DIGITS) -> bytes:
    """Return ``number`` in base 62 (digits, upper case, lower case), padded with zeros to ``digits``."""
    out = bytearray()
    while number:
        number, rest = divmod(number, 62)
        out.append(BASE62[rest])
    return bytes(out[::-1]).rjust(digits, b"0")


def crc32_base62(token: bytes) -> bool:
    """Check a token that ends in the CRC-32 of its random part, in base 62 with six digits, after a ``prefix_``.

    GitHub tells about its tokens: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    """
    body = token[token.rfind(b"_") + 1 :]
    return len(body) > _CRC_DIGITS and base62(zlib.crc32(body[:-_CRC_DIGITS])) == body[-_CRC_DIGITS:]


def crc32_little_hex(token: bytes) -> bool:
    """Check a token that ends in ``_`` and the CRC-32 of all before, as hex digits of its four bytes, lowest first.

    Grafana rejects any other: https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/tokengen.go
    """
    body, _, check = token.rpartition(b"_")
    return zlib.crc32(body).to_bytes(4, "little").hex().encode() == check


def crc32_hex(token: bytes) -> bool:
    """Check a token that ends in the CRC-32 of all before, as eight hex digits.

    Private Packagist tells how: https://packagist.com/docs/composer-authentication
    """
    return b"%08x" % zlib.crc32(token[:-_HEX_DIGITS]) == token[-_HEX_DIGITS:]


VERIFIERS: Final[Mapping[str, Callable[[bytes], bool]]] = MappingProxyType(
    {
        "github": crc32_base62,
        "grafana": crc32_little_hex,
        "npm": crc32_base62,
        "packagist": crc32_hex,
        "private-key": is_key_body,
        "putty-key": is_putty_body,
        "rsa-exponent": is_rsa_exponent,
    }
)
"""What a rule's ``checksum`` may name."""
