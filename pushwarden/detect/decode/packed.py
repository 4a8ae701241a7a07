"""Tell what is packed by its first bytes, without the modules that unpack: most content is none of it."""

from __future__ import annotations

from typing import Final

ZIP: Final = b"PK\x03\x04"
ZIP_END: Final = b"PK\x05\x06"
ZIP_END_BYTES: Final = 22
"""The least that a zip archive's last record takes."""
GZIP: Final = b"\x1f\x8b\x08"
BZIP2: Final = tuple(b"BZh%d1AY&SY" % level for level in range(1, 10))
XZ: Final = b"\xfd7zXZ\x00"
ZLIB: Final = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))
PNG: Final = b"\x89PNG\r\n\x1a\n"
PDF: Final = b"%PDF-"
UNKNOWN: Final = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""What cannot be unpacked here."""
_TAR_MAGIC: Final = slice(257, 262)
_ZIP_END: Final = slice(-ZIP_END_BYTES, -ZIP_END_BYTES + len(ZIP_END))
_MAGICS: Final = (ZIP, ZIP_END, GZIP, *BZIP2, XZ, *ZLIB, PNG, PDF, *UNKNOWN)
_FIRST_BYTES: Final = frozenset(magic[:1] for magic in _MAGICS)
"""Most content begins with none of them."""


def is_packed(data: bytes) -> bool:
    """Tell whether ``data`` begins, or ends, like something that can be unpacked (or that would have to be)."""
    return (data[:1] in _FIRST_BYTES and data.startswith(_MAGICS)) or is_tar(data) or ends_as_zip(data)


def is_tar(data: bytes) -> bool:
    """Tell whether ``data`` begins like a tar archive."""
    return data[_TAR_MAGIC] == b"ustar"


def ends_as_zip(data: bytes) -> bool:
    """Tell whether ``data`` ends like a zip archive, which may have been appended to something else."""
    return data[_ZIP_END] == ZIP_END
