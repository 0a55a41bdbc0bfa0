"""Shares of projects in the threads that read, compute and write for requests."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from hitherto.engine.active_projects import ActiveProjects
from hitherto.engine.processor_shares import ProcessorShares


@dataclass(slots=True)
class _Share:
    """Threads that a project uses, and its calls that wait for one, in order."""

    used: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class ProjectShares:
    """Limits the threads of one project at once, so that others find one free.

    limit: threads that one project may use, by the number of active projects, itself included.
    processor: limits the project's processor time on them; None where threads hardly compute.
    """

    def __init__(
        self,
        limit: Callable[[int], int],
        active: ActiveProjects,
        processor: ProcessorShares | None = None,
    ) -> None:
        self._limit = limit
        self._active = active
        self._processor = processor
        self._shares: dict[str, _Share] = {}

    @contextlib.asynccontextmanager
    async def use(self, project_id: str) -> AsyncIterator[None]:
        """Wait until the project uses fewer threads than its share; hold one meanwhile."""
        share = self._shares.setdefault(project_id, _Share())
        with self._active.working_for(project_id):
            try:
                await self._take(share)
                try:
                    async with self._charged(project_id):
                        yield
                finally:
                    share.used -= 1
                    self._wake(share)
            finally:
                if not share.used and not share.waiting:
                    self._shares.pop(project_id, None)

    @contextlib.asynccontextmanager
    async def _charged(self, project_id: str) -> AsyncIterator[None]:
        """Wait for the project's processor share, and charge it with the block."""
        if self._processor is None:
            yield
            return
        await self._processor.wait(project_id)
        with self._processor.charge(project_id):
            yield

    async def _take(self, share: _Share) -> None:
        if not share.waiting and share.used < self._max_threads():
            share.used += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        share.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn came, but its call was cancelled at the same time.
                share.used -= 1
                self._wake(share)
            elif turn in share.waiting:
                share.waiting.remove(turn)
            raise

    def _wake(self, share: _Share) -> None:
        """Give waiting calls their turns, as far as the share allows."""
        while share.waiting and share.used < self._max_threads():
            turn = share.waiting.popleft()
            if not turn.done():
                share.used += 1
                turn.set_result(None)

    def _max_threads(self) -> int:
        return self._limit(self._active.count())


def reads_of_project(readers: int) -> Callable[[int], int]:
    """Return the limit of reads: one is left for others, active projects share the rest.

    Reads compute in Python, where each thread slows the others down.
    """
    return lambda active: max(1, (readers - 1) // active)


def writes_of_project(writers: int) -> Callable[[int], int]:
    """Return the limit of writes that run or wait for a writer.

    A file has one writer. A second write waits, so that it begins when the first one ends; a write
    of another project then waits for two at most, not for all that one project's clients send.
    """
    return lambda _active: max(2, writers - 1)
