"""The HTTP side: reads requests off a socket, writes answers, and fails in the ways that a test asks for."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Final

from pushwarden.errors import PushwardenError
from pushwarden.local.codecommit.errors import ConnectionResetFaultError, StallFaultError

_CHUNK_BYTES: Final = 1 << 16
_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


class BadRequestError(PushwardenError):
    """The request's framing is broken."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; a body of several parts is sent with chunked encoding while it is made."""

    status: int
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body has not been read yet."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Body


class Body:
    """A request's body: Content-Length or chunked, gzip or plain; read as a stream, never held as a whole."""

    def __init__(self, stream: BufferedIOBase, headers: Mapping[str, str]) -> None:
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        raw = _chunks(stream) if chunked else _counted(stream, _length(headers))
        zipped = headers.get("content-encoding", "") in {"gzip", "x-gzip"}
        self._parts = _unzipped(raw) if zipped else raw
        self._buffer = bytearray()

    def read(self, size: int, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end.

        Raises:
            BadRequestError: the framing or the compression is broken.
        """
        while len(self._buffer) < size:
            part = next(self._parts, None)
            if part is None:
                break
            self._buffer += part
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read_some(self) -> bytes:
        """Return what is at hand; empty at the end."""
        if not self._buffer:
            return next(self._parts, b"")
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def read_all(self, limit_bytes: int) -> bytes:
        """Return the whole body.

        Raises:
            BadRequestError: it is longer than ``limit_bytes``.
        """
        data = self.read(limit_bytes + 1)
        if len(data) > limit_bytes:
            raise BadRequestError(f"the request has more than {limit_bytes} bytes")
        return data

    def drain(self) -> None:
        """Read the rest: a client that is still sending does not see the answer otherwise."""
        self._buffer.clear()
        for _ in self._parts:
            pass


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    if not text.isascii() or not text.isdigit():
        raise BadRequestError(f"Content-Length must be a number, not {text!r}")
    return int(text)


def _counted(stream: BufferedIOBase, left: int) -> Iterator[bytes]:
    while left > 0:
        part = stream.read(min(left, _CHUNK_BYTES))
        if not part:
            raise BadRequestError("the connection ended inside the body")
        left -= len(part)
        yield part


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while True:
        line = stream.readline(1024).split(b";")[0].strip()
        try:
            size = int(line, 16)
        except ValueError:
            raise BadRequestError(f"{line!r} is no chunk size") from None
        if size == 0:
            while stream.readline(_CHUNK_BYTES).strip():
                pass
            return
        yield from _counted(stream, size)
        stream.readline(2)


def _unzipped(parts: Iterator[bytes]) -> Iterator[bytes]:
    unzip = zlib.decompressobj(_GZIP_WINDOW)
    try:
        for part in parts:
            data = unzip.decompress(part, _CHUNK_BYTES)
            while data:
                yield data
                data = unzip.decompress(unzip.unconsumed_tail, _CHUNK_BYTES)
    except zlib.error as error:
        raise BadRequestError(f"the body is not gzip: {error}") from error


class HttpServer(ThreadingHTTPServer):
    """A thread per connection; knows its connections, so that stopping ends them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service for this host's name, as the base class does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection."""
        with self._connections_lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._connections_lock:
            self._connections.discard(connection)

    def stop(self) -> None:
        """Stop listening and end every connection."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            _shut(connection)


class _Handler(BaseHTTPRequestHandler):
    """Turns one connection's requests into :class:`Request` and writes what the server's function answers."""

    protocol_version = "HTTP/1.1"
    wbufsize = _CHUNK_BYTES
    disable_nagle_algorithm = True
    server: HttpServer

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        try:
            super().finish()
        except OSError:  # the peer is gone; there is nobody left to tell
            self.close_connection = True

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing: headers hold credentials, and the request log is kept elsewhere."""

    def _respond(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            body = Body(self.rfile, headers := {name.lower(): value for name, value in self.headers.items()})
            request = Request(self.command, path, query, headers, body)
            response = self.server.answer(request)
            body.drain()
            self._send(response)
        except BadRequestError as error:
            self.close_connection = True
            self._send(Response(400, str(error).encode()))
        except StallFaultError as stall:
            self.close_connection = True
            self._stall(stall.hold_s)
        except ConnectionResetFaultError:
            self.close_connection = True
            self._reset()

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if isinstance(response.body, bytes):
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)
        else:
            self._send_parts(response.body)
        self.wfile.flush()

    def _send_parts(self, parts: Iterable[bytes]) -> None:
        chunked = self.request_version != "HTTP/1.0"
        self.close_connection = self.close_connection or not chunked
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            if part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _stall(self, hold_s: float) -> None:
        """Wait until the client gives up, the server stops or the time is over."""
        step_s = 0.05
        while hold_s > 0 and not self.server.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], step_s)
            if readable and not self.connection.recv(_CHUNK_BYTES):
                return
            hold_s -= step_s

    def _reset(self) -> None:
        """Close with RST: with a linger time of zero, what is unsent is thrown away (socket(7), SO_LINGER)."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.closed(self.connection)
        os.close(self.connection.detach())


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # it ended meanwhile
        return
