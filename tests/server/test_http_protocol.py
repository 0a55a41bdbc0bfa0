"""The HTTP protocol on real connections: what it refuses, and for how long it waits."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hitherto.server.addresses import TrustedProxies
from hitherto.server.connections import ConnectionLimits, Connections
from hitherto.server.http_protocol import (
    MAX_HEAD_BYTES,
    MAX_PIPELINED,
    READ_BYTES,
    HttpProtocol,
)
from hitherto.server.http_server import HttpServer

LIMITS = ConnectionLimits(total=20, per_address=20, check_interval_s=3600)
GET = b"GET /echo HTTP/1.1\r\nHost: x\r\n"


class Application:
    """Answers as its paths say. `/echo` reads the body; `/wait` and `/late` wait for `go_on`."""

    def __init__(self) -> None:
        self.began = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()
        self.requests: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append(scope)
        self.began.release()
        body = b""
        match scope["path"]:
            case "/wait":
                await self.go_on.wait()
            case "/large":
                body = b"x" * 30_000_000
            case "/late":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"begun", "more_body": True})
                await self.go_on.wait()
        if scope["path"] != "/early":
            is_last = False
            while not is_last:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                body += message["body"]
                is_last = not message["more_body"]
        if scope["path"] != "/late":
            length = (b"content-length", str(len(body)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


class Served:
    """A server with this application on a free port of this machine, with a clock of its own."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.now_s = 0.0
        self.app = Application()
        self.connections = Connections(limits, TrustedProxies([]), lambda: self.now_s)
        config = uvicorn.Config(self.app, ws="none", lifespan="off", log_config=None)
        self.server = HttpServer(config, self.connections, self._stop_work)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[Client] = []

    async def _stop_work(self) -> None:
        """There is no background work."""

    async def run(self) -> None:
        await self.server.serve(sockets=[self._listener])

    async def open(self, sent: bytes = b"", receive_bytes: int | None = None) -> "Client":
        client = socket.socket()
        if receive_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, self._listener.getsockname())
        opened = Client(*await asyncio.open_connection(sock=client, limit=2**26))
        self._clients.append(opened)
        opened.send(sent)
        return opened

    async def close_clients(self) -> None:
        for client in self._clients:
            client.writer.transport.abort()
        waiting = (client.writer.wait_closed() for client in self._clients)
        await asyncio.gather(*waiting, return_exceptions=True)

    def pass_time(self, seconds: float) -> None:
        """Let time pass and check all time-outs."""
        self.now_s += seconds
        self.connections.check_timeouts()

    @property
    def protocols(self) -> list[Any]:
        return list(self.server.server_state.connections)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not is_so():  # noqa: ASYNC110  what is waited for tells nobody
                await asyncio.sleep(0.001)


class Client:
    """A connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, Any]:
        """Status and content of the next answer."""
        async with asyncio.timeout(20):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            status = int(lines[0].split()[1])
            length = next(line for line in lines if line.startswith(b"content-length:"))
            content = await self.reader.readexactly(int(length.split()[1]))
        is_json = b"content-type: application/json" in lines
        return status, json.loads(content) if is_json else content

    async def rest(self) -> bytes:
        """What still comes until the server closes the connection."""
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
        return b""


@pytest.fixture
def limits() -> ConnectionLimits:
    return LIMITS


@pytest.fixture
async def served(limits: ConnectionLimits) -> AsyncIterator[Served]:
    running = Served(limits)
    task = asyncio.create_task(running.run())
    await running.until(lambda: running.server.started)
    yield running
    running.app.go_on.set()
    for protocol in running.protocols:
        protocol.transport.abort()
    running.server.should_exit = True
    await task
    await running.close_clients()


def test_uvicorn_still_has_what_the_protocol_builds_upon() -> None:
    overridden = {name for name in vars(HttpProtocol) if name in vars(HttpToolsProtocol)}
    assert overridden >= {
        "connection_made",
        "connection_lost",
        "data_received",
        "on_message_begin",
        "on_header",
        "on_headers_complete",
        "on_body",
        "on_message_complete",
        "on_response_complete",
        "resume_writing",
        "send_400_response",
    }


def head_of(size: int) -> bytes:
    """A request's line and headers with so many bytes, in fields of 1,000 bytes and a last one."""
    head = b"GET /echo HTTP/1.1\r\n"
    number = 0
    while size - len(head) > 1_100:
        name = b"x-%03d: " % number
        head += name + b"v" * (998 - len(name)) + b"\r\n"
        number += 1
    return head + b"y: " + b"v" * (size - len(head) - 7) + b"\r\n\r\n"


async def test_a_head_up_to_the_limit_is_served_and_a_longer_one_is_431(served: Served) -> None:
    client = await served.open(head_of(MAX_HEAD_BYTES))
    assert await client.answer() == (200, b"")
    client = await served.open(head_of(MAX_HEAD_BYTES + 200))
    status, content = await client.answer()
    assert status == 431
    assert content == {
        "detail": "The request line and headers may have at most 65536 bytes and 100 fields"
    }
    client.writer.write_eof()
    assert await client.rest() == b""
    assert len(served.app.requests) == 1


async def test_a_hundred_fields_are_served_and_one_more_is_431(served: Served) -> None:
    fields = b"".join(b"x-%d: 1\r\n" % number for number in range(99))
    client = await served.open(GET + fields + b"\r\n")
    assert await client.answer() == (200, b"")
    client = await served.open(GET + fields + b"x-99: 1\r\n\r\n")
    assert (await client.answer())[0] == 431


@pytest.mark.parametrize("begin", [b"GET /", GET + b"x: ", GET + b"x"])
async def test_an_endless_head_is_cut_off(served: Served, begin: bytes) -> None:
    client = await served.open(begin)
    with contextlib.suppress(ConnectionError):
        for _ in range(100):
            client.send(b"a" * 65_536)
            await client.writer.drain()
    assert (await client.answer())[0] == 431
    served.pass_time(4)
    assert served.protocols
    served.pass_time(2)
    await served.until(lambda: not served.protocols)


async def test_a_head_that_does_not_arrive_in_time_is_408(served: Served) -> None:
    half, silent = await served.open(GET + b"x-"), await served.open()
    await served.until(lambda: len(served.protocols) == 2)
    await asyncio.sleep(0.05)
    served.pass_time(9)
    assert len(served.protocols) == 2
    served.pass_time(2)
    assert await half.answer() == (
        408,
        {"detail": "The headers of the request did not arrive in time"},
    )
    assert await silent.rest() == b""


async def test_the_second_request_of_a_connection_has_as_much_time(served: Served) -> None:
    client = await served.open(GET + b"\r\n")
    await client.answer()
    served.pass_time(60)
    client.send(GET)
    await served.until(lambda: served.protocols[0]._part.name == "HEAD")
    served.pass_time(9)
    client.send(b"\r\n")
    assert (await client.answer())[0] == 200
    client.send(GET)
    await served.until(lambda: served.protocols[0]._part.name == "HEAD")
    served.pass_time(11)
    assert (await client.answer())[0] == 408


async def test_an_idle_connection_is_closed_and_empty_lines_do_not_keep_it(served: Served) -> None:
    idle, blank = await served.open(GET + b"\r\n"), await served.open(GET + b"\r\n")
    assert [(await idle.answer())[0], (await blank.answer())[0]] == [200, 200]
    for _ in range(7):
        blank.send(b"\r\n")
        await asyncio.sleep(0.01)
        served.pass_time(10)
    assert len(served.protocols) == 2
    served.pass_time(10)
    assert await idle.rest() == b""
    assert await blank.rest() == b""


async def test_of_a_body_little_is_read_before_the_application_asks(served: Served) -> None:
    size = 3_000_000
    client = await served.open(
        b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    )
    client.send(b"x" * size)
    await served.app.began.acquire()
    await asyncio.sleep(0.1)
    (protocol,) = served.protocols
    assert READ_BYTES <= len(protocol.cycle.body) <= 2 * READ_BYTES
    served.app.go_on.set()
    status, body = await client.answer()
    assert (status, len(body)) == (200, size)


async def test_after_an_early_answer_the_rest_of_the_body_is_dropped(served: Served) -> None:
    early = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
    client = await served.open(early)
    assert (await client.answer())[0] == 200
    client.send(b"x" * 300_000 + GET + b"\r\n")
    assert (await client.answer())[0] == 200
    client.send(early + b"xx")
    assert (await client.answer())[0] == 200
    served.pass_time(4)
    client.send(b"xx")
    await asyncio.sleep(0.01)
    served.pass_time(2)
    assert await client.rest() == b""


CHUNKED = b"POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_trailers_do_not_become_headers(served: Served) -> None:
    served.app.go_on.set()
    client = await served.open(CHUNKED + b"2\r\n{}\r\n0\r\nX-Recallr-Api-Key: k\r\n\r\n")
    assert await client.answer() == (200, b"{}")
    names = [name for name, _ in served.app.requests[0]["headers"]]
    assert names == [b"host", b"transfer-encoding"]


async def test_small_chunks_are_read(served: Served) -> None:
    served.app.go_on.set()
    client = await served.open(CHUNKED + b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n")
    assert await client.answer() == (200, b"x" * 40_000)


@pytest.mark.parametrize("endless", [b"0\r\nx: ", b"1;", b"0\r\n"])
async def test_endless_trailers_and_extensions_are_cut_off(served: Served, endless: bytes) -> None:
    client = await served.open(CHUNKED + endless)
    await served.app.began.acquire()
    (protocol,) = served.protocols
    more = b"x: 1\r\n" * 10_000 if endless == b"0\r\n" else b"a" * 60_000
    with contextlib.suppress(ConnectionError):
        for _ in range(20):
            client.send(more)
            await client.writer.drain()
    assert (await client.answer())[0] == 400
    assert len(protocol.headers) == 2


async def test_what_is_no_http_is_400_in_json(served: Served) -> None:
    for sent in (b"hello\r\n\r\n", b"GET http://[ HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00"):
        client = await served.open(sent)
        assert await client.answer() == (400, {"detail": "The request is not valid HTTP/1.1"})
        client.writer.write_eof()
        assert await client.rest() == b""


async def test_a_refusal_ends_a_request_in_work_and_gives_no_second_answer(
    served: Served,
) -> None:
    client = await served.open(CHUNKED + b"no number\r\n")
    assert (await client.answer())[0] == 400
    served.app.go_on.set()
    client.writer.write_eof()
    assert await client.rest() == b""
    late = await served.open(CHUNKED.replace(b"/wait", b"/late"))
    assert await late.reader.readuntil(b"begun\r\n")
    late.send(b"no number\r\n")
    assert await late.rest() == b""


async def test_a_few_requests_may_be_sent_ahead(served: Served) -> None:
    served.app.go_on.set()
    client = await served.open((GET + b"\r\n") * (1 + MAX_PIPELINED))
    for _ in range(1 + MAX_PIPELINED):
        assert (await client.answer())[0] == 200


async def test_a_connection_that_sends_more_ahead_is_closed(served: Served) -> None:
    client = await served.open(b"GET /wait HTTP/1.1\r\n\r\n" + (GET + b"\r\n") * 9000)
    assert await client.rest() == b""
    assert len(served.app.requests) == 1


async def test_an_answer_that_is_not_read_is_given_up(served: Served) -> None:
    client = await served.open(b"GET /large HTTP/1.1\r\n\r\n", receive_bytes=4096)
    await served.until(lambda: any(one.has_unsent_data() for one in served.protocols))
    served.pass_time(0)
    served.pass_time(19)
    assert served.protocols
    # A client that reads, if slowly, is served on.
    unsent = served.protocols[0].transport.get_write_buffer_size()
    while served.protocols[0].transport.get_write_buffer_size() > unsent - 200_000:
        await client.reader.read(65_536)
    served.pass_time(2)
    served.pass_time(19)
    assert served.protocols
    client.writer.transport.pause_reading()
    served.pass_time(2)
    await served.until(lambda: not served.protocols)


@pytest.mark.parametrize(
    "limits", [ConnectionLimits(total=2, per_address=9, check_interval_s=3600)]
)
async def test_where_all_connections_are_busy_the_next_one_says_so_to_the_application(
    served: Served,
) -> None:
    busy = [await served.open(b"GET /wait HTTP/1.1\r\n\r\n") for _ in range(2)]
    for _ in busy:
        await served.app.began.acquire()
    further = await served.open(GET + b"\r\n")
    assert (await further.answer())[0] == 200
    assert [scope["state"] for scope in served.app.requests] == [{}, {}, {"is_surplus": True}]
    served.app.go_on.set()
    assert [(await client.answer())[0] for client in busy] == [200, 200]


@pytest.mark.parametrize(
    "limits", [ConnectionLimits(total=3, per_address=9, check_interval_s=3600)]
)
async def test_many_silent_connections_leave_room_for_one_that_asks(served: Served) -> None:
    for _ in range(200):
        await served.open(b"GET /")
    client = await served.open(GET + b"\r\n")
    assert (await client.answer())[0] == 200
    assert len(served.protocols) <= 3
