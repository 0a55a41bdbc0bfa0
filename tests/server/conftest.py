"""An application over a real memory or over stand-ins, asked without a network."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from hitherto import Parts, Settings
from hitherto.admin_api import AdminApi
from hitherto.api import MemoryApi
from hitherto.server import create_app
from hitherto.system import System, open_system

BASE_URL = "http://memory.test"


@dataclass(frozen=True, slots=True)
class Project:
    """A project with a key, and an admin key beside it."""

    project_id: str
    api_key: str
    admin_key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Recallr-Api-Key": self.api_key, "X-Recallr-Project-Id": self.project_id}


class FakeAdmin:
    """Lets everyone in."""

    async def authenticate(self, api_key: str, project_id: str) -> None:
        return None


@dataclass
class FakeSystem:
    """Serves a stand-in for the engine to whoever asks. failure: what the database answers."""

    api: Any
    failure: Exception | None = None
    admin: Any = field(default_factory=FakeAdmin)

    def engine(self, project_id: str) -> MemoryApi:
        api: MemoryApi = self.api
        return api

    async def check(self) -> None:
        if self.failure is not None:
            raise self.failure


def http_for(app: Any, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client that asks the application itself. What the application raises is not raised here."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
        base_url=BASE_URL,
        headers=headers,
    )


def http_for_fake(api: Any, settings: Settings | None = None) -> httpx.AsyncClient:
    """A client of an application over a stand-in for the engine."""
    headers = {"X-Recallr-Api-Key": "rai_any", "X-Recallr-Project-Id": "any"}
    return http_for(create_app(FakeSystem(api), settings or Settings()), headers)


@pytest.fixture
async def system(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[System]:
    opened = await open_system(path, settings, parts)
    yield opened
    await opened.close()


@pytest.fixture
async def project(system: System) -> Project:
    admin: AdminApi = system.admin
    made = await admin.create_project("tests")
    key = await admin.create_key(made.project_id)
    return Project(made.project_id, key.api_key, (await admin.create_admin_key()).api_key)


@pytest.fixture
async def anonymous(system: System, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with http_for(create_app(system, settings)) as client:
        yield client


@pytest.fixture
async def http(
    system: System, settings: Settings, project: Project
) -> AsyncIterator[httpx.AsyncClient]:
    async with http_for(create_app(system, settings), project.headers) as client:
        yield client


@pytest.fixture
async def administrator(
    system: System, settings: Settings, project: Project
) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-Hitherto-Admin-Key": project.admin_key}
    async with http_for(create_app(system, settings), headers) as client:
        yield client
