"""The bounds on requests: each refuses what is too much, as JSON, and lets the rest through."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.server.conftest import FakeSystem

from hitherto import Settings
from hitherto.errors import AuthenticationError
from hitherto.server.bodies import BodyReader
from hitherto.server.error_responses import LastResort
from hitherto.server.middleware import install_middleware
from hitherto.server.rate_limits import TokenBuckets
from hitherto.server.work_limit import WAITING_PER_SLOT, WorkLimit


class Monotonic:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Keys:
    """Knows the keys that begin with `good`. looked_up: those that it was asked for."""

    def __init__(self) -> None:
        self.looked_up: list[str] = []

    async def authenticate(self, api_key: str, project_id: str) -> None:
        await self.authenticate_admin(api_key)

    async def authenticate_admin(self, api_key: str) -> None:
        self.looked_up.append(api_key)
        if not api_key.startswith("good"):
            raise AuthenticationError("unknown")


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
    settings: Settings,
    *routes: Route,
    keys: Keys | None = None,
    **named: Any,
) -> Starlette:
    """An application behind the limits. named: of `install_middleware`."""
    app = Starlette(
        routes=[
            Route("/api/v1/echo", echo, methods=["GET", "POST", "PUT"]),
            Route("/admin/v1/echo", echo, methods=["GET", "POST"]),
            Route("/page", own_policy),
            Route("/healthz", echo),
            *routes,
        ]
    )
    app.state.system = FakeSystem(None)
    app.state.system.admin = keys or Keys()
    chosen = {"clock": Monotonic(), "new_request_id": lambda: "made-here"} | named
    install_middleware(app, settings, **chosen)
    return app


def keyed(key: str = "good") -> dict[str, str]:
    return {"X-Recallr-Api-Key": key, "X-Recallr-Project-Id": "any"}


def client(app: Any, address: str = "198.51.100.7") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://memory.test", headers=keyed())


def scope(path: str) -> dict[str, Any]:
    """What a server says of a request with a key."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": path,
        "headers": [(name.lower().encode(), value.encode()) for name, value in keyed().items()],
        "query_string": b"",
        "state": {"key": "good"},
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
    app.state.system = FakeSystem(None)
    app.add_api_route("/api/v1/users/{custom_user_id}", lambda custom_user_id: {})
    install_middleware(
        app, Settings(log_requests=logged), clock=Monotonic(), new_request_id=lambda: "made-here"
    )
    async with client(app) as http:
        await http.get("/api/v1/users/carol?filter=private", headers=keyed("k1"))
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


async def test_a_key_that_asks_too_often_is_told_when_to_come_back() -> None:
    clock = Monotonic()
    app = application(Settings(rate_limit_per_minute=2), clock=clock)
    async with client(app) as http:

        async def ask(key: str, path: str = "/api/v1/echo") -> httpx.Response:
            return await http.get(path, headers=keyed(key))

        assert [(await ask("good-1")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await ask("good-1")
        assert refused.json() == {"detail": "Too many requests"}
        assert refused.headers["Retry-After"] == "30"
        assert (await ask("good-2")).status_code == 200
        assert (await ask("good-1", "/healthz")).status_code == 200
        clock.now_s += 29.9
        assert (await ask("good-1")).status_code == 429
        clock.now_s += 0.2
        assert (await ask("good-1")).status_code == 200
        assert (await ask("good-1")).status_code == 429


async def test_other_headers_of_a_request_make_no_other_caller_of_it() -> None:
    async with client(application(Settings(rate_limit_per_minute=10))) as http:
        statuses = []
        for number in range(60):
            varied = {
                "Authorization": f"Bearer {number}",
                "X-Hitherto-Admin-Key": f"good-{number}",
                "X-Forwarded-For": f"198.51.100.{number}",
                "User-Agent": str(number),
            }
            statuses.append((await http.get("/api/v1/echo", headers=varied)).status_code)
    assert statuses == [200] * 10 + [429] * 50


async def test_an_admin_key_is_counted_too_in_either_header() -> None:
    async with client(application(Settings(rate_limit_per_minute=2))) as http:
        headers = ({"X-Hitherto-Admin-Key": "good"}, {"Authorization": "Bearer good"})
        answers = [await http.get("/admin/v1/echo", headers=headers[n % 2]) for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_requests_that_need_no_key_are_counted_by_address() -> None:
    app = application(Settings(rate_limit_per_minute=1))
    async with client(app) as http:
        for status in (200, 429):
            answer = await http.get("/page", headers=keyed(f"good-{status}"))
            assert answer.status_code == status
    async with client(app, "198.51.100.8") as http:
        assert (await http.get("/page")).status_code == 200


class Sleeps(list[float]):
    """Notes the sleeps that it is asked for, and returns at once."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.mark.parametrize(
    ("path", "header"),
    [("/api/v1/echo", "X-Recallr-Api-Key"), ("/admin/v1/echo", "X-Hitherto-Admin-Key")],
)
async def test_wrong_keys_are_answered_late_and_then_refused(path: str, header: str) -> None:
    clock, keys, sleeps = Monotonic(), Keys(), Sleeps()
    app = application(Settings(), keys=keys, clock=clock, sleep=sleeps)
    async with client(app) as http:

        async def ask(key: str) -> httpx.Response:
            return await http.get(path, headers={header: key})

        answers = [await ask(f"wrong-{number}") for number in range(300)]
        assert [answer.status_code for answer in answers] == [401] * 100 + [429] * 200
        assert sleeps == [0.25] * 50
        assert answers[-1].headers["Retry-After"] == "1"
        clock.now_s += 0.7
        assert (await ask("wrong")).status_code == 401
        assert (await ask("wrong")).status_code == 429
        # Neither neighbours with a good key nor other addresses are locked out.
        assert (await ask("good")).status_code == 200
    async with client(app, "198.51.100.8") as http:
        assert (await http.get(path, headers={header: "wrong"})).status_code == 401


async def test_requests_without_a_key_count_as_requests_and_not_as_wrong_keys() -> None:
    keys = Keys()
    async with client(application(Settings(), keys=keys, sleep=Sleeps())) as http:
        for path, header in (("/api/v1/echo", "X-Recallr-Api-Key"), ("/admin/v1/echo", "X-Any")):
            answers = [await http.get(path, headers={header: ""}) for _ in range(101)]
            assert {answer.status_code for answer in answers} == {401}
        assert keys.looked_up == []
    async with client(application(Settings(rate_limit_per_minute=2))) as http:
        answers = [await http.get("/admin/v1/echo") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_keys_from_an_address_that_failed_too_often_are_looked_up_one_at_a_time() -> None:
    class SlowKeys(Keys):
        most = now = 0

        async def authenticate_admin(self, api_key: str) -> None:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            await super().authenticate_admin(api_key)

    keys = SlowKeys()
    async with client(application(Settings(), keys=keys, sleep=Sleeps())) as http:

        async def ask(key: str) -> int:
            return (await http.get("/api/v1/echo", headers=keyed(key))).status_code

        assert await ask("good-known") == 200
        for _ in range(100):
            assert await ask("wrong") == 401
        keys.most, keys.looked_up = 0, []
        statuses = await asyncio.gather(*(ask(f"wrong-{number}") for number in range(50)))
        assert set(statuses) == {429}
        assert keys.most == 1
        assert len(keys.looked_up) < 50
        both = await asyncio.gather(*(ask("wrong") for _ in range(9)), ask("good-known"))
        assert both[-1] == 200
        assert await ask("good-new") == 200


async def test_an_ipv6_caller_is_counted_by_network() -> None:
    app = application(Settings(), sleep=Sleeps())
    statuses = []
    for number in range(101):
        async with client(app, f"2001:db8::{number:x}") as http:
            answer = await http.get("/api/v1/echo", headers=keyed("wrong"))
            statuses.append(answer.status_code)
    assert statuses == [401] * 100 + [429]


def test_a_bucket_never_holds_more_than_a_minutes_worth() -> None:
    clock = Monotonic()
    buckets = TokenBuckets(60, clock)
    clock.now_s += 3600
    assert [buckets.take(b"k") for _ in range(61)] == [0.0] * 60 + [1.0]


def test_buckets_are_bounded_and_the_one_unused_for_longest_goes_first() -> None:
    buckets = TokenBuckets(1, Monotonic(), max_buckets=2)
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
            asyncio.create_task(http.get("/api/v1/gate")) for _ in range(2 * (1 + WAITING_PER_SLOT))
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


def limited(*routes: Route, slots: int = 1, **named: Any) -> LastResort:
    """Routes behind one limit on work. named: of `WorkLimit`."""
    bodies = BodyReader(1024)
    return LastResort(WorkLimit(Starlette(routes=routes), slots=slots, bodies=bodies, **named))


async def test_a_request_that_waits_too_long_for_a_slot_is_refused() -> None:
    gate = Gate()
    async with client(limited(Route("/gate", gate.answer), max_wait_s=0.01)) as http:
        first = asyncio.create_task(http.get("/gate"))
        await gate.arrived.acquire()
        assert (await http.get("/gate")).status_code == 503
        gate.opened.set()
        assert (await first).status_code == 200


@pytest.mark.parametrize("media_type", ["application/json", "text/event-stream"])
async def test_an_answer_that_is_not_read_keeps_its_slot_only_if_more_of_it_is_made(
    media_type: str,
) -> None:
    async def answer(request: Request) -> Response:
        return Response(b"made", media_type=media_type)

    app = limited(Route("/answer", answer), max_wait_s=0.01)
    is_read = asyncio.Event()
    statuses = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        await is_read.wait()

    async def keep(message: Any) -> None:
        statuses.append(message.get("status"))

    unread = asyncio.create_task(app(scope("/answer"), receive, send))
    await asyncio.sleep(0)
    await app(scope("/answer"), receive, keep)
    assert statuses[0] == (200 if media_type == "application/json" else 503)
    is_read.set()
    await unread


async def test_a_request_cancelled_by_a_stopping_server_is_told_so() -> None:
    gate = Gate()
    app = application(Settings(max_concurrent_requests=1), Route("/api/v1/gate", gate.answer))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Any) -> None:
        sent.append(message)

    task = asyncio.create_task(app(scope("/api/v1/gate"), receive, keep))
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
