"""A context that arrives event by event: over a scripted connection and over a real one."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from tests.client.scripted import Scripted, answer, session_answer, user_answer

from hitherto import AsyncHitherto, Hitherto, RecallStrategy
from hitherto.api import ContextRequest
from hitherto.client.http_api import HttpApi
from hitherto.errors import (
    ClosedError,
    ConnectionError,
    SessionNotFoundError,
    TimeoutError,
    ValidationError,
)
from hitherto.models import ContextResponse

SAID = "line\u2028paragraph\u0085next ä😀 \u000b\u001c end"


def event(**fields: Any) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


LOOKING = event(is_final=False, status_update_message="looking")
FINAL = event(is_final=True, context=SAID, metadata={"recall_strategy_used": "agentic"})


class Pieces(httpx.AsyncByteStream):
    """The body of an answer in pieces; an error among them is raised in its turn."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces
        self.given = 0
        self.closed = False
        self.endless = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.given += 1
            if isinstance(piece, Exception):
                raise piece
            yield piece
        if self.endless:
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


def streaming(*pieces: bytes | Exception) -> tuple[Scripted, Pieces]:
    body = Pieces(*pieces)
    headers = {"Content-Type": "text/event-stream"}
    return Scripted(httpx.Response(200, headers=headers, stream=body)), body


async def events_of(api: HttpApi) -> list[ContextResponse]:
    request = ContextRequest(RecallStrategy.AGENTIC)
    return [event async for event in api.get_context_stream("alice", "s-1", request)]


async def test_events_come_in_order_and_the_last_one_has_the_context() -> None:
    server, body = streaming(LOOKING, FINAL)
    first, last = await events_of(server.api)
    assert (first.is_final, first.status_update_message) == (False, "looking")
    assert (last.is_final, last.context) == (True, SAID)
    assert last.metadata is not None
    assert last.metadata.recall_strategy_used is RecallStrategy.AGENTIC
    assert server.request.headers["Accept"] == "text/event-stream"
    assert server.request.url.params["stream"] == "true"
    assert server.request.url.params["recall_strategy"] == "agentic"
    assert body.closed


async def test_only_a_line_feed_ends_a_line() -> None:
    raw = json.dumps({"is_final": True, "context": SAID}, ensure_ascii=False)
    server, _ = streaming(f"data: {raw}\r\n\r\n".encode())
    (last,) = await events_of(server.api)
    assert last.context == SAID


async def test_events_may_be_cut_anywhere() -> None:
    raw = LOOKING + f"data: {json.dumps({'is_final': True, 'context': 'ä😀'})}\n\n".encode()
    server, _ = streaming(*(raw[n : n + 1] for n in range(len(raw))))
    assert [event.is_final for event in await events_of(server.api)] == [False, True]


async def test_comments_and_other_fields_are_passed_over() -> None:
    server, _ = streaming(b": ping\n\nevent: context\nid: 7\nretry: 5\n", FINAL)
    assert len(await events_of(server.api)) == 1


@pytest.mark.parametrize("rest", [b": ping\n\n", LOOKING, httpx.ReadError("reset")], ids=repr)
async def test_what_comes_after_the_last_event_is_of_no_interest(rest: Any) -> None:
    server, body = streaming(FINAL, rest)
    assert len(await events_of(server.api)) == 1
    assert body.closed


async def test_a_stream_that_does_not_end_after_its_last_event_is_left() -> None:
    server, body = streaming(FINAL)
    body.endless = True
    assert len(await events_of(server.api)) == 1
    assert body.closed


async def test_a_failure_of_the_server_halfway_is_an_event() -> None:
    server, _ = streaming(LOOKING, event(is_final=True, error_message="it broke"))
    *_, last = await events_of(server.api)
    assert (last.context, last.error_message) == (None, "it broke")


@pytest.mark.parametrize(
    "pieces", [(), (LOOKING,), (LOOKING, FINAL.strip())], ids=["empty", "no last", "cut off"]
)
async def test_a_stream_without_its_last_event_is_a_connection_error(pieces: Any) -> None:
    server, body = streaming(*pieces)
    with pytest.raises(ConnectionError, match="before its last event"):
        await events_of(server.api)
    assert body.closed


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.RemoteProtocolError("peer closed connection"), ConnectionError),
        (httpx.ReadTimeout("idle"), TimeoutError),
    ],
)
async def test_a_connection_that_fails_halfway_is_told(failure: Any, kind: type[Exception]) -> None:
    server, body = streaming(LOOKING, failure)
    stream = server.api.get_context_stream("alice", "s-1", ContextRequest())
    assert not (await anext(stream)).is_final
    with pytest.raises(kind):
        await anext(stream)
    assert body.closed
    assert len(server.requests) == 1


async def test_an_event_that_is_not_of_the_contract_is_a_connection_error() -> None:
    server, _ = streaming(b"data: [DONE]\n\n")
    with pytest.raises(ConnectionError, match="not an answer of Hitherto"):
        await events_of(server.api)


async def test_a_refusal_comes_before_the_first_event() -> None:
    faults = [{"loc": ["query", "min_top_k"], "msg": "too small", "type": "x"}]
    with pytest.raises(ValidationError, match="min_top_k: too small"):
        await events_of(Scripted(answer(422, {"detail": faults})).api)
    with pytest.raises(SessionNotFoundError):
        await events_of(Scripted(answer(404, {"detail": "Session s-1 not found"})).api)


async def test_a_stream_is_opened_again_while_nothing_of_it_came() -> None:
    server, _ = streaming(FINAL)
    busy = Scripted(answer(503, {"detail": "busy"}), httpx.ConnectError(""), server._answers[0])
    assert len(await events_of(busy.api)) == 1
    assert len(busy.requests) == 3


async def test_closing_a_stream_early_closes_the_connection() -> None:
    server, body = streaming(LOOKING, LOOKING, FINAL)
    stream = server.api.get_context_stream("alice", "s-1", ContextRequest())
    await anext(stream)
    await stream.aclose()
    assert body.closed
    assert body.given < 3


def remote(server: Scripted) -> dict[str, Any]:
    return {"api_key": "rai_key", "project_id": "p-1", "parts": server.parts}


async def test_a_session_streams() -> None:
    server, _ = streaming(LOOKING, FINAL)
    server = Scripted(user_answer(), session_answer(), server._answers[0])
    async with AsyncHitherto("http://memory.test", **remote(server)) as memory:
        session = await (await memory.get_user("alice")).get_session("s-1")
        events = [event async for event in session.get_context_stream(RecallStrategy.AGENTIC)]
    assert [event.is_final for event in events] == [False, True]
    assert "timezone" not in server.requests[-1].url.params


class Live(BaseHTTPRequestHandler):
    """Sends one event at once and the last one only when it is told to."""

    go_on = threading.Event()
    gone = threading.Event()

    def do_GET(self) -> None:
        if not self.path.endswith("/context") and "/context?" not in self.path:
            body = json.dumps(
                {"user": json.loads(user_answer().content)["user"]}
                | {"session": json.loads(session_answer().content)["session"]}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(LOOKING)
        self.wfile.flush()
        try:
            while not self.go_on.wait(0.01):
                self.wfile.write(b": ping\n\n")
            self.wfile.write(FINAL)
        except OSError:
            self.gone.set()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def live() -> Iterator[tuple[str, type[Live]]]:
    class Handler(Live):
        go_on = threading.Event()
        gone = threading.Event()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}", Handler
    Handler.go_on.set()
    server.shutdown()
    server.server_close()
    serving.join()


def test_the_sync_client_gives_each_event_when_it_comes(live: Any) -> None:
    address, handler = live
    with Hitherto(address, api_key="rai_key", project_id="p-1") as memory:
        session = memory.get_user("alice").get_session("s-1")
        stream = session.get_context_stream()
        assert next(stream).status_update_message == "looking"
        handler.go_on.set()
        assert next(stream).context == SAID
        assert next(stream, None) is None


def test_closing_the_sync_stream_stops_the_work(live: Any) -> None:
    address, handler = live
    with Hitherto(address, api_key="rai_key", project_id="p-1") as memory:
        stream = memory.get_user("alice").get_session("s-1").get_context_stream()
        next(stream)
        stream.close()
        assert handler.gone.wait(5)


def test_closing_the_client_ends_a_stream_that_another_thread_reads(live: Any) -> None:
    address, _ = live
    memory = Hitherto(address, api_key="rai_key", project_id="p-1")
    session = memory.get_user("alice").get_session("s-1")
    stream = session.get_context_stream()
    next(stream)
    memory.close()
    with pytest.raises(ClosedError):
        next(stream)
    with pytest.raises(ClosedError):
        next(session.get_context_stream())


async def test_an_async_stream_comes_event_by_event_over_a_real_connection(live: Any) -> None:
    address, handler = live
    async with AsyncHitherto(address, api_key="rai_key", project_id="p-1") as memory:
        session = await (await memory.get_user("alice")).get_session("s-1")
        stream = session.get_context_stream()
        assert (await anext(stream)).status_update_message == "looking"
        others = await asyncio.gather(*(memory.get_user("alice") for _ in range(5)))
        assert {user.user_id for user in others} == {"alice"}
        handler.go_on.set()
        assert (await anext(stream)).is_final


def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    script = Scripted()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        parts = replace(script.parts, transport=None)
        with (
            Hitherto(address, api_key="rai_key", project_id="p-1", parts=parts) as memory,
            pytest.raises(ConnectionError, match=address),
        ):
            memory.get_user("alice")
    assert len(script.waits_s) == 2
