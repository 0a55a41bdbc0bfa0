"""Application state: the system that is served, and the settings."""

from typing import Protocol

from starlette.requests import HTTPConnection

from hitherto.admin_api import AdminApi
from hitherto.api import MemoryApi
from hitherto.settings import Settings


class MemorySystem(Protocol):
    """Memories of all projects, and their administration; `System` is one."""

    @property
    def admin(self) -> AdminApi:
        """Admin API."""
        ...

    def engine(self, project_id: str) -> MemoryApi:
        """Return the API for the users of a project that exists."""
        ...

    async def check(self) -> None:
        """Query the database. Raises UnavailableError if it does not answer."""
        ...


def system_of(connection: HTTPConnection) -> MemorySystem:
    """Return the system that a request's application serves."""
    system: MemorySystem = connection.app.state.system
    return system


def settings_of(connection: HTTPConnection) -> Settings:
    """Return the settings of a request's application."""
    settings: Settings = connection.app.state.settings
    return settings
