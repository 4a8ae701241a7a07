from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.aws.pktline import FLUSH, MAX_PAYLOAD_BYTES, PacketError, packet, packets


@given(st.lists(st.none() | st.binary(max_size=200)))
def test_packets_come_back_as_they_were_written(payloads: list[bytes | None]) -> None:
    stream = io.BytesIO(b"".join(FLUSH if each is None else packet(each) for each in payloads))

    assert list(packets(stream)) == payloads


@given(st.binary(max_size=300))
def test_any_bytes_are_packets_or_an_error(data: bytes) -> None:
    try:
        assert all(each is None or len(each) <= len(data) for each in packets(io.BytesIO(data)))
    except PacketError:
        assert data


@pytest.mark.parametrize("data", [b"00", b"0009abc", b"zzzzrest", b"0003", b"-001"])
def test_a_broken_stream_is_refused(data: bytes) -> None:
    with pytest.raises(PacketError):
        list(packets(io.BytesIO(data)))


def test_a_payload_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        packet(b"x" * (MAX_PAYLOAD_BYTES + 1))
