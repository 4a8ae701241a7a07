"""Git's pkt-line framing (https://git-scm.com/docs/protocol-common#_pkt_line_format)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from pushwarden.errors import PushwardenError

FLUSH: Final = b"0000"
MAX_PAYLOAD_BYTES: Final = 65516
LENGTH_DIGITS: Final = 4
SIDE_BAND_PAYLOAD_BYTES: Final = 65515
"""Payload of one packet under ``side-band-64k``: one byte names the channel."""


class PktLineError(PushwardenError):
    """The bytes are not pkt-lines."""


class Readable(Protocol):
    """Anything that gives up to ``size`` bytes; fewer only at the end."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes."""
        ...


def encode(payload: bytes) -> bytes:
    """Frame one payload.

    Raises:
        PktLineError: it is longer than a packet may be.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PktLineError(f"a pkt-line holds at most {MAX_PAYLOAD_BYTES} bytes, not {len(payload)}")
    return b"%04x%s" % (len(payload) + LENGTH_DIGITS, payload)


def read(stream: Readable) -> bytes | None:
    """Return the next payload, or None for a flush packet.

    Raises:
        PktLineError: the stream ends inside a packet or the length is no number.
        EOFError: the stream ends before a packet.
    """
    head = stream.read(LENGTH_DIGITS)
    if not head:
        raise EOFError
    try:
        length = int(head, 16)
    except ValueError as error:
        raise PktLineError(f"expected a pkt-line length, got {head!r}") from error
    if length == 0:
        return None
    if len(head) < LENGTH_DIGITS or length < LENGTH_DIGITS:
        raise PktLineError(f"{head!r} is no pkt-line length")
    payload = stream.read(length - LENGTH_DIGITS)
    if len(payload) < length - LENGTH_DIGITS:
        raise PktLineError("the stream ends inside a pkt-line")
    return payload


def read_until_flush(stream: Readable) -> Iterator[bytes]:
    """Yield payloads up to the next flush packet.

    Raises:
        PktLineError: the framing is broken.
        EOFError: the stream ends without a flush packet.
    """
    while (payload := read(stream)) is not None:
        yield payload


def side_band(channel: int, data: bytes) -> bytes:
    """Wrap ``data`` into packets of one side-band-64k channel (1 data, 2 progress, 3 error)."""
    step = SIDE_BAND_PAYLOAD_BYTES
    return b"".join(encode(bytes([channel]) + data[at : at + step]) for at in range(0, len(data), step))
