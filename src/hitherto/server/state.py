"""What the application serves: any object with the face of a `System`."""

from typing import Protocol

from starlette.requests import HTTPConnection

from hitherto.admin_api import AdminApi
from hitherto.api import MemoryApi
from hitherto.settings import Settings


class Served(Protocol):
    """The memories of all projects, and their administration."""

    @property
    def admin(self) -> AdminApi:
        """What whoever runs the service can do."""
        ...

    def engine(self, project_id: str) -> MemoryApi:
        """The API for the users of a project, of which the caller knows that it exists."""
        ...

    async def check(self) -> None:
        """See that the database answers. Raises UnavailableError."""
        ...


def served_by(connection: HTTPConnection) -> Served:
    """What the application of a request serves."""
    served: Served = connection.app.state.served
    return served


def settings_of(connection: HTTPConnection) -> Settings:
    """The settings of the application of a request."""
    settings: Settings = connection.app.state.settings
    return settings
