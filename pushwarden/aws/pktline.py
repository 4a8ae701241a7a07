"""Git's packet lines: four hex digits of length, then the payload; ``0000`` is a flush.

Format: https://git-scm.com/docs/protocol-common#_pkt_line_format
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from pushwarden.errors import PushwardenError

FLUSH: Final = b"0000"
MAX_PAYLOAD_BYTES: Final = 65516
_HEADER_BYTES: Final = 4


class Readable(Protocol):
    """What packets are read from: a response body or a file."""

    def read(self, amt: int, /) -> bytes:
        """Return up to ``amt`` bytes; fewer than that only at the end."""


class PacketError(PushwardenError):
    """The other side's bytes are not packet lines, or they stop in the middle of one."""


def packet(payload: bytes) -> bytes:
    """Return ``payload`` as one packet line.

    Raises:
        ValueError: the payload is longer than a packet can be.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        msg = f"a packet holds at most {MAX_PAYLOAD_BYTES} bytes, not {len(payload)}"
        raise ValueError(msg)
    return b"%04x%s" % (len(payload) + _HEADER_BYTES, payload)


def packets(stream: Readable) -> Iterator[bytes | None]:
    """Yield each packet's payload until the stream ends; None stands for a flush.

    Raises:
        PacketError: the stream breaks the format or stops in the middle of a packet.
    """
    while header := _exactly(stream, _HEADER_BYTES, may_end=True):
        try:
            length = int(header, 16)
        except ValueError:
            raise PacketError("the git server sent something that is not a packet line; try again later") from None
        if length == 0:
            yield None
        elif length < _HEADER_BYTES:
            raise PacketError(f"the git server sent a packet of impossible length {length}; try again later")
        else:
            yield _exactly(stream, length - _HEADER_BYTES)


def _exactly(stream: Readable, count: int, *, may_end: bool = False) -> bytes:
    data = b""
    while len(data) < count:
        chunk = stream.read(count - len(data))
        if not chunk:
            if may_end and not data:
                return b""
            raise PacketError("the git server's answer was cut off; try again")
        data += chunk
    return data
