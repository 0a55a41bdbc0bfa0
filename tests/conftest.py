"""What most tests need: settings without waiting, a clock to turn, and a client of either kind."""

import inspect
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recollect import AsyncRecollect, Parts, Recollect, Settings
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

        async def call(*arguments: Any, **named: Any) -> Any:
            return _awaitable(found(*arguments, **named))

        return call


def _awaitable(value: Any) -> Any:
    if type(value).__module__ == "recollect.client._sync":
        return Awaitable(value)
    if isinstance(value, list):
        return [_awaitable(item) for item in value]
    return value


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


@pytest.fixture(params=["async", "sync"])
async def memory(
    request: pytest.FixtureRequest, path: Path, settings: Settings, parts: Parts
) -> AsyncIterator[Any]:
    """A client with a fake embedder, seen through its async face whichever kind it is."""
    make: Callable[..., Any] = AsyncRecollect if request.param == "async" else Recollect
    client = make(path, settings=settings, parts=parts)
    yield client if request.param == "async" else Awaitable(client)
    closed = client.close()
    if inspect.isawaitable(closed):
        await closed


@pytest.fixture
async def user(memory: Any) -> Any:
    return await memory.create_user("alice", metadata={"plan": "pro"})
