"""Overload, as the released clients see it: a result or an error of theirs, and never silence."""

import asyncio
import json
import warnings
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest
from tests.conformance import node_wire
from tests.conformance.node_client import NodeClient, NodeSession
from tests.forking import Programs
from tests.server.attacks import Attacked, attacked
from tests.server.conftest import FakeAdmin, FakeSystem, http_for

from hitherto import Settings
from hitherto.errors import ClosedError, EmbedderError, StoreError
from hitherto.models import ContextMetadata, ContextResponse, RecallStrategy
from hitherto.prompts import system_prompt
from hitherto.server import authentication, create_app
from hitherto.server.paths import PROMPT_PATH
from hitherto.server.released_clients import is_stream
from hitherto.server.routes import API_ROUTERS
from hitherto.server.work_limit import WAITING_PER_SLOT

with warnings.catch_warnings():
    # The released client declares its models in pydantic's older way.
    warnings.simplefilter("ignore")
    import recallrai
    import recallrai.exceptions
    from recallrai.async_session import AsyncSession
    from recallrai.models import SessionModel

CONTEXT = "/api/v1/users/alice/sessions/s/context"
KEY = {"X-Recallr-Api-Key": "rai_any", "X-Recallr-Project-Id": "any"}

CALLS = 500
"""Calls of each client in each form."""

CALLERS = 50
"""Callers at once, three times as many as the service lets in."""


@pytest.fixture(scope="module")
def service(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A service that works on one request, and lets sixteen more wait."""
    folder = tmp_path_factory.mktemp("overload")
    with attacked(programs, folder, max_concurrent_requests=1) as running:
        yield running


@dataclass(frozen=True)
class Caller:
    """A released client with a session. forget_prompts: have it ask for its prompts again."""

    client: Any
    errors: ModuleType
    session: Any
    forget_prompts: Callable[[], None]


def python_caller(service: Attacked, user_id: str, session_id: str) -> Caller:
    client = recallrai.AsyncRecallrAI(service.api_key, service.project_id, service.url)
    data = SessionModel(
        session_id=session_id,
        status="pending",
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
        metadata={},
    )
    session = AsyncSession(client._http, user_id, data)
    return Caller(client, recallrai.exceptions, session, client._http._system_prompt_cache.clear)


def node_caller(service: Attacked, user_id: str, session_id: str) -> Caller:
    client = NodeClient(service.api_key, service.project_id, service.url)
    data = SimpleNamespace(session_id=session_id, status="pending", created_at=None, metadata={})
    session = NodeSession(client.wire, user_id, data)
    return Caller(client, node_wire, session, client.wire._prompts.clear)


async def outcome_of(caller: Caller, *, stream: bool) -> str:
    """What came of asking for a context: a context with its prompt, or an error of the client.

    Node makes a missing prompt an `undefined`; its stand-in raises KeyError, as Python does.
    """
    caller.forget_prompts()
    try:
        if not stream:
            result = await caller.session.get_context()
        else:
            events = [event async for event in caller.session.get_context_stream()]
            assert events, "a stream without an event and without an error"
            result = events[-1]
            assert result.is_final
            if result.error_message:
                return f"event: {result.error_message}"
    except caller.errors.RecallrAIError as error:
        return f"{type(error).__name__} {error.http_status}"
    assert result.context.startswith(system_prompt(RecallStrategy.BALANCED))
    return "context"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("new_caller", [python_caller, node_caller], ids=["python", "node"])
async def test_a_released_client_gets_a_context_or_an_error(
    service: Attacked, new_caller: Callable[[Attacked, str, str], Caller], stream: bool
) -> None:
    user_id = f"{new_caller.__name__}-{stream}"
    async with httpx.AsyncClient(base_url=service.url, headers=service.headers) as http:
        await http.post("/api/v1/users", json={"custom_user_id": user_id})
        made = await http.post(f"/api/v1/users/{user_id}/sessions", json={})
    session_id = made.json()["session"]["session_id"]
    outcomes: Counter[str] = Counter()

    async def call_often() -> None:
        caller = new_caller(service, user_id, session_id)
        for _ in range(CALLS // CALLERS):
            outcomes[await outcome_of(caller, stream=stream)] += 1
        await caller.client.close()

    await asyncio.gather(*(call_often() for _ in range(CALLERS)))
    print(outcomes)
    assert outcomes.total() == CALLS
    refused = "RateLimitError 429" if stream else "RecallrAIError 503"
    assert outcomes.keys() == {"context", refused}


class Contexts:
    """An engine that makes contexts once `go_on` is set. began: those that are being made."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.began = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()

    async def get_context(self, *_: Any) -> ContextResponse:
        self.began.release()
        await self.go_on.wait()
        if self._error is not None:
            raise self._error
        return ContextResponse(True, "", ContextMetadata(RecallStrategy.BALANCED))

    async def get_context_stream(self, *given: Any) -> AsyncGenerator[ContextResponse, None]:
        yield await self.get_context(*given)

    async def system_prompt(self, _: RecallStrategy) -> str:
        return "prompt"


async def test_a_full_service_refuses_streams_with_429_and_the_rest_with_503() -> None:
    contexts = Contexts()
    settings = Settings(max_concurrent_requests=1, rate_limit_per_minute=1 + WAITING_PER_SLOT + 2)
    async with http_for(create_app(FakeSystem(contexts), settings), KEY) as http:
        waiting = [asyncio.create_task(http.get(CONTEXT)) for _ in range(1 + WAITING_PER_SLOT)]
        await contexts.began.acquire()
        whole = await http.get(CONTEXT)
        streamed = await http.get(CONTEXT, params={"stream": "true"})
        assert (whole.status_code, streamed.status_code) == (503, 429)
        for refused in (whole, streamed):
            assert refused.headers["Retry-After"] == "2"
            assert refused.json() == {"detail": "The server has too much to do; try again later"}
        # Neither this limit nor that of the key, which is used up, holds for the prompt.
        assert (await http.get(CONTEXT)).status_code == 429
        prompt = await http.get(PROMPT_PATH)
        assert (prompt.status_code, prompt.json()) == (200, {"system_prompt": "prompt"})
        contexts.go_on.set()
        assert {(await one).status_code for one in waiting} == {200}


@pytest.mark.parametrize(
    ("error", "whole", "streamed"),
    [(StoreError("disk full"), 500, 500), (EmbedderError("gone"), 503, 429)],
)
async def test_no_error_ends_a_stream_in_silence(
    error: Exception, whole: int, streamed: int
) -> None:
    contexts = Contexts(error)
    contexts.go_on.set()
    async with http_for(create_app(FakeSystem(contexts), Settings()), KEY) as http:
        assert (await http.get(CONTEXT)).status_code == whole
        answer = await http.get(CONTEXT, params={"stream": "true"})
    is_told = answer.status_code == 200 and '"error_message": "' in answer.text
    assert answer.status_code == streamed or is_told


class NoDatabase(FakeAdmin):
    """Cannot look up a key: it raises an error, or answers never."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def authenticate(self, api_key: str, project_id: str) -> None:
        if self._error is None:
            await asyncio.Event().wait()
        else:
            raise self._error


@pytest.mark.parametrize("error", [StoreError("disk full"), ClosedError("closed"), None])
async def test_a_prompt_needs_no_database(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "PROMPT_KEY_TIMEOUT_S", 0.01)
    system = FakeSystem(Contexts(), admin=NoDatabase(error))
    async with http_for(create_app(system, Settings()), KEY) as http:
        prompt = await http.get(PROMPT_PATH)
        assert (prompt.status_code, prompt.json()) == (200, {"system_prompt": "prompt"})
        if error is not None:
            streamed = await http.get(CONTEXT, params={"stream": "true"})
            assert streamed.status_code == (500 if isinstance(error, StoreError) else 429)


async def test_a_stream_that_is_stopped_before_it_began_has_a_last_event() -> None:
    contexts, sent = Contexts(), list[Any]()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def keep(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": CONTEXT,
        "query_string": b"stream=true",
        "headers": [(name.lower().encode(), value.encode()) for name, value in KEY.items()],
    }
    task = asyncio.create_task(create_app(FakeSystem(contexts), Settings())(scope, receive, keep))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sent[0]["status"] == 200
    assert dict(sent[0]["headers"])[b"content-type"].startswith(b"text/event-stream")
    event = json.loads(sent[1]["body"].removeprefix(b"data: "))
    assert event["is_final"] is True
    assert event["error_message"] == "The server is stopping; try again later"


@pytest.mark.parametrize("host", [CONTEXT, PROMPT_PATH, "/api/v1/users"])
async def test_another_host_is_refused_with_a_status_that_the_route_can_show(host: str) -> None:
    app = create_app(FakeSystem(Contexts()), Settings(), hosts=frozenset({"localhost"}))
    async with http_for(app, KEY) as http:
        status = (await http.get(host, params={"stream": "true"})).status_code
    assert status == (421 if host == "/api/v1/users" else 422)


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        (CONTEXT, b"stream=true", True),
        (CONTEXT, b"a=b&stream=TRUE", True),
        (CONTEXT, b"stream=1", True),
        (CONTEXT, b"stream%5B%5D=true", True),
        (CONTEXT, b"stream=false", False),
        (CONTEXT, b"stream=true&stream=false", False),
        (CONTEXT, b"", False),
        ("/api/v1/users", b"stream=true", False),
    ],
)
async def test_a_stream_is_known_by_its_query(path: str, query: bytes, expected: bool) -> None:
    assert is_stream({"type": "http", "path": path, "query_string": query}) is expected
    if path == CONTEXT:
        contexts = Contexts()
        contexts.go_on.set()
        async with http_for(create_app(FakeSystem(contexts), Settings()), KEY) as http:
            answer = await http.get(f"{path}?{query.decode()}")
        assert answer.headers["content-type"].startswith("text/event-stream") is expected


def test_the_path_of_the_prompt_is_that_of_its_route() -> None:
    paths = [f"/api/v1{route.path}" for router in API_ROUTERS for route in router.routes]  # type: ignore[attr-defined]
    assert PROMPT_PATH in paths
