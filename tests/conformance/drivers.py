"""Everything that can drive a server or a file, with one face, so that a check is written once.

The face is that of the Python clients with every call awaited: `await client.create_user("alice")`,
`await user.create_session()`, `async for event in session.get_context_stream()`.
"""

import asyncio
import inspect
import math
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from tests.conformance import node_wire
from tests.conformance.node_client import NodeClient
from tests.conformance.service import QUICK, Credentials, Service, SharedClock
from tests.fakes import HashEmbedder
from tests.statement_models import PlainModel

import hitherto
import hitherto.errors
import hitherto.models
from hitherto import AsyncHitherto, Hitherto, Parts
from hitherto.inference import Inference

with warnings.catch_warnings():
    # The released client declares its models in pydantic's older way.
    warnings.simplefilter("ignore", DeprecationWarning)
    import recallrai
    import recallrai.exceptions
    import recallrai.models

PY_SYNC = "py-sync"
PY_ASYNC = "py-async"
NODE = "node"
OURS_SYNC = "ours-sync"
OURS_ASYNC = "ours-async"
EMBEDDED = "embedded"
RAW = "raw"

PY = (PY_SYNC, PY_ASYNC)
RELEASED = (*PY, NODE)
"""The clients that others have released."""

OURS = (OURS_SYNC, OURS_ASYNC, EMBEDDED)
REMOTE = (*RELEASED, OURS_SYNC, OURS_ASYNC)
ALL = (*REMOTE, EMBEDDED)

_WAIT_STEP_S = 0.005


@dataclass(frozen=True, slots=True)
class Driver:
    """One way in.

    client: the root object, with the async face. errors, models: the modules with the names that
    this client raises and takes (`errors.UserNotFoundError`, `models.MessageRole`).
    clock: the time of what it drives. service, credentials: None when embedded.
    """

    name: str
    client: Any
    errors: ModuleType
    models: ModuleType
    clock: SharedClock
    service: Service | None = None
    credentials: Credentials | None = None

    @property
    def user_role(self) -> Any:
        """The role of the human."""
        return self.models.MessageRole.USER

    @property
    def assistant_role(self) -> Any:
        """The role of the AI."""
        return self.models.MessageRole.ASSISTANT

    async def say(self, session: Any, *texts: str) -> None:
        """Add messages of the user."""
        for text in texts:
            await session.add_message(self.user_role, text)

    async def settled(self, session: Any, timeout_s: float = 10) -> Any:
        """Read a session until it is neither pending nor processing; the session."""
        for _ in range(math.ceil(timeout_s / _WAIT_STEP_S)):
            await session.refresh()
            if session.status not in ("pending", "processing"):
                return session
            await asyncio.sleep(_WAIT_STEP_S)
        raise AssertionError(f"the session was still {session.status} after {timeout_s} s")

    async def told(self, user: Any, *texts: str, **named: Any) -> Any:
        """A session in which the user said this, processed. named: of `create_session`."""
        session = await user.create_session(**named)
        await self.say(session, *texts)
        await session.process()
        await self.settled(session)
        assert session.status == "processed"
        return session


class AsyncFace:
    """A sync client's object with the face of an async one; each call is made in a thread."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not inspect.ismethod(found):
            return _faced(found)
        if inspect.isgeneratorfunction(found) or name.endswith("_stream"):
            return lambda *arguments, **named: _iterated(found, arguments, named)

        async def call(*arguments: Any, **named: Any) -> Any:
            return _faced(await asyncio.to_thread(found, *arguments, **named))

        return call


_MODULES = ("recallrai.", "hitherto.client.", "hitherto.models")
_FACED = {"User", "Session", "MergeConflict", "UserList", "SessionList", "MergeConflictList"}
"""Classes, by their names in these modules, that have calls or list what has."""


def _faced(value: Any) -> Any:
    if isinstance(value, list):
        return [_faced(item) for item in value]
    kind = type(value)
    if kind.__name__ in _FACED and kind.__module__.startswith(_MODULES):
        return AsyncFace(value)
    return value


async def _iterated(
    generate: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]
) -> AsyncIterator[Any]:
    iterator = await asyncio.to_thread(lambda: iter(generate(*arguments, **named)))
    end = object()
    try:
        while (item := await asyncio.to_thread(next, iterator, end)) is not end:
            yield item
    finally:
        iterator.close()


@dataclass(frozen=True, slots=True)
class Raw:
    """Plain HTTP: paths below `/api/v1`, with the two headers unless others are given."""

    http: httpx.AsyncClient
    service: Service
    credentials: Credentials

    async def request(self, method: str, path: str, **named: Any) -> httpx.Response:
        """Make a request; named: of `httpx.AsyncClient.request`."""
        return await self.http.request(method, f"/api/v1{path}", **named)

    async def get(self, path: str, **named: Any) -> httpx.Response:
        return await self.request("GET", path, **named)

    async def post(self, path: str, **named: Any) -> httpx.Response:
        return await self.request("POST", path, **named)

    async def put(self, path: str, **named: Any) -> httpx.Response:
        return await self.request("PUT", path, **named)

    async def delete(self, path: str, **named: Any) -> httpx.Response:
        return await self.request("DELETE", path, **named)

    async def user(self, user_id: str = "alice", **body: Any) -> str:
        """Create a user; the path of it."""
        answer = await self.post("/users", json={"custom_user_id": user_id, **body})
        assert answer.status_code == 201, answer.text
        return f"/users/{user_id}"

    async def session(self, user_path: str, *texts: str, **body: Any) -> str:
        """Create a session in which the user said this; the path of it."""
        answer = await self.post(f"{user_path}/sessions", json=body)
        assert answer.status_code == 201, answer.text
        path = f"{user_path}/sessions/{answer.json()['session']['session_id']}"
        for text in texts:
            said = await self.post(f"{path}/add-message", json={"message": text, "role": "user"})
            assert said.status_code == 200, said.text
        return path

    async def settled(self, session_path: str, timeout_s: float = 10) -> str:
        """Read a session until it is neither pending nor processing; its status."""
        status = ""
        for _ in range(math.ceil(timeout_s / _WAIT_STEP_S)):
            status = (await self.get(session_path)).json()["session"]["status"]
            if status not in ("pending", "processing"):
                return str(status)
            await asyncio.sleep(_WAIT_STEP_S)
        raise AssertionError(f"the session was still {status} after {timeout_s} s")

    async def told(self, user_path: str, *texts: str, **body: Any) -> str:
        """A session in which the user said this, processed; the path of it."""
        path = await self.session(user_path, *texts, **body)
        answer = await self.post(f"{path}/process")
        assert answer.status_code == 200, answer.text
        assert await self.settled(path) == "processed"
        return path


@asynccontextmanager
async def raw_client(service: Service, credentials: Credentials) -> AsyncIterator[Raw]:
    """Plain HTTP as long as the context lasts."""
    async with httpx.AsyncClient(
        base_url=credentials.base_url, headers=credentials.headers, timeout=20
    ) as http:
        yield Raw(http, service, credentials)


@asynccontextmanager
async def remote_driver(
    name: str, service: Service, credentials: Credentials
) -> AsyncIterator[Driver]:
    """A driver of a server's project as long as the context lasts."""
    url, key, project = credentials.base_url, credentials.api_key, credentials.project_id
    errors: ModuleType = hitherto.errors
    models: ModuleType = hitherto.models
    client: Any
    match name:
        case "py-sync":
            inner = recallrai.RecallrAI(key, project, url)
            client, close = AsyncFace(inner), inner._http.client.close
            errors, models = recallrai.exceptions, recallrai.models
        case "py-async":
            client = recallrai.AsyncRecallrAI(key, project, url)
            close = client.close
            errors, models = recallrai.exceptions, recallrai.models
        case "node":
            client = NodeClient(key, project, url)
            close = client.close
            errors = node_wire
        case "ours-sync":
            ours = Hitherto(url, api_key=key, project_id=project)
            client, close = AsyncFace(ours), ours.close
        case "ours-async":
            client = AsyncHitherto(url, api_key=key, project_id=project)
            close = client.close
        case _:
            raise AssertionError(f"no driver is called {name}")
    try:
        yield Driver(name, client, errors, models, service.clock, service, credentials)
    finally:
        closed = close()
        if inspect.isawaitable(closed):
            await closed


@asynccontextmanager
async def embedded_driver(
    path: Path, *, inference: Inference | None = None
) -> AsyncIterator[Driver]:
    """A driver of a file as long as the context lasts."""
    clock = SharedClock()
    parts = Parts(
        embedder=HashEmbedder(),
        inference=inference,
        clock=clock,
        statement_model=PlainModel(),
    )
    async with AsyncHitherto(path, settings=QUICK, parts=parts) as client:
        yield Driver(EMBEDDED, client, hitherto.errors, hitherto.models, clock)
