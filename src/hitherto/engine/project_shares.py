"""Shares of projects in the threads that read and compute for requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(slots=True)
class _Share:
    """Free threads of a project's share, and how many calls use it or wait for it."""

    free: asyncio.Semaphore
    calls: int = 0


class ProjectShares:
    """Bounds what runs for one project at once, so that others find a thread free.

    most: threads that one project may use at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._shares: dict[str, _Share] = {}

    @contextlib.asynccontextmanager
    async def use(self, project_id: str) -> AsyncIterator[None]:
        """Wait until the project uses fewer threads than its share; hold one meanwhile."""
        share = self._shares.get(project_id)
        if share is None:
            share = self._shares[project_id] = _Share(asyncio.Semaphore(self._most))
        share.calls += 1
        try:
            async with share.free:
                yield
        finally:
            share.calls -= 1
            if not share.calls:
                del self._shares[project_id]


def reads_of_project(readers: int, cores: int) -> int:
    """Return how many of the readers one project may use.

    One is left for others. Computing in Python, more threads than cores only slow each other down.
    """
    return max(1, min(readers - 1, cores))


def writes_of_project(writers: int) -> int:
    """Return how many writes of one project may run or wait for the writers.

    A file has one writer. A second write waits, so that it begins when the first one ends; a write
    of another project then waits for two at most, not for all that one project's clients send.
    """
    return max(2, writers - 1)
