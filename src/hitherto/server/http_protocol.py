"""HTTP/1.1 on one connection: uvicorn's protocol with limits on what it has none for.

docs/decisions/0019-bounded-http-protocol.md says why. Refusals here are JSON like all others, where
HTTP still allows an answer; otherwise the connection is closed.
"""

import asyncio
import json
from enum import Enum, auto
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from hitherto.server.connections import MIN_SENT_BYTES, Connections

READ_BYTES = 16_384
"""Bytes read at once, and of a body before the application asks for it. So a connection whose key
is not checked yet holds at most twice as much; asyncio's own reads take up to 256 kB."""

BODY_READ_BYTES = 65_536
"""Bytes of a body read at once after the application has asked for it: fewer reads for large ones,
and still little for each connection that waits."""

MAX_HEAD_BYTES = 65_536
"""Largest request line with headers. The longest legal one, a filter of 4,000 values in a query,
has about half of it."""

MAX_HEADER_FIELDS = 100
"""Most header fields; browsers behind two proxies send about 40."""

MAX_FRAMING_BYTES = 131_072
"""Bytes of a message that are neither head nor body (sizes of chunks, trailers), in addition to 8
for each byte of the body: a chunk of one byte takes 5."""

MAX_FRAMING_PER_BODY_BYTE = 8

MAX_PIPELINED = 8
"""Requests that may wait on a connection for the one in work. Known clients send none ahead."""

INVALID = (400, "The request is not valid HTTP/1.1")
HEAD_TOO_LARGE = (
    431,
    f"The request line and headers may have at most {MAX_HEAD_BYTES} bytes "
    f"and {MAX_HEADER_FIELDS} fields",
)
HEAD_TOO_SLOW = (408, "The headers of the request did not arrive in time")
FRAMING_TOO_LARGE = (400, "The chunks or trailers of the body are too large")

Refusal = tuple[int, str]


class _RefusedError(Exception):
    """Ends parsing. The parser reports only that there was an error, not which."""


class _Part(Enum):
    """A part of a message that has begun and is not complete."""

    NONE = auto()
    HEAD = auto()
    BODY = auto()


class _Phase(Enum):
    """State of a connection, as far as time-outs are concerned."""

    HEAD = auto()
    """Waits for the head of a request."""
    BUSY = auto()
    """A request is in work."""
    DISCARDING = auto()
    """Answer sent; the rest of the request is dropped."""
    IDLE = auto()
    """Between two requests."""


class HttpProtocol(HttpToolsProtocol, asyncio.BufferedProtocol):
    """A connection with limits on heads, unread bodies, pipelining, silence and unread answers.

    `BufferedProtocol` lets the protocol choose the size of a read. The buffer is shared by all
    connections: what is read is parsed before the next read.
    """

    _buffer = memoryview(bytearray(BODY_READ_BYTES))

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        registry: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.is_surplus = False
        self._registry = registry
        self._limits = registry.limits
        self._clock = registry.clock
        self._has_requests = False
        self._part = _Part.NONE
        self._phase = _Phase.HEAD
        self._phase_began_s = 0.0
        self._refusal: Refusal = INVALID
        self._is_refused = False
        self._has_paused = False
        self._framing_bytes = 0
        self._body_bytes = 0
        self._unsent_bytes = 0
        self._sent_at_s = 0.0

    # Connection

    @property
    def host(self) -> str:
        """Address of the peer; empty where it has none."""
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a new connection."""
        super().connection_made(transport)  # type: ignore[arg-type]  # so in uvicorn
        self._phase_began_s = self._sent_at_s = self._clock()
        self._registry.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection; requests in work learn that their client has left."""
        self._registry.remove(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def has_unsent_data(self) -> bool:
        """Return whether a part of an answer is still to be sent."""
        return self.transport.get_write_buffer_size() > 0

    # Reading

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the memory for the next read."""
        # After a pause within a body, reading goes on when the application asks for more.
        return self._buffer if self._has_paused else self._buffer[:READ_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self.data_received(self._buffer[:nbytes])  # type: ignore[arg-type]  # any buffer will do

    def data_received(self, data: bytes) -> None:
        """Parse what was read, and refuse messages with too much around their bodies."""
        if self._is_refused or self.parser is None:
            return
        body_bytes = self._body_bytes
        super().data_received(data)
        if self._part is _Part.NONE or self._is_refused:
            return
        self._framing_bytes += len(data) - max(0, self._body_bytes - body_bytes)
        if self._part is _Part.HEAD:
            if self._framing_bytes > MAX_HEAD_BYTES:
                self._refuse(HEAD_TOO_LARGE)
        elif self._framing_bytes > (
            MAX_FRAMING_BYTES + MAX_FRAMING_PER_BODY_BYTE * self._body_bytes
        ):
            self._refuse(FRAMING_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin with a request."""
        super().on_message_begin()
        if self.is_surplus:
            self.scope["state"]["is_surplus"] = True
        self._part = _Part.HEAD
        self._framing_bytes = 0
        self._body_bytes = 0
        self._has_paused = False
        self._update_phase()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; drop a trailer, because the application has read the headers by then."""
        if self._part is not _Part.HEAD:
            return
        if len(self.headers) >= MAX_HEADER_FIELDS:
            raise self._refuse_with(HEAD_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start work on the request."""
        # What came in one read need not be counted.
        if self._framing_bytes > MAX_HEAD_BYTES - READ_BYTES and self._head_bytes > MAX_HEAD_BYTES:
            raise self._refuse_with(HEAD_TOO_LARGE)
        if len(self.pipeline) >= MAX_PIPELINED:
            raise self._refuse_with(INVALID)
        self._part = _Part.BODY
        super().on_headers_complete()
        self._has_requests = True
        self._registry.mark_busy(self)
        self._update_phase()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body for the application, and pause reading until it asks."""
        self._body_bytes += len(body)
        super().on_body(body)
        if len(self.cycle.body) >= READ_BYTES and not self.cycle.response_complete:
            self.flow.pause_reading()
            self._has_paused = True

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self._part = _Part.NONE
        super().on_message_complete()
        self._update_phase()

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        super().on_response_complete()
        self._update_phase()

    @property
    def _head_bytes(self) -> int:
        # Of each header: a colon, a space and the end of the line.
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    # Time-outs

    def check_timeouts(self, now_s: float) -> None:
        """Close the connection if one of its time-outs is over."""
        if self._has_stalled(now_s):
            self.abort()
            return
        if self.transport.is_closing():
            return
        phase_s = now_s - self._phase_began_s
        if self._phase is _Phase.HEAD and phase_s > self._limits.head_timeout_s:
            if self._part is _Part.HEAD:
                self._refuse(HEAD_TOO_SLOW)
            else:
                self.transport.close()
        elif self._phase is _Phase.DISCARDING and phase_s > self._limits.discard_s:
            self.abort()
        elif self._phase is _Phase.IDLE and phase_s > self._limits.keep_alive_s:
            self.transport.close()

    def resume_writing(self) -> None:
        """Go on sending: the client has read the most of what was written."""
        self._sent_at_s = self._clock()
        super().resume_writing()

    def _has_stalled(self, now_s: float) -> bool:
        """Return whether the client has read too little of its answer for too long."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes == 0 or unsent_bytes <= self._unsent_bytes - MIN_SENT_BYTES:
            self._sent_at_s = now_s
            self._unsent_bytes = unsent_bytes
        else:
            self._unsent_bytes = max(self._unsent_bytes, unsent_bytes)
        return now_s - self._sent_at_s > self._limits.send_timeout_s

    def _update_phase(self) -> None:
        if self._is_refused:
            phase = _Phase.DISCARDING
        elif self._has_requests and not self.cycle.response_complete:
            phase = _Phase.BUSY
        elif self._part is _Part.BODY:
            phase = _Phase.DISCARDING
        elif self._part is _Part.HEAD or not self._has_requests:
            phase = _Phase.HEAD
        else:
            phase = _Phase.IDLE
        if phase is self._phase:
            return
        self._phase = phase
        self._phase_began_s = self._clock()
        if phase is _Phase.IDLE:
            self._registry.mark_idle(self)

    # Refusals

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that could not be parsed; uvicorn calls this for all of them."""
        self._refuse(self._refusal)

    def _refuse_with(self, refusal: Refusal) -> _RefusedError:
        """Return the error that ends parsing with this refusal."""
        self._refusal = refusal
        return _RefusedError(refusal[1])

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and read no further requests; close where another answer has begun."""
        has_request = self._has_requests and not self.cycle.response_complete
        can_answer = not has_request or not (self.cycle.response_started or self.pipeline)
        self._is_refused = True
        if has_request:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not can_answer or self.transport.is_closing():
            self.abort()
            return
        self.transport.write(_refusal_answer(refusal, self.server_state.default_headers))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._update_phase()


def _refusal_answer(refusal: Refusal, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    status, detail = refusal
    body = json.dumps({"detail": detail}).encode("ascii")
    headers = [
        *default_headers,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"connection", b"close"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    lines = [name + b": " + value + b"\r\n" for name, value in headers]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])
