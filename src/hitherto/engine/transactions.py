"""Base of the engine's parts: resources, and transactions of one project."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from hitherto.api import Page
from hitherto.core import arguments
from hitherto.engine.resources import Resources
from hitherto.errors import ValidationError
from hitherto.models import Metadata
from hitherto.store import ProjectUsers

T = TypeVar("T")

FILTER_DEADLINE_S = 5.0
"""Maximum seconds of a filtered list, which occupies a thread that all requests share. It is a
sixth of the released clients' time-out."""


class ProjectTransactions:
    """Runs transactions for the users of one project."""

    def __init__(self, resources: Resources, project_id: str) -> None:
        self._resources = resources
        self._project_id = project_id

    def _metadata(self, value: Metadata | None) -> Metadata:
        return arguments.metadata(value, self._resources.settings.max_metadata_bytes)

    async def _read(self, work: Callable[[ProjectUsers], T]) -> T:
        async with self._share():
            return await self._resources.store.read(lambda tx: work(tx.users(self._project_id)))

    def _share(self) -> AbstractAsyncContextManager[None]:
        """Wait for a thread of the project's share, and hold it meanwhile."""
        return self._resources.read_shares.use(self._project_id)

    async def _write(self, work: Callable[[ProjectUsers], T]) -> T:
        async with self._resources.write_shares.use(self._project_id):
            return await self._resources.store.write(lambda tx: work(tx.users(self._project_id)))


def build_page(items: list[T], total: int, offset: int) -> Page[T]:
    """Return the page of a list that begins at `offset`."""
    return Page(items, total, offset + len(items) < total)


def page_of(matching: Iterable[T], offset: int, limit: int) -> Page[T]:
    """Return the page at `offset` of a stream of matches; only the page is kept."""
    items: list[T] = []
    total = 0
    for total, item in enumerate(matching, start=1):
        if offset < total <= offset + limit:
            items.append(item)
    return build_page(items, total, offset)


def within_deadline(
    items: Iterable[T], what: str, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[T]:
    """Yield items for a filter until `FILTER_DEADLINE_S` has passed.

    what: name of the items for the message. monotonic: seconds. Raises ValidationError, because the
    same filter would take as long again.
    """
    deadline = monotonic() + FILTER_DEADLINE_S
    for count, item in enumerate(items):
        if monotonic() > deadline:
            raise ValidationError(
                f"The filter was stopped after {FILTER_DEADLINE_S:g} s and {count:,} {what}; "
                "filter by fewer values, or keep less metadata"
            )
        yield item
