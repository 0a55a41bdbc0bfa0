"""The bounds on requests: each refuses what is too much, as JSON, and lets the rest through."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hitherto import Settings
from hitherto.server.limits import (
    WAITING_PER_PLACE,
    TokenBuckets,
    WorkLimit,
    install_limits,
)


class Monotonic:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Gate:
    """A route that answers once it is opened."""

    def __init__(self) -> None:
        self.arrived = asyncio.Semaphore(0)
        self.opened = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        self.arrived.release()
        await self.opened.wait()
        return JSONResponse({})


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"bytes": len(body), "request_id": request.state.request_id})


async def own_policy(request: Request) -> Response:
    return Response("page", headers={"Content-Security-Policy": "default-src 'self'"})


def application(
    settings: Settings, *routes: Route, clock: Callable[[], float] | None = None
) -> Starlette:
    app = Starlette(
        routes=[
            Route("/api/v1/echo", echo, methods=["GET", "POST", "PUT"]),
            Route("/page", own_policy),
            Route("/healthz", echo),
            *routes,
        ]
    )
    install_limits(app, settings, clock=clock or Monotonic(), new_request_id=lambda: "made-here")
    return app


def client(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://memory.test")


def scope(path: str) -> dict[str, Any]:
    """What a server says of a request without headers."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": path,
        "headers": [],
        "query_string": b"",
    }


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_an_answer_has_security_headers_and_an_id_that_the_route_knows_too() -> None:
    async with client(application(Settings())) as http:
        answer = await http.get("/api/v1/echo")
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"] == "made-here"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_a_header_that_the_application_sets_itself_stays() -> None:
    async with client(application(Settings())) as http:
        answer = await http.get("/page")
    assert answer.headers["Content-Security-Policy"] == "default-src 'self'"


@pytest.mark.parametrize(
    ("given", "answered"),
    [
        ("trace-7:a.b_c", "trace-7:a.b_c"),
        ("x" * 128, "x" * 128),
        ("x" * 129, "made-here"),
        ("two words", "made-here"),
        ("", "made-here"),
    ],
)
async def test_a_sane_request_id_is_kept_and_another_replaced(given: str, answered: str) -> None:
    async with client(application(Settings())) as http:
        answer = await http.get("/api/v1/echo", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == answered


@pytest.mark.parametrize("logged", [False, True])
async def test_a_line_per_request_names_the_route_but_no_user_no_key_and_no_query(
    logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hitherto.requests")
    app = FastAPI()
    app.add_api_route("/api/v1/users/{custom_user_id}", lambda custom_user_id: {})
    install_limits(
        app, Settings(log_requests=logged), clock=Monotonic(), new_request_id=lambda: "made-here"
    )
    async with client(app) as http:
        await http.get("/api/v1/users/carol?filter=private", headers={"X-Recallr-Api-Key": "k1"})
        await http.get("/carol")
    assert [record.getMessage() for record in caplog.records] == (
        [
            "GET /api/v1/users/{custom_user_id} 200 0.0 ms made-here",
            "GET (no route) 404 0.0 ms made-here",
        ]
        if logged
        else []
    )


@pytest.mark.parametrize("size", [1024, 1025])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_up_to_the_limit_passes_and_a_larger_one_is_refused(
    size: int, declared: bool
) -> None:
    body = b"x" * size
    content: Any = body if declared else chunks(body[:1000], body[1000:])
    async with client(application(Settings(max_body_bytes=1024))) as http:
        answer = await http.post("/api/v1/echo", content=content)
    if size <= 1024:
        assert answer.json()["bytes"] == size
    else:
        assert answer.status_code == 413
        assert answer.json() == {"detail": "The body of a request may have at most 1024 bytes"}
        assert answer.headers["X-Request-Id"] == "made-here"


async def test_a_body_that_does_not_arrive_in_time_gives_its_place_to_another() -> None:
    limit = WorkLimit(application(Settings()), max_body_bytes=1024, places=1, body_timeout_s=0.01)
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.Event().wait()

    async def keep(message: Any) -> None:
        sent.append(message)

    for _ in range(6):
        await limit(scope("/api/v1/echo"), never, keep)
    assert {message["status"] for message in sent[::2]} == {408}


async def test_a_key_that_asks_too_often_is_told_when_to_come_back() -> None:
    clock = Monotonic()
    app = application(Settings(rate_limit_per_minute=2), clock=clock)
    async with client(app) as http:

        async def ask(key: str, path: str = "/api/v1/echo") -> httpx.Response:
            return await http.get(path, headers={"X-Recallr-Api-Key": key})

        assert [(await ask("one")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await ask("one")
        assert refused.json() == {"detail": "Too many requests"}
        assert refused.headers["Retry-After"] == "30"
        assert (await ask("two")).status_code == 200
        assert (await ask("one", "/healthz")).status_code == 200
        clock.now_s += 29.9
        assert (await ask("one")).status_code == 429
        clock.now_s += 0.2
        assert (await ask("one")).status_code == 200
        assert (await ask("one")).status_code == 429


def test_a_bucket_never_holds_more_than_a_minutes_worth() -> None:
    clock = Monotonic()
    buckets = TokenBuckets(60, clock)
    clock.now_s += 3600
    assert [buckets.take(b"k") for _ in range(61)] == [0.0] * 60 + [1.0]


def test_buckets_are_bounded_and_the_one_unused_for_longest_goes_first() -> None:
    buckets = TokenBuckets(1, Monotonic(), most=2)
    assert buckets.take(b"a") == 0
    assert buckets.take(b"b") == 0
    assert buckets.take(b"a") > 0
    assert buckets.take(b"c") == 0
    assert len(buckets) == 2
    assert buckets.take(b"a") > 0
    assert buckets.take(b"b") == 0


async def test_requests_beyond_the_places_wait_and_those_beyond_the_queue_are_refused() -> None:
    gate = Gate()
    app = application(
        Settings(max_concurrent_requests=2), Route("/api/v1/gate", gate.answer, methods=["GET"])
    )
    async with client(app) as http:
        taken = [
            asyncio.create_task(http.get("/api/v1/gate"))
            for _ in range(2 * (1 + WAITING_PER_PLACE))
        ]
        for _ in range(2):
            await gate.arrived.acquire()
        refused = await http.get("/api/v1/echo")
        assert refused.status_code == 503
        assert refused.json() == {"detail": "The server has too much to do; try again later"}
        assert int(refused.headers["Retry-After"]) > 0
        assert (await http.get("/healthz")).status_code == 200
        assert gate.arrived.locked()
        gate.opened.set()
        assert {(await task).status_code for task in taken} == {200}
        assert (await http.get("/api/v1/echo")).status_code == 200


async def test_a_request_that_waits_too_long_for_a_place_is_refused() -> None:
    gate = Gate()
    app = Starlette(routes=[Route("/gate", gate.answer)])
    limit = WorkLimit(app, max_body_bytes=1024, places=1, max_wait_s=0.01)
    async with client(limit) as http:
        first = asyncio.create_task(http.get("/gate"))
        await gate.arrived.acquire()
        assert (await http.get("/gate")).status_code == 503
        gate.opened.set()
        assert (await first).status_code == 200


async def test_a_request_cancelled_by_a_stopping_server_is_told_so() -> None:
    gate = Gate()
    app = application(Settings(max_concurrent_requests=1), Route("/gate", gate.answer))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Any) -> None:
        sent.append(message)

    task = asyncio.create_task(app(scope("/gate"), receive, keep))
    await gate.arrived.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"]) == {"detail": "The server is stopping; try again later"}


async def test_a_stream_cancelled_by_a_stopping_server_has_a_last_event() -> None:
    sent: list[Any] = []
    began = asyncio.Event()

    async def events(request: Request) -> Response:
        async def made() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            began.set()
            await asyncio.Event().wait()

        return StreamingResponse(made(), media_type="text/event-stream")

    app = application(Settings(), Route("/api/v1/events", events))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Any) -> None:
        sent.append(message)

    task = asyncio.create_task(app(scope("/api/v1/events"), receive, keep))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    last = sent[-1]["body"]
    assert not sent[-1].get("more_body")
    assert last.startswith(b"data: ")
    assert last.endswith(b"\n\n")
    event = json.loads(last.removeprefix(b"data: "))
    assert event["is_final"] is True
    assert event["context"] is None
    assert event["error_message"] == "The server is stopping; try again later"


async def test_events_of_a_stream_pass_through_one_by_one() -> None:
    go_on = asyncio.Event()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def events(request: Request) -> Response:
        async def made() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            await go_on.wait()
            yield b"data: 2\n\n"

        return StreamingResponse(made(), media_type="text/event-stream")

    app = application(Settings(rate_limit_per_minute=9), Route("/api/v1/events", events))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Any) -> None:
        if message.get("body"):
            arrived.put_nowait(message["body"])

    task = asyncio.create_task(app(scope("/api/v1/events"), receive, keep))
    assert await arrived.get() == b"data: 1\n\n"
    assert arrived.empty()
    go_on.set()
    assert await arrived.get() == b"data: 2\n\n"
    await task


async def test_other_origins_are_answered_only_where_they_are_allowed() -> None:
    asked = {"Origin": "https://app.test", "Access-Control-Request-Method": "GET"}
    settings = Settings(allowed_origins=("https://app.test",), rate_limit_per_minute=1)
    async with client(application(settings)) as http:
        preflight = await http.options("/api/v1/echo", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.test"
        for status in (200, 429):
            answer = await http.get("/api/v1/echo", headers={"Origin": "https://app.test"})
            assert answer.status_code == status
            assert answer.headers["Access-Control-Allow-Origin"] == "https://app.test"
            assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        foreign = await http.get("/healthz", headers={"Origin": "https://other.test"})
        assert "Access-Control-Allow-Origin" not in foreign.headers
    async with client(application(Settings())) as http:
        answer = await http.get("/api/v1/echo", headers={"Origin": "https://app.test"})
        assert "Access-Control-Allow-Origin" not in answer.headers
