"""Base of the engine's parts: resources, and transactions of one project."""

from collections.abc import Callable
from typing import TypeVar

from hitherto.api import Page
from hitherto.core import arguments
from hitherto.engine.resources import Resources
from hitherto.models import Metadata
from hitherto.store import ProjectUsers

T = TypeVar("T")


class Transacting:
    """Runs transactions for the users of one project."""

    def __init__(self, resources: Resources, project_id: str) -> None:
        self._resources = resources
        self._project_id = project_id

    def _metadata(self, value: Metadata | None) -> Metadata:
        return arguments.metadata(value, self._resources.settings.max_metadata_bytes)

    async def _read(self, work: Callable[[ProjectUsers], T]) -> T:
        return await self._resources.store.read(lambda tx: work(tx.users(self._project_id)))

    async def _write(self, work: Callable[[ProjectUsers], T]) -> T:
        return await self._resources.store.write(lambda tx: work(tx.users(self._project_id)))


def paged(items: list[T], total: int, offset: int) -> Page[T]:
    """Return the page of a list that begins at `offset`."""
    return Page(items, total, offset + len(items) < total)
