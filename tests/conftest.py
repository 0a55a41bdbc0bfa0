"""What most tests need: settings without waiting, a clock to turn, and a client of either kind."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from recollect import (
    AsyncRecollect,
    HttpParts,
    MergeConflictList,
    Parts,
    Recollect,
    SessionList,
    Settings,
    UserList,
)
from recollect.client.embedded import open_system
from recollect.engine import DEFAULT_PROJECT_ID
from recollect.server import create_app
from tests.fakes import HashEmbedder

START = datetime(2025, 3, 14, 10, 0, tzinfo=UTC)


class Clock:
    """A clock that moves a millisecond whenever it is read, and further when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Awaitable:
    """A sync client object with the face of an async one, so that one suite serves both."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not inspect.ismethod(found):
            return _awaitable(found)

        if name.endswith("_stream"):
            return lambda *arguments, **named: _awaitable(found(*arguments, **named))

        async def call(*arguments: Any, **named: Any) -> Any:
            return _awaitable(found(*arguments, **named))

        return call


LISTS = (UserList, SessionList, MergeConflictList)


def _awaitable(value: Any) -> Any:
    if type(value).__module__.startswith("recollect.client._sync") or isinstance(value, LISTS):
        return Awaitable(value)
    if inspect.isgenerator(value):
        return _awaited(value)
    if isinstance(value, list):
        return [_awaitable(item) for item in value]
    return value


async def _awaited(values: Generator[Any, None, None]) -> AsyncGenerator[Any, None]:
    with closing(values):
        for value in values:
            yield value


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> Settings:
    return Settings(poll_interval_s=0.02, retry_delay_s=0, lease_s=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def parts(clock: Clock) -> Parts:
    return Parts(embedder=HashEmbedder(), clock=clock)


@asynccontextmanager
async def served(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[AsyncRecollect]:
    """A client of the application that serves the memory in a file, without a network between."""
    system = await open_system(path, settings, parts)
    made = await system.admin.create_key(DEFAULT_PROJECT_ID)
    app = create_app(system, settings)
    async with AsyncRecollect(
        "http://memory.test",
        api_key=made.api_key,
        project_id=DEFAULT_PROJECT_ID,
        parts=HttpParts(transport=httpx.ASGITransport(app)),
    ) as client:
        yield client
    await system.close()


@pytest.fixture(params=["async", "sync", "remote"])
async def memory(
    request: pytest.FixtureRequest, path: Path, settings: Settings, parts: Parts
) -> AsyncIterator[Any]:
    """A client with a fake embedder, seen through its async face whichever kind it is."""
    if request.param == "remote":
        async with served(path, settings, parts) as remote:
            yield remote
        return
    make: Callable[..., Any] = AsyncRecollect if request.param == "async" else Recollect
    client = make(path, settings=settings, parts=parts)
    yield client if request.param == "async" else Awaitable(client)
    closed = client.close()
    if inspect.isawaitable(closed):
        await closed


@pytest.fixture
async def user(memory: Any) -> Any:
    return await memory.create_user("alice", metadata={"plan": "pro"})
