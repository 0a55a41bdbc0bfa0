"""Contexts as server-sent events."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conformance.service import serving
from tests.server.conftest import FakeSystem, http_for_fake

from hitherto import Parts, Settings
from hitherto.api import ContextRequest
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.errors import StoreError, UserNotFoundError
from hitherto.inference import LocalInference
from hitherto.models import ContextMetadata, ContextResponse, RecallStrategy
from hitherto.server import create_app

PATH = "/api/v1/users/alice/sessions/s/context"
STREAM = {"stream": "true"}

Events = AsyncGenerator[ContextResponse, None]


class Streaming:
    """An engine whose streams are those of a function. closed: set once a stream is closed."""

    def __init__(self, stream: Callable[[], Events]) -> None:
        self._stream = stream
        self.closed = asyncio.Event()

    async def get_context_stream(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> Events:
        try:
            async for event in self._stream():
                yield event
        finally:
            self.closed.set()


def interim(used: RecallStrategy | None = None) -> ContextResponse:
    metadata = None if used is None else ContextMetadata(recall_strategy_used=used)
    return ContextResponse(False, None, metadata, status_update_message="Searching")


def final(text: str) -> ContextResponse:
    return ContextResponse(True, text, ContextMetadata(RecallStrategy.BALANCED))


def events_of(response: httpx.Response) -> list[Any]:
    lines = response.text.split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


async def test_each_event_is_one_line_of_ascii_and_a_blank_line_ends_the_stream() -> None:
    text = "ä\u2028\u0085\u2029\n\r\x0b😀"

    async def stream() -> Events:
        yield interim()
        yield final(text)

    async with http_for_fake(Streaming(stream)) as http:
        response = await http.get(PATH, params=STREAM)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in response.headers
    assert response.content.isascii()
    assert response.content.endswith(b"\n\n")
    assert b"[DONE]" not in response.content
    lines = [line for line in response.content.split(b"\n") if line]
    assert all(line.startswith(b"data: ") for line in lines)
    first, last = events_of(response)
    assert (first["is_final"], first["context"], first["metadata"]) == (False, None, None)
    assert first["status_update_message"] == "Searching"
    assert (last["is_final"], last["context"]) == (True, text)
    assert last["metadata"]["recall_strategy_used"] == "balanced"


async def test_a_silent_stream_is_kept_open_by_comments() -> None:
    pinged = asyncio.Event()

    async def stream() -> Events:
        yield interim()
        await asyncio.wait_for(pinged.wait(), 5)
        yield final("done")

    app = create_app(FakeSystem(Streaming(stream)), Settings(stream_ping_s=0.01))
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if sent.count(b": ping\n\n") == 2:
            pinged.set()

    await app(_scope(), _Receiving(), send)
    assert sent.count(b": ping\n\n") >= 2
    assert json.loads(b"".join(sent).split(b"data: ")[-1])["context"] == "done"


@pytest.mark.parametrize(
    ("error", "status"),
    [(UserNotFoundError("User alice not found"), 404), (RuntimeError("secret"), 500)],
)
async def test_an_error_before_the_first_event_has_its_own_status(
    error: Exception, status: int
) -> None:
    async def stream() -> Events:
        raise error
        yield final("never")

    async with http_for_fake(Streaming(stream)) as http:
        response = await http.get(PATH, params=STREAM)
    assert response.status_code == status
    assert "secret" not in response.text
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("secret"), "Internal server error"),
        (StoreError("/srv/memory.db"), "The memory cannot be reached now; try again later"),
        (UserNotFoundError("User alice not found"), "User alice not found"),
        (None, "Internal server error"),
    ],
)
@pytest.mark.parametrize(
    ("asked", "seen", "used"),
    [
        ("auto", None, "balanced"),
        ("auto", RecallStrategy.AGENTIC, "agentic"),
        ("low_latency", None, "low_latency"),
    ],
)
async def test_a_failure_on_the_way_is_told_by_the_last_event(
    error: Exception | None, message: str, asked: str, seen: RecallStrategy | None, used: str
) -> None:
    async def stream() -> Events:
        yield interim(seen)
        if error is not None:
            raise error

    async with http_for_fake(Streaming(stream)) as http:
        response = await http.get(PATH, params=STREAM | {"recall_strategy": asked})
    assert response.status_code == 200
    last = events_of(response)[-1]
    assert (last["is_final"], last["context"], last["error_message"]) == (True, None, message)
    assert last["metadata"]["recall_strategy_used"] == used
    assert response.content.endswith(b"\n\n")


class Pondering(LocalInference):
    """Plans nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_plan = threading.Event()

    async def plan(self, *given: Any) -> QueryPlan:
        await asyncio.to_thread(self.may_plan.wait, 20)
        return await super().plan(*given)


async def test_headers_and_the_first_event_come_before_a_model_has_planned(path: Path) -> None:
    inference = Pondering()
    with serving(path, parts=Parts(inference=inference)) as service:
        held = service.project()
        async with httpx.AsyncClient(base_url=service.base_url, headers=held.headers) as http:
            await http.post("/api/v1/users", json={"custom_user_id": "alice"})
            sessions = "/api/v1/users/alice/sessions"
            created = (await http.post(sessions, json={})).json()["session"]["session_id"]
            said = {"message": "Where do I live?", "role": "user"}
            await http.post(f"{sessions}/{created}/add-message", json=said)
            missing = await http.get(f"{sessions}/nothing/context", params=STREAM)
            assert missing.status_code == 404
            path_of_context = f"{sessions}/{created}/context"
            async with http.stream("GET", path_of_context, params=STREAM) as answer:
                assert answer.status_code == 200
                lines = answer.aiter_lines()
                first = json.loads((await anext(lines)).removeprefix("data: "))
                assert not first["is_final"]
                assert first["metadata"]["recall_strategy_used"] == "balanced"
                assert first["status_update_message"] == "Planning the search"
                assert not inference.may_plan.is_set()
                inference.may_plan.set()
                last = [json.loads(line[6:]) async for line in lines if line][-1]
        assert last["is_final"]


async def test_parameters_are_checked_before_the_stream_begins() -> None:
    async def stream() -> Events:
        yield final("never")

    async with http_for_fake(Streaming(stream)) as http:
        response = await http.get(PATH, params=STREAM | {"min_top_k": "4"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/json"


async def test_a_client_that_goes_away_stops_the_work() -> None:
    async def stream() -> Events:
        yield interim()
        await asyncio.sleep(3600)

    engine = Streaming(stream)
    receiving = _Receiving()

    async def send(message: Any) -> None:
        if message.get("body"):
            receiving.gone.set()

    app = create_app(FakeSystem(engine), Settings())
    await asyncio.wait_for(app(_scope(), receiving, send), 5)
    await asyncio.wait_for(engine.closed.wait(), 5)


class _Receiving:
    """A client that sends a request without a body and stays until it is gone."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self._asked = False

    async def __call__(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}


def _scope() -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "root_path": "",
        "query_string": b"stream=true",
        "headers": [(b"x-recallr-api-key", b"rai_any"), (b"x-recallr-project-id", b"any")],
        "server": ("memory.test", 80),
        "client": ("127.0.0.1", 1),
    }
